/* SPDX-License-Identifier: Apache-2.0 */
/* store/pool: buffers that come again, what is kept, and a pool that outlives its owner. */
#include "store/pool.h"

#include "support/alloc.h"

#include "check.h"
#include "random.h"

#include <string.h>

static struct pool *open_pool(void) {
  struct pool *pool = NULL;
  REQUIRE_OK(pool_open(&pool, kit_error()));
  return pool;
}

static struct pool_buffer *take(struct pool *pool, int64_t size) {
  struct pool_buffer *buffer = NULL;
  REQUIRE_OK(pool_take(pool, size, &buffer, kit_error()));
  CHECK_LE(size, buffer->capacity);
  CHECK_EQ((uintptr_t)buffer->bytes % 64, 0);
  return buffer;
}

static void sizes(void) {
  struct pool *pool = open_pool();
  for (int64_t size = 0; size < 100000; size = size * 5 / 4 + 1) {
    struct pool_buffer *buffer = take(pool, size);
    memset(buffer->bytes, 1, (size_t)size);
    CHECK_LE(buffer->capacity, size < 4096 ? 4096 : 2 * size);
    pool_give(buffer);
  }
  pool_close(pool);
}

/* The same memory comes again, warm, for any size of its class. */
static void buffers_come_again(void) {
  struct pool *pool = open_pool();
  struct pool_buffer *first = take(pool, 70000);
  int64_t bytes = pool_bytes(pool);
  pool_give(first);
  CHECK_EQ(pool_bytes(pool), bytes);
  for (int i = 0; i < 100; i++) {
    struct pool_buffer *again = take(pool, 66000 + i * 600);
    CHECK(again == first);
    pool_give(again);
  }
  CHECK_EQ(pool_bytes(pool), bytes);
  pool_close(pool);
}

/* What is handed out at once is all different. */
static void buffers_are_not_shared(void) {
  enum { COUNT = 50 };
  struct pool *pool = open_pool();
  struct pool_buffer *buffers[COUNT];
  for (int i = 0; i < COUNT; i++) {
    buffers[i] = take(pool, 5000);
    memset(buffers[i]->bytes, i, 5000);
  }
  for (int i = 0; i < COUNT; i++)
    for (int k = 0; k < 5000; k += 499) CHECK_EQ(buffers[i]->bytes[k], i);
  CHECK_LE(COUNT * 5000, pool_bytes(pool));
  for (int i = 0; i < COUNT; i++) pool_give(buffers[i]);
  pool_close(pool);
}

/* A burst does not stay for ever: what lies idle is bounded, but for the last few however large. */
static void idle_memory_is_bounded(void) {
  enum { COUNT = 40 };
  struct pool *pool = open_pool();
  struct pool_buffer *buffers[COUNT];
  for (int i = 0; i < COUNT; i++) buffers[i] = take(pool, 2 << 20);
  CHECK_LE((int64_t)COUNT * (2 << 20), pool_bytes(pool));
  for (int i = 0; i < COUNT; i++) pool_give(buffers[i]);
  CHECK_LE(pool_bytes(pool), 16 << 20);
  struct pool_buffer *large = take(pool, 64 << 20);
  pool_give(large);
  CHECK_LE(pool_bytes(pool), (16 << 20) + (64 << 20));
  pool_close(pool);
}

/* Buffers in use outlive the pool's owner, and the last of them takes the pool with it. */
static void given_back_after_closing(void) {
  struct pool *pool = open_pool();
  struct pool_buffer *a = take(pool, 100), *b = take(pool, 9000), *idle = take(pool, 50);
  pool_give(idle);
  pool_close(pool);
  memset(a->bytes, 1, 100);
  pool_give(b);
  memset(a->bytes, 2, 100);
  pool_give(a);
  pool_close(NULL);
}

static void impossible_sizes(void) {
  struct pool *pool = open_pool();
  struct pool_buffer *buffer = NULL;
  CHECK_STATUS(pool_take(pool, INT64_MAX, &buffer, kit_error()), RESPOOL_NO_MEMORY);
  CHECK(buffer == NULL);
  CHECK_EQ(pool_bytes(pool), 0);
  pool_close(pool);
}

static int64_t allocations;
static int64_t refused_one;

static bool refuse_one(void) {
  return ++allocations == refused_one;
}

static void no_memory(void) {
  struct pool *pool = NULL;
  struct pool_buffer *buffer = NULL;
  for (refused_one = 1; refused_one <= 3; refused_one++) {
    allocations = 0;
    mem_fault = refuse_one;
    if (refused_one == 1) {
      CHECK_STATUS(pool_open(&pool, kit_error()), RESPOOL_NO_MEMORY);
      mem_fault = NULL;
      pool = open_pool();
    } else {
      allocations = 1; /* the second and third are a buffer's */
      CHECK_STATUS(pool_take(pool, 100, &buffer, kit_error()), RESPOOL_NO_MEMORY);
      mem_fault = NULL;
      CHECK(buffer == NULL);
      CHECK_EQ(pool_bytes(pool), 0);
    }
  }
  pool_give(take(pool, 100));
  pool_close(pool);
}

/* ---- Threads --------------------------------------------------------------------------------------- */

static void *take_and_give(void *argument) {
  struct pool *pool = argument;
  kit_random random;
  kit_random_init(&random, kit_seed());
  struct pool_buffer *held[8] = {0};
  for (int i = 0; i < 3000; i++) {
    int at = (int)kit_random_below(&random, 8);
    if (held[at] != NULL) {
      CHECK_EQ(held[at]->bytes[0], at);
      pool_give(held[at]);
      held[at] = NULL;
    } else {
      CHECK_OK(pool_take(pool, kit_random_below(&random, 40000), &held[at], NULL));
      held[at]->bytes[0] = (uint8_t)at;
    }
  }
  for (int i = 0; i < 8; i++)
    if (held[i] != NULL) pool_give(held[i]);
  return NULL;
}

static void from_many_threads(void) {
  struct pool *pool = open_pool();
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) threads[i] = kit_thread_start(take_and_give, pool);
  for (int i = 0; i < 4; i++) kit_thread_join(threads[i]);
  CHECK_LE(pool_bytes(pool), 16 << 20);
  pool_close(pool);
}

static const kit_test tests[] = {
    KIT_TEST(sizes),
    KIT_TEST(buffers_come_again),
    KIT_TEST(buffers_are_not_shared),
    KIT_TEST(idle_memory_is_bounded),
    KIT_TEST(given_back_after_closing),
    KIT_TEST(impossible_sizes),
    KIT_TEST(no_memory),
    KIT_TEST(from_many_threads),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
