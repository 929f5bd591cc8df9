/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas to flatbuffers. */
#include "arrow/schema.h"
#include "arrow/type.h"
#include "ipc/builder.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include "ipc/schema.h"
#include "support/alloc.h"
#include "support/error.h"

#include <string.h>

struct schema_encoder {
  struct builder builder;
  int64_t next_id; /* of a dictionary: their number in pre-order */
  respool_error *error;
};

/*
 * The C interface's metadata (int32 pair count, then int32 length and bytes of each key and value) as a vector of
 * KeyValue.
 */
static builder_ref encode_metadata(struct schema_encoder *encoder, const char *metadata) {
  if (metadata == NULL) return 0;
  int32_t pairs;
  memcpy(&pairs, metadata, sizeof pairs);
  if (pairs <= 0) return 0;
  builder_ref *refs = mem_alloc((size_t)pairs * sizeof *refs);
  if (refs == NULL) {
    encoder->builder.failed = true;
    return 0;
  }
  const char *at = metadata + sizeof pairs;
  for (int32_t i = 0; i < pairs; i++) {
    builder_ref texts[2];
    for (int part = 0; part < 2; part++) {
      int32_t length;
      memcpy(&length, at, sizeof length);
      texts[part] = builder_bytes(&encoder->builder, at + sizeof length, (size_t)length);
      at += (int64_t)sizeof length + length;
    }
    builder_begin(&encoder->builder);
    builder_put_ref(&encoder->builder, KEY_VALUE_KEY, texts[0]);
    builder_put_ref(&encoder->builder, KEY_VALUE_VALUE, texts[1]);
    refs[i] = builder_end(&encoder->builder);
  }
  builder_ref vector = builder_refs(&encoder->builder, refs, (size_t)pairs);
  mem_free(refs);
  return vector;
}

static uint8_t wire_type(const struct arrow_type *type) {
  switch (type->id) {
  case ARROW_NULL:
    return TYPE_NULL;
  case ARROW_BOOL:
    return TYPE_BOOL;
  case ARROW_INT:
    return TYPE_INT;
  case ARROW_FLOAT:
    return TYPE_FLOAT;
  case ARROW_DECIMAL:
    return TYPE_DECIMAL;
  case ARROW_DATE:
    return TYPE_DATE;
  case ARROW_TIME:
    return TYPE_TIME;
  case ARROW_TIMESTAMP:
    return TYPE_TIMESTAMP;
  case ARROW_DURATION:
    return TYPE_DURATION;
  case ARROW_INTERVAL:
    return TYPE_INTERVAL;
  case ARROW_FIXED_BINARY:
    return TYPE_FIXED_BINARY;
  case ARROW_BINARY:
    return type->is_large ? TYPE_LARGE_BINARY : TYPE_BINARY;
  case ARROW_UTF8:
    return type->is_large ? TYPE_LARGE_UTF8 : TYPE_UTF8;
  case ARROW_LIST:
    return type->is_large ? TYPE_LARGE_LIST : TYPE_LIST;
  case ARROW_FIXED_LIST:
    return TYPE_FIXED_LIST;
  case ARROW_STRUCT:
    return TYPE_STRUCT;
  case ARROW_MAP:
    return TYPE_MAP;
  case ARROW_BINARY_VIEW:
    return TYPE_BINARY_VIEW;
  case ARROW_UTF8_VIEW:
    return TYPE_UTF8_VIEW;
  case ARROW_LIST_VIEW:
    return type->is_large ? TYPE_LARGE_LIST_VIEW : TYPE_LIST_VIEW;
  case ARROW_UNION:
    return TYPE_UNION;
  case ARROW_RUN_END_ENCODED:
    return TYPE_RUN_END_ENCODED;
  default:
    return TYPE_NONE;
  }
}

static builder_ref encode_type_ids(struct builder *builder, const char *text) {
  int32_t ids[ARROW_TYPE_IDS];
  int count = arrow_type_ids(text, ids);
  return builder_i32s(builder, ids, (size_t)count);
}

