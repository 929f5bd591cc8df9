/* SPDX-License-Identifier: Apache-2.0 */
/* Every type, and some of them in each other. */
#include "schema_build.h"

#include <stddef.h>

#define LEAVES                                                                                                         \
  "null", "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32",      \
      "float64", "date32", "date64", "decimal32(9,2)", "decimal64(18,-3)", "decimal128(38,10)", "decimal256(76,38)",   \
      "time32(s)", "time32(ms)", "time64(us)", "time64(ns)", "timestamp(s)", "timestamp(ms,UTC)",                      \
      "timestamp(us,Europe/Berlin)", "timestamp(ns,+02:30)", "duration(s)", "duration(ms)", "duration(us)",            \
      "duration(ns)", "interval(ym)", "interval(dt)", "interval(mdn)", "fixed(1)", "fixed(7)", "fixed(0)",             \
      "fixed(33)", "binary", "utf8", "large_binary", "large_utf8", "binary_view", "utf8_view", "timestamp(us)",        \
      "timestamp(ns,Asia/Kathmandu)", "decimal32(7,1)"

const char *const kit_leaf_types[] = {LEAVES};
_Static_assert(sizeof kit_leaf_types / sizeof kit_leaf_types[0] == KIT_LEAF_TYPES, "as the header says");

const char *const kit_types[] = {
    LEAVES,
    "list<item:int32>",
    "large_list<item:utf8>",
    "fixed_list(3)<item:bool>",
    "struct<a:int8,b:bool>",
    "map<key:utf8,value:float64>",
    "list<item:list<item:bool>>",
    "fixed_list(2)<item:fixed_list(3)<item:int8>>",
    "struct<a:struct<b:struct<c:null>>>",
    "list<x:struct<a:list<item:utf8>,m:map_sorted<key:int8,value:list<item:decimal128(9,0)>>>>",
    "list_view<item:int32>",
    "large_list_view<item:utf8_view>",
    "list_view<item:list_view<item:bool>>",
    "fixed_list(2)<item:list_view<item:utf8>>",
    "sparse_union(0)<a:int32>",
    "sparse_union(5,127,0)<a:bool,b:utf8,c:null>",
    "sparse_union(1,2)<a:dense_union(3,4)<x:int8,y:utf8_view>,b:list<item:int64>>",
    "dense_union(0,1)<a:int32,b:utf8>",
    "dense_union(9,8,7,6)<a:null,b:binary_view,c:list_view<item:bool>,d:dense_union(0)<x:int16>>",
    "run_ends(s)<values:utf8>",
    "run_ends(i)<values:bool>",
    "run_ends(l)<values:list<item:utf8_view>>",
    "run_ends(i)<values:run_ends(l)<values:int8>>",
    "run_ends(i)<values:dense_union(0,1)<a:int8,b:struct<c:utf8>>>",
    "list<item:run_ends(i)<values:fixed(3)>>",
    "fixed_list(3)<item:run_ends(i)<values:sparse_union(0,1)<a:int8,b:bool>>>",
    "struct<a:run_ends(s)<values:int32>,b:list_view<item:run_ends(l)<values:null>>>",
    "map<key:utf8_view,value:dense_union(0,1)<a:list_view<item:int8>,b:bool>>",
    "dictionary(c)<:utf8>",
    "dictionary(C)<:utf8_view>",
    "dictionary(s)<:int64>",
    "dictionary(S)<:null>",
    "dictionary_ordered(i)<:bool>",
    "dictionary(I)<:list<item:utf8>>",
    "dictionary_ordered(l)<:struct<a:int8,b:binary_view>>",
    "dictionary(L)<:map_sorted<key:int8,value:utf8>>",
    "dictionary(i)<:list_view<item:run_ends(i)<values:bool>>>",
    "dictionary(c)<:struct<a:dictionary(c)<:utf8>,b:list<item:dictionary(S)<:list<item:dictionary(l)<:utf8_view>>>>>>",
    "list<item:dictionary(i)<:utf8>>",
    "struct<a:dictionary(i)<:utf8>,b:dictionary(i)<:utf8>>",
    "dense_union(0,1)<a:dictionary(i)<:utf8>,b:list_view<item:dictionary(C)<:int8>>>",
    "run_ends(i)<values:dictionary(c)<:dense_union(0,1)<a:int8,b:utf8>>>",
    "dictionary(i)<:run_ends(i)<values:utf8>>",
    "dictionary(i)<:sparse_union(4,2)<a:dictionary(c)<:bool>,b:utf8_view>>",
    NULL,
};
