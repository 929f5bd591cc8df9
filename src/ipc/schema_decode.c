/* SPDX-License-Identifier: Apache-2.0 */
/* Flatbuffers to schemas. The input is hostile. */
#include "arrow/schema.h"
#include "arrow/type.h"
#include "ipc/format.h"
#include "ipc/key_values.h"
#include "ipc/schema.h"
#include "support/alloc.h"
#include "support/error.h"

#include <stdio.h>
#include <string.h>

enum { SMALL_TEXT = 128 };

struct schema_decoder {
  struct flatbuf *buffer;
  struct ipc_schema_info *info;
  int max_depth;
  respool_error *error;
};

static respool_status corrupt(const struct schema_decoder *decoder, const char *what) {
  const char *broken = decoder->buffer->broken;
  return error_set(decoder->error, RESPOOL_CORRUPT, "damaged schema: %s", broken != NULL ? broken : what);
}

/* A string of the buffer as C text. C has no way to carry a NUL inside. */
static respool_status copy_text(const struct schema_decoder *decoder, const struct flatbuf_vector *text, char **out) {
  if (text->present && memchr(flatbuf_items(text), '\0', text->count) != NULL) {
    return corrupt(decoder, "a name with a NUL character in it");
  }
  if (!flatbuf_spend_text(decoder->buffer, text->count)) return corrupt(decoder, "");
  char *copy = mem_alloc((size_t)text->count + 1);
  if (copy == NULL) return error_no_memory(decoder->error);
  if (text->count > 0) memcpy(copy, flatbuf_items(text), text->count);
  copy[text->count] = '\0';
  *out = copy;
  return RESPOOL_OK;
}

/* A vector of KeyValue in the C interface's encoding; NULL where there is none. */
static respool_status decode_metadata(const struct schema_decoder *decoder, const struct flatbuf_table *table, int slot,
                                      char **out) {
  struct flatbuf_vector pairs = flatbuf_list(table, slot, 4);
  int64_t size;
  respool_status status = key_values_decode(&pairs, out, &size, decoder->error);
  return status == RESPOOL_CORRUPT ? corrupt(decoder, "metadata") : status;
}

/* ---- Types ----------------------------------------------------------------------------------------- */

static void decode_int(const struct flatbuf_table *table, struct arrow_type *type) {
  type->id = ARROW_INT;
  type->bit_width = flatbuf_i32(table, 0, 0);
  type->is_signed = flatbuf_u8(table, 1, 0) != 0;
}

static void decode_float(const struct flatbuf_table *table, struct arrow_type *type) {
  static const int widths[] = {16, 32, 64};
  int16_t precision = flatbuf_i16(table, 0, 0);
  type->id = ARROW_FLOAT;
  type->bit_width = precision >= 0 && precision < 3 ? widths[precision] : 0;
}

static void decode_decimal(const struct flatbuf_table *table, struct arrow_type *type) {
  type->id = ARROW_DECIMAL;
  type->precision = flatbuf_i32(table, 0, 0);
  type->scale = flatbuf_i32(table, 1, 0);
  type->bit_width = flatbuf_i32(table, 2, 128);
}

static void decode_date(const struct flatbuf_table *table, struct arrow_type *type) {
  int16_t unit = flatbuf_i16(table, 0, 1);
  type->id = ARROW_DATE;
  type->unit = unit == 0 ? ARROW_DAY : ARROW_MILLI;
  type->bit_width = unit == 0 ? 32 : unit == 1 ? 64 : 0; /* 0: no format has that */
}

/* Text of the type, where it has any, goes to `*text`, which the caller frees. */
static respool_status decode_timestamp(const struct schema_decoder *decoder, const struct flatbuf_table *table,
                                       struct arrow_type *type, char **text) {
  type->id = ARROW_TIMESTAMP;
  type->unit = (enum arrow_unit)flatbuf_i16(table, 0, ARROW_SECOND);
  struct flatbuf_vector zone = flatbuf_list(table, 1, 1);
  return copy_text(decoder, &zone, text);
}