/* The type's table. Fields at the format's default are left out, which is why the odd defaults matter (Schema.fbs). */
static builder_ref encode_type(struct builder *builder, const struct arrow_type *type, int64_t flags) {
  builder_ref parameter = 0;
  if (type->id == ARROW_TIMESTAMP && type->text[0] != '\0') parameter = builder_string(builder, type->text);
  if (type->id == ARROW_UNION) parameter = encode_type_ids(builder, type->text);
  builder_begin(builder);
  switch (type->id) {
  case ARROW_INT:
    builder_put_i32(builder, 0, type->bit_width);
    if (type->is_signed) builder_put_u8(builder, 1, 1);
    break;
  case ARROW_FLOAT: /* precision: half, single, double */
    if (type->bit_width > 16) builder_put_i16(builder, 0, type->bit_width == 32 ? 1 : 2);
    break;
  case ARROW_DECIMAL:
    builder_put_i32(builder, 0, type->precision);
    builder_put_i32(builder, 1, type->scale);
    if (type->bit_width != 128) builder_put_i32(builder, 2, type->bit_width);
    break;
  case ARROW_DATE: /* unit: day 0, millisecond 1, the default */
    if (type->unit == ARROW_DAY) builder_put_i16(builder, 0, 0);
    break;
  case ARROW_TIME: /* defaults: millisecond, 32 */
    if (type->unit != ARROW_MILLI) builder_put_i16(builder, 0, (int16_t)type->unit);
    if (type->bit_width != 32) builder_put_i32(builder, 1, type->bit_width);
    break;
  case ARROW_TIMESTAMP: /* default: second */
    if (type->unit != ARROW_SECOND) builder_put_i16(builder, 0, (int16_t)type->unit);
    builder_put_ref(builder, 1, parameter);
    break;
  case ARROW_DURATION: /* default: millisecond */
    if (type->unit != ARROW_MILLI) builder_put_i16(builder, 0, (int16_t)type->unit);
    break;
  case ARROW_INTERVAL:
    if (type->interval != ARROW_YEAR_MONTH) builder_put_i16(builder, 0, (int16_t)type->interval);
    break;
  case ARROW_FIXED_BINARY:
  case ARROW_FIXED_LIST:
    builder_put_i32(builder, 0, type->size);
    break;
  case ARROW_UNION: /* mode: sparse, dense; the ids always, though 0 to n - 1 may be left out */
    if (type->is_dense) builder_put_i16(builder, 0, 1);
    builder_put_ref(builder, 1, parameter);
    break;
  case ARROW_MAP:
    if ((flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0) builder_put_u8(builder, 0, 1);
    break;
  default:
    break;
  }
  return builder_end(builder);
}

static respool_status encode_fields(struct schema_encoder *encoder, const struct ArrowSchema *schema,
                                    builder_ref *vector);

/* The type of the indices is written out, though int32 may be left out: some readers insist. */
static respool_status encode_dictionary(struct schema_encoder *encoder, const struct ArrowSchema *schema, int64_t id,
                                        builder_ref *encoding) {
  struct arrow_type type;
  respool_status status = arrow_type_parse(schema->format, &type, encoder->error);
  if (status != RESPOOL_OK) return status;
  struct builder *builder = &encoder->builder;
  builder_ref index = encode_type(builder, &type, 0);
  builder_begin(builder);
  builder_put_i64(builder, DICTIONARY_ID, id);
  builder_put_ref(builder, DICTIONARY_INDEX_TYPE, index);
  if ((schema->flags & ARROW_FLAG_DICTIONARY_ORDERED) != 0) builder_put_u8(builder, DICTIONARY_ORDERED, 1);
  *encoding = builder_end(builder);
  return RESPOOL_OK;
}

/* On the wire the type and the children of a dictionary-encoded field are those of its values. */
static respool_status encode_field(struct schema_encoder *encoder, const struct ArrowSchema *schema,
                                   builder_ref *field) {
  const struct ArrowSchema *values = schema->dictionary != NULL ? schema->dictionary : schema;
  struct arrow_type type;
  builder_ref encoding = 0;
  respool_status status = arrow_type_parse(values->format, &type, encoder->error);
  if (status == RESPOOL_OK && values != schema)
    status = encode_dictionary(encoder, schema, encoder->next_id++, &encoding);
  if (status != RESPOOL_OK) return status;
  builder_ref children;
  status = encode_fields(encoder, values, &children);
  if (status != RESPOOL_OK) return status;
  struct builder *builder = &encoder->builder;
  builder_ref metadata = encode_metadata(encoder, schema->metadata);
  builder_ref type_table = encode_type(builder, &type, values->flags);
  builder_ref name = builder_string(builder, schema->name == NULL ? "" : schema->name);
  builder_begin(builder);
  builder_put_ref(builder, FIELD_NAME, name);
  if ((schema->flags & ARROW_FLAG_NULLABLE) != 0) builder_put_u8(builder, FIELD_NULLABLE, 1);
  builder_put_u8(builder, FIELD_TYPE_TYPE, wire_type(&type));
  builder_put_ref(builder, FIELD_TYPE, type_table);
  builder_put_ref(builder, FIELD_DICTIONARY, encoding);
  builder_put_ref(builder, FIELD_CHILDREN, children); /* written though empty: some readers insist */
  builder_put_ref(builder, FIELD_CUSTOM_METADATA, metadata);
  *field = builder_end(builder);
  return RESPOOL_OK;
}

static respool_status encode_fields(struct schema_encoder *encoder, const struct ArrowSchema *schema,
                                    builder_ref *vector) {
  builder_ref *refs = mem_alloc((size_t)schema->n_children * sizeof *refs);
  if (refs == NULL) return error_no_memory(encoder->error);
  respool_status status = RESPOOL_OK;
  for (int64_t i = 0; status == RESPOOL_OK && i < schema->n_children; i++) {
    status = encode_field(encoder, schema->children[i], &refs[i]);
  }
  if (status == RESPOOL_OK) *vector = builder_refs(&encoder->builder, refs, (size_t)schema->n_children);
  mem_free(refs);
  return status;
}

static respool_status build_message(struct schema_encoder *encoder, const struct ArrowSchema *schema,
                                    builder_ref *message) {
  struct builder *builder = &encoder->builder;
  builder_ref fields;
  respool_status status = encode_fields(encoder, schema, &fields);
  if (status != RESPOOL_OK) return status;
  builder_ref metadata = encode_metadata(encoder, schema->metadata);
  builder_begin(builder);
  builder_put_ref(builder, SCHEMA_FIELDS, fields);
  builder_put_ref(builder, SCHEMA_CUSTOM_METADATA, metadata);
  builder_ref table = builder_end(builder);
  builder_begin(builder);
  builder_put_i64(builder, MESSAGE_BODY_LENGTH, 0);
  builder_put_ref(builder, MESSAGE_HEADER, table);
  builder_put_i16(builder, MESSAGE_VERSION, IPC_VERSION_5);
  builder_put_u8(builder, MESSAGE_HEADER_TYPE, HEADER_SCHEMA);
  *message = builder_end(builder);
  return RESPOOL_OK;
}

respool_status ipc_encode_schema(const struct ArrowSchema *schema, struct gather *gather, respool_error *error) {
  struct schema_encoder encoder = {.error = error};
  builder_open(&encoder.builder);
  builder_ref message = 0;
  respool_status status = build_message(&encoder, schema, &message);
  if (status == RESPOOL_OK) {
    size_t size = 0;
    const uint8_t *bytes = builder_finish(&encoder.builder, message, &size);
    status = bytes == NULL ? error_no_memory(error) : ipc_put_metadata(bytes, (int64_t)size, gather, error);
  }
  builder_close(&encoder.builder);
  return status;
}
