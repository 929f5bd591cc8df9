/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers in classes by powers of two, each with a list of free ones. The pool's own lock guards all of it. */
#include "store/pool.h"

#include "os/thread.h"
#include "support/alloc.h"
#include "support/error.h"
#include "support/poison.h"

enum { SMALLEST_SHIFT = 12, CLASSES = 40 };

/* What is kept for reuse: this many bytes, and always the last few buffers however large, since those come again. */
enum { KEEP_BYTES = 16 << 20, KEEP_BUFFERS = 2 };

struct pool {
  struct os_mutex lock;
  uint32_t forks;
  struct pool_buffer *free[CLASSES];
  int64_t bytes;
  int64_t free_bytes;
  int64_t free_count;
  int64_t references; /* the owner and every buffer handed out */
};

respool_status pool_open(struct pool **pool, respool_error *error) {
  struct pool *made = mem_zalloc(sizeof *made);
  if (made == NULL || !os_mutex_open(&made->lock)) {
    mem_free(made);
    return error_no_memory(error);
  }
  made->forks = os_fork_watch();
  made->references = 1;
  *pool = made;
  return RESPOOL_OK;
}

static void free_buffer(struct pool_buffer *buffer) {
  size_t capacity = (size_t)buffer->capacity;
  if (buffer->bytes != NULL) poison_behind(buffer->bytes, capacity, capacity); /* a caller's allocator may touch it */
  mem_free(buffer->bytes);
  mem_free(buffer);
}

/* Take all free buffers out; the caller frees them without the lock. */
static struct pool_buffer *detach_free(struct pool *pool) {
  struct pool_buffer *list = NULL;
  for (int i = 0; i < CLASSES; i++) {
    while (pool->free[i] != NULL) {
      struct pool_buffer *buffer = pool->free[i];
      pool->free[i] = buffer->next;
      buffer->next = list;
      list = buffer;
    }
  }
  return list;
}

/* Called with the lock held, which it gives up. */
static void drop_reference(struct pool *pool) {
  bool last = --pool->references == 0;
  os_unlock(&pool->lock);
  if (!last) return;
  struct pool_buffer *list = detach_free(pool);
  while (list != NULL) {
    struct pool_buffer *next = list->next;
    free_buffer(list);
    list = next;
  }
  os_mutex_close(&pool->lock);
  mem_free(pool);
}

void pool_close(struct pool *pool) {
  if (pool == NULL) return;
  os_lock(&pool->lock);
  drop_reference(pool);
}

static int class_of(int64_t size) {
  int class = 0;
  while (class < CLASSES - 1 && ((int64_t)1 << (class + SMALLEST_SHIFT)) < size) class ++;
  return class;
}

static struct pool_buffer *make_buffer(struct pool *pool, int class) {
  struct pool_buffer *buffer = mem_alloc(sizeof *buffer);
  if (buffer == NULL) return NULL;
  buffer->pool = pool;
  buffer->capacity = (int64_t)1 << (class + SMALLEST_SHIFT);
  buffer->bytes = mem_alloc_aligned((size_t)buffer->capacity);
  if (buffer->bytes != NULL) return buffer;
  mem_free(buffer);
  return NULL;
}

respool_status pool_take(struct pool *pool, int64_t size, struct pool_buffer **buffer, respool_error *error) {
  int class = class_of(size);
  if (((int64_t)1 << (class + SMALLEST_SHIFT)) < size) return error_no_memory(error);
  os_lock(&pool->lock);
  struct pool_buffer *taken = pool->free[class];
  if (taken != NULL) {
    pool->free[class] = taken->next;
    pool->free_bytes -= taken->capacity;
    pool->free_count--;
    pool->references++;
  }
  os_unlock(&pool->lock);
  if (taken == NULL) {
    taken = make_buffer(pool, class);
    if (taken == NULL) return error_no_memory(error);
    os_lock(&pool->lock);
    pool->bytes += taken->capacity;
    pool->references++;
    os_unlock(&pool->lock);
  }
  poison_behind(taken->bytes, (size_t)size, (size_t)taken->capacity);
  *buffer = taken;
  return RESPOOL_OK;
}

void pool_give(void *object) {
  struct pool_buffer *buffer = object;
  struct pool *pool = buffer->pool;
  if (pool->forks != os_fork_count()) return; /* a forked child: the lock may be held by a thread that is not here */
  poison_behind(buffer->bytes, 0, (size_t)buffer->capacity); /* before another thread can take it */
  os_lock(&pool->lock);
  bool keep = pool->free_bytes + buffer->capacity <= KEEP_BYTES || pool->free_count < KEEP_BUFFERS;
  if (keep) {
    int class = class_of(buffer->capacity);
    buffer->next = pool->free[class];
    pool->free[class] = buffer;
    pool->free_bytes += buffer->capacity;
    pool->free_count++;
  } else {
    pool->bytes -= buffer->capacity;
  }
  drop_reference(pool);
  if (!keep) free_buffer(buffer);
}

int64_t pool_bytes(struct pool *pool) {
  os_lock(&pool->lock);
  int64_t bytes = pool->bytes;
  os_unlock(&pool->lock);
  return bytes;
}
