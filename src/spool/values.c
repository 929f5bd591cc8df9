/* SPDX-License-Identifier: Apache-2.0 */
/* A reader's dictionaries: see values.h. */
#include "spool/values.h"

#include "support/alloc.h"
#include "support/error.h"

static respool_status take_memory(void *context, int64_t size, uint8_t **bytes, struct tree_owner *owner,
                                  respool_error *error) {
  struct respool *spool = context;
  struct pool_buffer *buffer;
  respool_status status = store_take_buffer(spool->store, size, &buffer, error);
  if (status != RESPOOL_OK) return status;
  *bytes = buffer->bytes;
  *owner = (struct tree_owner){pool_give, buffer};
  return RESPOOL_OK;
}

/* What a spool wrote may expand to anything: it has been in memory before. */
struct expander values_expander(struct respool *spool) {
  return (struct expander){.take = take_memory, .context = spool, .most_bytes = INT64_MAX, .most_ratio = INT64_MAX};
}

respool_status values_open(struct values *values, struct respool *spool, respool_error *error) {
  size_t count = (size_t)spool->layout->n_dictionaries;
  values->expander = values_expander(spool);
  if (count == 0) return RESPOOL_OK;
  values->versions = mem_zalloc(count * sizeof(struct version *));
  values->loaded = mem_zalloc(count * sizeof(struct dictionary_values *));
  if (values->versions != NULL && values->loaded != NULL) return RESPOOL_OK;
  mem_free(values->versions);
  mem_free(values->loaded);
  return error_no_memory(error);
}

/* The lock is held. What nobody needs any more is for the caller to release without it. */
static struct dictionary_values *leave(struct version *version) {
  if (version == NULL || --version->users > 0) return NULL;
  struct dictionary_values *unused = version->values;
  version->values = NULL;
  return unused;
}

void values_close(struct values *values, struct respool *spool) {
  for (int32_t i = 0; values->versions != NULL && i < spool->layout->n_dictionaries; i++) {
    os_lock(&spool->lock);
    struct dictionary_values *unused = leave(values->versions[i]);
    os_unlock(&spool->lock);
    dictionary_values_release(unused);
  }
  store_cursor_close(&values->cursor);
  expander_close(&values->expander);
  mem_free(values->versions);
  mem_free(values->loaded);
  *values = (struct values){0};
}

/* Stand at version number `i` of the set, whose values may be there. */
static void move_to(struct values *values, struct respool *spool, uint32_t set, int32_t i) {
  struct dictionary_values *unused = NULL;
  os_lock(&spool->lock);
  struct version *version = spool->versions.sets[(size_t)set * (size_t)spool->layout->n_dictionaries + (size_t)i];
  if (version != values->versions[i]) {
    version->users++;
    unused = leave(values->versions[i]);
    values->versions[i] = version;
  }
  values->loaded[i] = version->values;
  os_unlock(&spool->lock);
  dictionary_values_release(unused);
}

static respool_status decode(struct values *values, struct respool *spool, int32_t i, struct dictionary_values **made,
                             respool_error *error) {
  struct stored stored;
  respool_status status = stored_open(&spool->seals.sealing, spool->store, &values->cursor,
                                      &values->versions[i]->extent, false, &stored, error);
  if (status != RESPOOL_OK) return status;
  status = ipc_decode_values(spool->layout, i, &stored.message, stored.body, stored.trust, &values->expander,
                             stored.owner, made, error);
  return status == RESPOOL_OK ? status : stored_refuse(&stored, status, error);
}

/* Another reader may have been quicker: then its values are used. */
static void publish(struct values *values, struct respool *spool, int32_t i, struct dictionary_values *made) {
  os_lock(&spool->lock);
  struct version *version = values->versions[i];
  bool first = version->values == NULL;
  if (first) version->values = made;
  values->loaded[i] = version->values;
  os_unlock(&spool->lock);
  if (!first) dictionary_values_release(made);
}

respool_status values_load(struct values *values, struct respool *spool, uint32_t set, respool_error *error) {
  if (values->whole && values->set == set) return RESPOOL_OK;
  values->whole = false;
  for (int32_t i = 0; i < spool->layout->n_dictionaries; i++) {
    move_to(values, spool, set, i);
    if (values->loaded[i] != NULL) continue;
    struct dictionary_values *made = NULL;
    respool_status status = decode(values, spool, i, &made, error);
    if (status != RESPOOL_OK) {
      store_cursor_close(&values->cursor);
      error_prefix(error, "its dictionary number %d", i);
      return status;
    }
    publish(values, spool, i, made);
  }
  values->whole = true;
  values->set = set;
  return RESPOOL_OK;
}
