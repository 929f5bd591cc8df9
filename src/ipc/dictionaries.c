/* SPDX-License-Identifier: Apache-2.0 */
/* Following the dictionaries of a stream: see dictionaries.h. */
#include "ipc/dictionaries.h"

#include "arrow/concat.h"
#include "arrow/schema.h"
#include "support/alloc.h"
#include "support/arith.h"
#include "support/error.h"

#include <inttypes.h>
#include <stdlib.h>

/* The schema of the values of each dictionary, in pre-order as the layout numbers them. */
static int32_t collect_schemas(const struct ArrowSchema *schema, const struct ArrowSchema **values, int32_t count) {
  for (int64_t i = 0; i < schema->n_children; i++) count = collect_schemas(schema->children[i], values, count);
  if (schema->dictionary == NULL) return count;
  values[count] = schema->dictionary;
  return collect_schemas(schema->dictionary, values, count + 1);
}

static int compare_ids(const void *a, const void *b) {
  const struct dictionary_id *left = a;
  const struct dictionary_id *right = b;
  if (left->id != right->id) return left->id < right->id ? -1 : 1;
  return left->number < right->number ? -1 : left->number > right->number;
}

/* The first place in the sorted ids that is not below `id`. */
static int32_t find_id(const struct dictionaries *dictionaries, int64_t id) {
  int32_t low = 0;
  int32_t high = dictionaries->layout->n_dictionaries;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    if (dictionaries->ids[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool has_id(const struct dictionaries *dictionaries, int32_t place, int64_t id) {
  return place < dictionaries->layout->n_dictionaries && dictionaries->ids[place].id == id;
}

/* Fields that share an id have the same values, so values of the same type. */
static respool_status check_shared(const struct dictionaries *dictionaries, const struct ArrowSchema *const *values,
                                   respool_error *error) {
  const struct dictionary_id *ids = dictionaries->ids;
  for (int32_t i = 1; i < dictionaries->layout->n_dictionaries; i++) {
    if (ids[i].id != ids[i - 1].id) continue;
    if (schema_match(values[ids[i - 1].number], values[ids[i].number], NULL) == RESPOOL_OK) continue;
    return error_set(error, RESPOOL_CORRUPT,
                     "two fields share the dictionary with id %" PRId64 " but have values of different types",
                     ids[i].id);
  }
  return RESPOOL_OK;
}

static respool_status fill(struct dictionaries *dictionaries, const struct ipc_schema_info *info,
                           const struct ArrowSchema **values, respool_error *error) {
  int32_t count = info->n_dictionaries;
  for (int32_t i = 0; i < count; i++) dictionaries->ids[i] = (struct dictionary_id){info->ids[i], i};
  qsort(dictionaries->ids, (size_t)count, sizeof *dictionaries->ids, compare_ids);
  collect_schemas(&dictionaries->layout->schema, values, 0);
  return check_shared(dictionaries, values, error);
}

respool_status dictionaries_open(struct dictionaries *dictionaries, const struct layout *layout,
                                 const struct ipc_schema_info *info, respool_error *error) {
  size_t count = (size_t)layout->n_dictionaries;
  dictionaries->layout = layout;
  if (count == 0) return RESPOOL_OK;
  dictionaries->ids = mem_alloc(count * sizeof *dictionaries->ids);
  dictionaries->slots = mem_zalloc(count * sizeof *dictionaries->slots);
  dictionaries->current = mem_zalloc(count * sizeof(struct dictionary_values *));
  const struct ArrowSchema **values = mem_alloc(count * sizeof(const struct ArrowSchema *));
  bool whole =
      dictionaries->ids != NULL && dictionaries->slots != NULL && dictionaries->current != NULL && values != NULL;
  respool_status status = whole ? fill(dictionaries, info, values, error) : error_no_memory(error);
  mem_free(values);
  return status;
}

void dictionaries_close(struct dictionaries *dictionaries) {
  for (int32_t i = 0; dictionaries->slots != NULL && i < dictionaries->layout->n_dictionaries; i++) {
    dictionary_values_release(dictionaries->slots[i].values);
  }
  mem_free(dictionaries->slots);
  mem_free(dictionaries->current);
  mem_free(dictionaries->ids);
  *dictionaries = (struct dictionaries){0};
}

/* Done for a batch, not for each message, as one may be of very many fields. */
struct dictionary_values *const *dictionaries_current(struct dictionaries *dictionaries) {
  const struct dictionary_slot *slot = dictionaries->slots;
  for (int32_t i = 0; dictionaries->changed && i < dictionaries->layout->n_dictionaries; i++) {
    if (i > 0 && dictionaries->ids[i].id != dictionaries->ids[i - 1].id) slot = &dictionaries->slots[i];
    dictionaries->current[dictionaries->ids[i].number] = slot->values;
  }
  dictionaries->changed = false;
  return dictionaries->current;
}

/* What was there, and behind it what came. Nothing was there: what came is all. */
static respool_status append_values(const struct layout *layout, int32_t number, const struct dictionary_values *before,
                                    struct dictionary_values **values, respool_error *error) {
  if (before == NULL) return RESPOOL_OK;
  struct dictionary_values *joined = dictionary_values_make(layout, number);
  if (joined == NULL) return error_no_memory(error);
  int32_t root = layout_part(layout, number)->root;
  respool_status status = concat_arrays(layout, root, &before->array, &(*values)->array, &joined->array, error);
  if (status != RESPOOL_OK) {
    dictionary_values_release(joined);
    return status;
  }
  int32_t inside = 0;
  for (int32_t i = number + 1; layout_is_inside(layout, i, number); i++) {
    if (layout_part(layout, i)->outer != number) continue;
    int64_t needed = before->needed[inside];
    joined->needed[inside] = needed > (*values)->needed[inside] ? needed : (*values)->needed[inside];
    inside++;
  }
  dictionary_values_release(*values);
  *values = joined;
  return RESPOOL_OK;
}

/* One bound on what a message expands to would not hold for many that stay. */
static respool_status check_expanded(const struct dictionaries *dictionaries, const struct expander *expander,
                                     const struct dictionary_slot *before, const struct dictionary_slot *after,
                                     respool_error *error) {
  int64_t packed = add_saturating(dictionaries->packed - before->packed, after->packed);
  int64_t expanded = add_saturating(dictionaries->expanded - before->expanded, after->expanded);
  int64_t most = expander_most(expander, packed);
  if (expanded <= most) return RESPOOL_OK;
  return error_set(error, RESPOOL_CORRUPT,
                   "the dictionaries in force have expanded from %" PRId64 " to %" PRId64 " bytes, more than %" PRId64
                   " (the options max_expansion and max_expansion_ratio allow more)",
                   packed, expanded, most);
}

static void put_in_force(struct dictionaries *dictionaries, struct dictionary_slot *slot,
                         const struct dictionary_slot *next) {
  dictionaries->packed = add_saturating(dictionaries->packed - slot->packed, next->packed);
  dictionaries->expanded = add_saturating(dictionaries->expanded - slot->expanded, next->expanded);
  dictionary_values_release(slot->values);
  *slot = *next;
  dictionaries->changed = true;
}

respool_status dictionaries_take(struct dictionaries *dictionaries, const struct ipc_message *message,
                                 const uint8_t *body, enum decode_trust trust, struct expander *expander,
                                 struct tree_owner owner, respool_error *error) {
  bool is_delta;
  int64_t id = ipc_message_dictionary(message, &is_delta);
  int32_t place = find_id(dictionaries, id);
  if (!has_id(dictionaries, place, id)) {
    owner.drop(owner.object);
    return error_set(error, RESPOOL_CORRUPT, "a dictionary with id %" PRId64 ", which no field of the schema has", id);
  }
  int32_t number = dictionaries->ids[place].number;
  struct dictionary_slot *slot = &dictionaries->slots[place];
  struct dictionary_slot next = {0};
  respool_status status =
      ipc_decode_values(dictionaries->layout, number, message, body, trust, expander, owner, &next.values, error);
  if (status != RESPOOL_OK) {
    owner.drop(owner.object);
    return status;
  }
  next.expanded = next.values->expanded;
  next.packed = next.expanded > 0 ? message->body_size : 0;
  if (is_delta) {
    next.expanded = add_saturating(next.expanded, slot->expanded);
    next.packed = add_saturating(next.packed, slot->packed);
    status = append_values(dictionaries->layout, number, slot->values, &next.values, error);
  }
  if (status == RESPOOL_OK) status = check_expanded(dictionaries, expander, slot, &next, error);
  if (status == RESPOOL_OK)
    put_in_force(dictionaries, slot, &next);
  else
    dictionary_values_release(next.values);
  return status;
}