static respool_status decode_union(const struct schema_decoder *decoder, const struct flatbuf_table *table,
                                   uint32_t n_children, struct arrow_type *type, char **text) {
  struct flatbuf_vector ids = flatbuf_list(table, 1, 4);
  uint32_t count = ids.present ? ids.count : n_children;
  int16_t mode = flatbuf_i16(table, 0, 0);
  if (count > 128 || mode < 0 || mode > 1) return corrupt(decoder, "a union of unknown mode or too many types");
  if (!flatbuf_spend_text(decoder->buffer, (uint64_t)count * 4)) return corrupt(decoder, "");
  type->id = ARROW_UNION;
  type->is_dense = mode == 1;
  char *out = mem_alloc((size_t)count * 12 + 1);
  if (out == NULL) return error_no_memory(decoder->error);
  size_t used = 0;
  out[0] = '\0';
  for (uint32_t i = 0; i < count; i++) {
    int32_t id = (int32_t)i;
    if (ids.present) memcpy(&id, flatbuf_items(&ids) + 4 * (size_t)i, 4);
    if (id < 0 || id > 127) {
      mem_free(out);
      return corrupt(decoder, "a union with an impossible type id");
    }
    used += (size_t)snprintf(out + used, 13, "%s%d", i > 0 ? "," : "", id);
  }
  *text = out;
  return RESPOOL_OK;
}

static bool decode_plain(uint8_t tag, const struct flatbuf_table *table, struct arrow_type *type) {
  switch (tag) {
  case TYPE_NULL:
    type->id = ARROW_NULL;
    return true;
  case TYPE_INT:
    decode_int(table, type);
    return true;
  case TYPE_FLOAT:
    decode_float(table, type);
    return true;
  case TYPE_BINARY:
  case TYPE_LARGE_BINARY:
    type->id = ARROW_BINARY;
    break;
  case TYPE_UTF8:
  case TYPE_LARGE_UTF8:
    type->id = ARROW_UTF8;
    break;
  case TYPE_BOOL:
    type->id = ARROW_BOOL;
    return true;
  case TYPE_DECIMAL:
    decode_decimal(table, type);
    return true;
  case TYPE_DATE:
    decode_date(table, type);
    return true;
  case TYPE_TIME:
    type->id = ARROW_TIME;
    type->unit = (enum arrow_unit)flatbuf_i16(table, 0, ARROW_MILLI);
    type->bit_width = flatbuf_i32(table, 1, 32);
    return true;
  case TYPE_INTERVAL:
    type->id = ARROW_INTERVAL;
    type->interval = (enum arrow_interval)flatbuf_i16(table, 0, ARROW_YEAR_MONTH);
    return true;
  case TYPE_LIST:
  case TYPE_LARGE_LIST:
    type->id = ARROW_LIST;
    break;
  case TYPE_STRUCT:
    type->id = ARROW_STRUCT;
    return true;
  case TYPE_FIXED_BINARY:
    type->id = ARROW_FIXED_BINARY;
    type->size = flatbuf_i32(table, 0, 0);
    return true;
  case TYPE_FIXED_LIST:
    type->id = ARROW_FIXED_LIST;
    type->size = flatbuf_i32(table, 0, 0);
    return true;
  case TYPE_MAP:
    type->id = ARROW_MAP;
    return true;
  case TYPE_DURATION:
    type->id = ARROW_DURATION;
    type->unit = (enum arrow_unit)flatbuf_i16(table, 0, ARROW_MILLI);
    return true;
  case TYPE_RUN_END_ENCODED:
    type->id = ARROW_RUN_END_ENCODED;
    return true;
  case TYPE_BINARY_VIEW:
    type->id = ARROW_BINARY_VIEW;
    return true;
  case TYPE_UTF8_VIEW:
    type->id = ARROW_UTF8_VIEW;
    return true;
  case TYPE_LIST_VIEW:
  case TYPE_LARGE_LIST_VIEW:
    type->id = ARROW_LIST_VIEW;
    break;
  default:
    return false;
  }
  type->is_large =
      tag == TYPE_LARGE_BINARY || tag == TYPE_LARGE_UTF8 || tag == TYPE_LARGE_LIST || tag == TYPE_LARGE_LIST_VIEW;
  return true;
}

