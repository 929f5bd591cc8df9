/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ArrowSchema trees for tests, from text, by chance, or copied; all of them counted until they are released.
 *
 * The text names fields and types:
 *   {id:int64!, name:utf8, 'odd name':list<item:float32>, :map<key:utf8, value:timestamp(us,UTC)>}
 * "!" makes a field not nullable. A name is any run of letters, digits, and "_-", or stands in single quotes, or is
 * empty. Types:
 *   null bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 date32 date64
 *   decimal32(P,S) decimal64(P,S) decimal128(P,S) decimal256(P,S) fixed(BYTES)
 *   time32(s|ms) time64(us|ns) timestamp(s|ms|us|ns[,ZONE]) duration(s|ms|us|ns) interval(ym|dt|mdn)
 *   binary utf8 large_binary large_utf8 binary_view utf8_view
 *   list<field> large_list<field> list_view<field> large_list_view<field> fixed_list(N)<field>
 *   map<key,value> map_sorted<key,value> struct<field,...>
 *   sparse_union(ID,...)<field,...> dense_union(ID,...)<field,...>
 *   run_ends(FORMAT)<field>   of run ends of this format
 *   dictionary(INDEX FORMAT)<field> dictionary_ordered(INDEX FORMAT)<field>
 *   raw(FORMAT)<field,...>   any format string, for what must be refused
 */
#ifndef RESPOOL_TESTS_KIT_SCHEMA_BUILD_H
#define RESPOOL_TESTS_KIT_SCHEMA_BUILD_H

#include "random.h"

#include <respool/respool.h>

/* A struct schema (format "+s") of the fields in `text`. Bad text ends the program. */
void kit_schema_parse(const char *text, struct ArrowSchema *schema);

/* Texts of every type, and of some in each other, for fields; NULL at the end. */
extern const char *const kit_types[];

/* Those of them that have no children. */
enum { KIT_LEAF_TYPES = 47 };
extern const char *const kit_leaf_types[];

/* Text of a random schema with 0 to `max_fields` fields, types nested at most `max_depth` deep; free() it. */
char *kit_schema_random_text(kit_random *random, int max_fields, int max_depth);

void kit_schema_copy(const struct ArrowSchema *from, struct ArrowSchema *to);

typedef struct kit_pair {
  const char *key;
  int32_t key_size;
  const char *value;
  int32_t value_size;
} kit_pair;

/* Initialiser of a pair of two string literals. */
/* clang-format off */
#define KIT_PAIR(key, value) { key, (int32_t)sizeof(key) - 1, value, (int32_t)sizeof(value) - 1 }
/* clang-format on */

/* These are for schemas of this kit only. `count` 0 takes the metadata away. */
void kit_schema_set_metadata(struct ArrowSchema *schema, const kit_pair *pairs, int32_t count);
void kit_schema_set_name(struct ArrowSchema *schema, const char *name);
void kit_schema_set_format(struct ArrowSchema *schema, const char *format);

/* Bytes of C metadata; 0 for NULL. */
size_t kit_metadata_size(const char *metadata);

/* Whether formats, names, flags, metadata bytes, children and dictionaries are equal. A NULL name equals an empty one.
 * On a difference `where` gets its place (may be NULL). */
bool kit_schema_equal(const struct ArrowSchema *a, const struct ArrowSchema *b, char *where, size_t where_size);

/* Schemas of this kit not yet released. */
int64_t kit_live_schemas(void);

#endif
