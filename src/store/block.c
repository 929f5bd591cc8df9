/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of small extents: see block.h. Filled before anybody else sees them, and counted from then on. */
#include "store/block.h"

#include "os/file.h"
#include "support/alloc.h"
#include "support/error.h"

#include <stdatomic.h>

struct store_block {
  atomic_llong references; /* the cursor, each view */
  struct pool_buffer *buffer;
  int64_t start;
  int64_t length;
};

static bool covers(const struct store_block *block, int64_t offset, int64_t length) {
  return block != NULL && offset >= block->start && offset + length <= block->start + block->length;
}

static respool_status fill(struct store_block *block, const struct block_source *source, int64_t offset, int64_t length,
                           respool_error *error) {
  respool_status status = pool_take(source->pool, length, &block->buffer, error);
  if (status != RESPOOL_OK) return status;
  status = os_read_at(source->fd, block->buffer->bytes, length, offset - source->start, error);
  if (status != RESPOOL_OK) pool_give(block->buffer);
  block->start = offset;
  block->length = length;
  return status;
}

static respool_status read_block(struct store_block **block, const struct block_source *source, int64_t offset,
                                 int64_t length, respool_error *error) {
  struct store_block *made = mem_alloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  atomic_init(&made->references, 1);
  respool_status status = fill(made, source, offset, length, error);
  if (status != RESPOOL_OK) {
    mem_free(made);
    return status;
  }
  block_drop(*block);
  *block = made;
  return RESPOOL_OK;
}

/* A forked child's calls end in pool_give(), which knows. */
void block_drop(struct store_block *block) {
  if (block == NULL || atomic_fetch_sub_explicit(&block->references, 1, memory_order_acq_rel) != 1) return;
  pool_give(block->buffer);
  mem_free(block);
}

static void drop_view(void *object) {
  block_drop(object);
}

respool_status block_view(struct store_block **block, const struct block_source *source, int64_t offset, int64_t length,
                          struct store_view *view, respool_error *error) {
  if (!covers(*block, offset, length)) {
    int64_t ahead = source->end - offset < BLOCK_BYTES ? source->end - offset : BLOCK_BYTES;
    respool_status status = read_block(block, source, offset, ahead > length ? ahead : length, error);
    if (status != RESPOOL_OK) return status;
  }
  atomic_fetch_add_explicit(&(*block)->references, 1, memory_order_relaxed);
  *view = (struct store_view){
      .bytes = (*block)->buffer->bytes + (offset - (*block)->start), .drop = drop_view, .object = *block};
  return RESPOOL_OK;
}