/* What arrow_type_format() would take at its word. */
static bool parameters_in_range(const struct arrow_type *type) {
  if ((type->id == ARROW_TIMESTAMP || type->id == ARROW_DURATION || type->id == ARROW_TIME) &&
      ((int)type->unit < ARROW_SECOND || (int)type->unit > ARROW_NANO)) {
    return false;
  }
  if (type->id == ARROW_FIXED_BINARY || type->id == ARROW_FIXED_LIST) return type->size >= 0;
  if (type->id == ARROW_DECIMAL) {
    return type->bit_width == 32 || type->bit_width == 64 || type->bit_width == 128 || type->bit_width == 256;
  }
  return true;
}

/* The format string of a field's type, for the caller to free. */
static respool_status decode_type(const struct schema_decoder *decoder, const struct flatbuf_table *field,
                                  uint32_t n_children, char **format) {
  uint8_t tag = flatbuf_u8(field, FIELD_TYPE_TYPE, TYPE_NONE);
  struct flatbuf_table table = flatbuf_sub(field, FIELD_TYPE);
  if (!table.present) return corrupt(decoder, "a field without a type");
  struct arrow_type type = {.text = ""};
  char *text = NULL;
  respool_status status = RESPOOL_OK;
  if (tag == TYPE_TIMESTAMP) {
    status = decode_timestamp(decoder, &table, &type, &text);
  } else if (tag == TYPE_UNION) {
    status = decode_union(decoder, &table, n_children, &type, &text);
  } else if (!decode_plain(tag, &table, &type)) {
    return error_set(decoder->error, RESPOOL_UNSUPPORTED, "the schema has a type with the unknown number %d", tag);
  }
  if (status != RESPOOL_OK) return status;
  if (text != NULL) type.text = text;
  size_t size = SMALL_TEXT + strlen(type.text);
  char *out = mem_alloc(size);
  if (out == NULL) {
    status = error_no_memory(decoder->error);
  } else if (!parameters_in_range(&type) || !arrow_type_format(&type, out, size) ||
             arrow_type_parse(out, &type, NULL) != RESPOOL_OK) {
    status = corrupt(decoder, "a type with impossible parameters");
  }
  mem_free(text);
  int wanted = arrow_type_children(type.id);
  if (status == RESPOOL_OK && wanted >= 0 && n_children != (uint32_t)wanted) {
    status = corrupt(decoder, "a field with the wrong number of children for its type");
  }
  if (status == RESPOOL_OK)
    *format = out;
  else
    mem_free(out);
  return status;
}

/* ---- Fields ---------------------------------------------------------------------------------------- */

static respool_status decode_field(const struct schema_decoder *decoder, const struct flatbuf_table *field, int depth,
                                   struct ArrowSchema *out);

static respool_status decode_children(const struct schema_decoder *decoder, const struct flatbuf_vector *fields,
                                      int depth, struct ArrowSchema *out) {
  for (uint32_t i = 0; i < fields->count; i++) {
    struct flatbuf_table field = flatbuf_item_table(fields, i);
    if (!field.present) return corrupt(decoder, "a field that is none");
    respool_status status = decode_field(decoder, &field, depth, out->children[i]);
    if (status != RESPOOL_OK) return status;
  }
  return RESPOOL_OK;
}

static int64_t decode_flags(const struct flatbuf_table *field) {
  int64_t flags = flatbuf_u8(field, FIELD_NULLABLE, 0) != 0 ? ARROW_FLAG_NULLABLE : 0;
  if (flatbuf_u8(field, FIELD_TYPE_TYPE, TYPE_NONE) == TYPE_MAP) {
    struct flatbuf_table map = flatbuf_sub(field, FIELD_TYPE);
    if (flatbuf_u8(&map, 0, 0) != 0) flags |= ARROW_FLAG_MAP_KEYS_SORTED;
  }
  return flags;
}

/* The parts of a field, each to be freed. */
struct field_parts {
  char *format;
  char *name;
  char *metadata;
  int64_t flags;
  struct flatbuf_vector children;
};

static void free_parts(struct field_parts *parts) {
  mem_free(parts->format);
  mem_free(parts->name);
  mem_free(parts->metadata);
}

static respool_status decode_parts(const struct schema_decoder *decoder, const struct flatbuf_table *field,
                                   struct field_parts *parts) {
  parts->children = flatbuf_list(field, FIELD_CHILDREN, 4);
  parts->flags = decode_flags(field);
  if (!flatbuf_spend(decoder->buffer, parts->children.count)) return corrupt(decoder, "");
  struct flatbuf_vector name = flatbuf_list(field, FIELD_NAME, 1);
  respool_status status = copy_text(decoder, &name, &parts->name);
  if (status == RESPOOL_OK) status = decode_metadata(decoder, field, FIELD_CUSTOM_METADATA, &parts->metadata);
  if (status == RESPOOL_OK) status = decode_type(decoder, field, parts->children.count, &parts->format);
  if (status == RESPOOL_OK && flatbuf_broken(decoder->buffer)) return corrupt(decoder, "a field");
  return status;
}

static respool_status index_format(const struct schema_decoder *decoder, const struct flatbuf_table *encoding,
                                   char *out, size_t size) {
  struct flatbuf_table index = flatbuf_sub(encoding, DICTIONARY_INDEX_TYPE);
  struct arrow_type type = {.id = ARROW_INT, .bit_width = 32, .is_signed = true, .text = ""}; /* the default */
  if (index.present) decode_int(&index, &type);
  return arrow_type_format(&type, out, size) ? RESPOOL_OK : corrupt(decoder, "a dictionary's index type");
}

static respool_status note_id(const struct schema_decoder *decoder, const struct flatbuf_table *encoding) {
  struct ipc_schema_info *info = decoder->info;
  if (flatbuf_i16(encoding, DICTIONARY_KIND, 0) != 0) return corrupt(decoder, "a dictionary of an unknown kind");
  if (!mem_reserve((void **)&info->ids, &info->id_capacity, (size_t)info->n_dictionaries + 1, sizeof *info->ids)) {
    return error_no_memory(decoder->error);
  }
  info->ids[info->n_dictionaries++] = flatbuf_i64(encoding, DICTIONARY_ID, 0);
  return RESPOOL_OK;
}

/* A dictionary field: the index is the field, and its type and children on the wire are the dictionary's. */
static respool_status make_encoded(const struct schema_decoder *decoder, const struct flatbuf_table *encoding,
                                   int depth, const struct field_parts *parts, struct ArrowSchema *out) {
  char format[SMALL_TEXT];
  respool_status status = index_format(decoder, encoding, format, sizeof format);
  if (status == RESPOOL_OK) status = note_id(decoder, encoding);
  if (status != RESPOOL_OK) return status;
  int64_t flags = parts->flags & ARROW_FLAG_NULLABLE;
  if (flatbuf_u8(encoding, DICTIONARY_ORDERED, 0) != 0) flags |= ARROW_FLAG_DICTIONARY_ORDERED;
  status = schema_make(out, format, parts->name, parts->metadata, flags, 0, decoder->error);
  if (status != RESPOOL_OK) return status;
  status = schema_make_dictionary(out, decoder->error);
  if (status != RESPOOL_OK) return status;
  int64_t values_flags = ARROW_FLAG_NULLABLE | (parts->flags & ARROW_FLAG_MAP_KEYS_SORTED);
  status = schema_make(out->dictionary, parts->format, "", NULL, values_flags, parts->children.count, decoder->error);
  if (status != RESPOOL_OK) return status;
  return decode_children(decoder, &parts->children, depth + 1, out->dictionary);
}

static respool_status make_field(const struct schema_decoder *decoder, const struct flatbuf_table *field, int depth,
                                 const struct field_parts *parts, struct ArrowSchema *out) {
  struct flatbuf_table encoding = flatbuf_sub(field, FIELD_DICTIONARY);
  if (encoding.present) return make_encoded(decoder, &encoding, depth, parts, out);
  respool_status status = schema_make(out, parts->format, parts->name, parts->metadata, parts->flags,
                                      parts->children.count, decoder->error);
  if (status != RESPOOL_OK) return status;
  return decode_children(decoder, &parts->children, depth + 1, out);
}

static respool_status decode_field(const struct schema_decoder *decoder, const struct flatbuf_table *field, int depth,
                                   struct ArrowSchema *out) {
  if (depth > decoder->max_depth) {
    return error_set(decoder->error, RESPOOL_UNSUPPORTED,
                     "the schema is nested more than %d deep, which is not supported", decoder->max_depth);
  }
  struct field_parts parts = {0};
  respool_status status = decode_parts(decoder, field, &parts);
  if (status == RESPOOL_OK) status = make_field(decoder, field, depth, &parts, out);
  free_parts(&parts);
  return status;
}

/*
 * Dictionary replacement (1) and compressed bodies (2) are announced by some writers; anything else is unknown
 * ground.
 */
static respool_status check_features(const struct schema_decoder *decoder, const struct flatbuf_table *table) {
  struct flatbuf_vector features = flatbuf_list(table, SCHEMA_FEATURES, 8);
  for (uint32_t i = 0; i < features.count; i++) {
    uint64_t feature;
    memcpy(&feature, flatbuf_items(&features) + 8 * (size_t)i, 8);
    if (feature > 2) {
      return error_set(decoder->error, RESPOOL_UNSUPPORTED, "the stream uses feature %llu, which is not supported",
                       (unsigned long long)feature);
    }
  }
  return RESPOOL_OK;
}

respool_status ipc_decode_schema(const struct flatbuf_table *table, int max_depth, struct ArrowSchema *schema,
                                 struct ipc_schema_info *info, respool_error *error) {
  struct schema_decoder decoder = {.buffer = table->buffer, .info = info, .max_depth = max_depth, .error = error};
  if (!table->present) return corrupt(&decoder, "there is none in the schema message");
  respool_status status = check_features(&decoder, table);
  if (status != RESPOOL_OK) return status;
  int16_t endianness = flatbuf_i16(table, SCHEMA_ENDIANNESS, ENDIAN_LITTLE);
  if (endianness != ENDIAN_LITTLE && endianness != ENDIAN_BIG) return corrupt(&decoder, "an unknown byte order");
  info->big_endian = endianness == ENDIAN_BIG;
  struct flatbuf_vector fields = flatbuf_list(table, SCHEMA_FIELDS, 4);
  char *metadata;
  if (!flatbuf_spend(decoder.buffer, fields.count)) return corrupt(&decoder, "");
  status = decode_metadata(&decoder, table, SCHEMA_CUSTOM_METADATA, &metadata);
  if (status != RESPOOL_OK) return status;
  struct ArrowSchema made;
  status = schema_make(&made, "+s", "", metadata, 0, fields.count, error);
  mem_free(metadata);
  if (status != RESPOOL_OK) return status;
  status = decode_children(&decoder, &fields, 1, &made);
  if (status == RESPOOL_OK && flatbuf_broken(decoder.buffer)) status = corrupt(&decoder, "");
  if (status != RESPOOL_OK) {
    schema_release(&made);
    return status;
  }
  *schema = made;
  return RESPOOL_OK;
}

void ipc_schema_info_close(struct ipc_schema_info *info) {
  mem_free(info->ids);
  *info = (struct ipc_schema_info){0};
}
