/* SPDX-License-Identifier: Apache-2.0 */
/* When and on which thread the producer's arrays are released, with and without `defer_release`. */
#include "spool.h"
#include "system.h"

#include <stdatomic.h>

/* What the releases of one test's arrays were like. */
typedef struct releases {
  atomic_int count;
  atomic_int outside;    /* while no call on the writer was going on */
  atomic_int elsewhere;  /* on another thread than the test's */
  atomic_bool in_writer; /* set by the test around its calls on the writer */
  pthread_t test;
} releases;

static void note_release(void *user_data) {
  releases *r = user_data;
  atomic_fetch_add(&r->count, 1);
  if (!atomic_load(&r->in_writer)) atomic_fetch_add(&r->outside, 1);
  if (!pthread_equal(pthread_self(), r->test)) atomic_fetch_add(&r->elsewhere, 1);
}

static void open_spool(kit_spool *s, int64_t limit, int32_t defer) {
  respool_options options = kit_options(limit, RESPOOL_MODE_OVERFLOW, kit_scratch());
  options.defer_release = defer;
  options.write_chunk = 4096;
  kit_spool_open(s, "{number:int32}", &options);
}

static void append_noted(kit_spool *s, releases *r, int32_t number) {
  struct ArrowArray array;
  kit_batch_one(number, &array);
  kit_array_on_release(&array, note_release, r);
  atomic_store(&r->in_writer, true);
  kit_append(s->writer, &array);
  atomic_store(&r->in_writer, false);
}

static struct ArrowArray take(respool_reader *reader) {
  struct ArrowArray array = {.release = NULL};
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  return array;
}

static void in_append_once_it_is_written(void) {
  kit_spool s;
  releases r = {.test = pthread_self()};
  open_spool(&s, 0, 0);
  append_noted(&s, &r, 1);
  CHECK_EQ(atomic_load(&r.count), 1);
  CHECK_EQ(atomic_load(&r.outside), 0);
  kit_spool_close(&s);
}

static void in_spill_on_its_thread(void) {
  kit_spool s;
  releases r = {.test = pthread_self()};
  open_spool(&s, RESPOOL_NO_LIMIT, 0);
  for (int32_t i = 0; i < 5; i++) append_noted(&s, &r, i);
  CHECK_EQ(atomic_load(&r.count), 0);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(atomic_load(&r.count), 5);
  kit_spool_close(&s);
}

static void *release_array(void *array) {
  ((struct ArrowArray *)array)->release(array);
  return NULL;
}

static void where_the_last_reader_lets_go(void) {
  kit_spool s;
  releases r = {.test = pthread_self()};
  open_spool(&s, RESPOOL_NO_LIMIT, 0);
  append_noted(&s, &r, 1);
  respool_reader *a = kit_reader(s.spool), *b = kit_reader(s.spool);
  struct ArrowArray first = take(a), second = take(b);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  first.release(&first);
  CHECK_EQ(atomic_load(&r.count), 0);
  kit_thread_join(kit_thread_start(release_array, &second));
  CHECK_EQ(atomic_load(&r.count), 1);
  CHECK_EQ(atomic_load(&r.elsewhere), 1);
  respool_reader_close(a);
  respool_reader_close(b);
  kit_spool_close(&s);
}

static void deferred_to_calls_on_the_writer(void) {
  kit_spool s;
  releases r = {.test = pthread_self()};
  open_spool(&s, RESPOOL_NO_LIMIT, 1);
  for (int32_t i = 0; i < 5; i++) append_noted(&s, &r, i);
  respool_reader *reader = kit_reader(s.spool);
  struct ArrowArray held = take(reader);
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(atomic_load(&r.count), 0);
  append_noted(&s, &r, 5);
  CHECK_EQ(atomic_load(&r.count), 4); /* all that nobody holds */
  kit_thread_join(kit_thread_start(release_array, &held));
  CHECK_EQ(atomic_load(&r.count), 4);
  atomic_store(&r.in_writer, true);
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  atomic_store(&r.in_writer, false);
  CHECK_EQ(atomic_load(&r.count), 5);
  CHECK_EQ(atomic_load(&r.outside), 0);
  CHECK_EQ(atomic_load(&r.elsewhere), 0);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* Those still held when the writer is closed are released by whoever drops them last. */
static void deferred_until_the_writer_is_closed(void) {
  kit_spool s;
  releases r = {.test = pthread_self()};
  open_spool(&s, RESPOOL_NO_LIMIT, 1);
  for (int32_t i = 0; i < 3; i++) append_noted(&s, &r, i);
  respool_reader *reader = kit_reader(s.spool);
  struct ArrowArray held = take(reader);
  CHECK_OK(respool_writer_finish(s.writer, kit_error()));
  CHECK_OK(respool_spill(s.spool, 0, kit_error()));
  CHECK_EQ(atomic_load(&r.count), 0);
  respool_writer_close(s.writer);
  s.writer = NULL;
  CHECK_EQ(atomic_load(&r.count), 2);
  kit_thread_join(kit_thread_start(release_array, &held));
  CHECK_EQ(atomic_load(&r.count), 3);
  CHECK_EQ(atomic_load(&r.elsewhere), 1);
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_NOTHING_LEFT();
}

/* What is in memory goes with the last handle, and what readers hold with them. */
static void with_the_last_handle(void) {
  for (int32_t defer = 0; defer <= 1; defer++) {
    kit_spool s;
    releases r = {.test = pthread_self()};
    open_spool(&s, RESPOOL_NO_LIMIT, defer);
    for (int32_t i = 0; i < 4; i++) append_noted(&s, &r, i);
    respool_reader *reader = kit_reader(s.spool);
    struct ArrowArray held = take(reader);
    respool_writer_close(s.writer);
    respool_release(s.spool);
    s.writer = NULL, s.spool = NULL;
    CHECK_EQ(atomic_load(&r.count), 0);
    respool_reader_close(reader);
    CHECK_EQ(atomic_load(&r.count), 3);
    held.release(&held);
    CHECK_EQ(atomic_load(&r.count), 4);
    kit_spool_close(&s);
    CHECK_NOTHING_LEFT();
  }
}

/* A batch without rows is not kept. */
static void without_rows_at_once(void) {
  kit_spool s;
  struct ArrowArray array;
  releases r = {.test = pthread_self()};
  open_spool(&s, RESPOOL_NO_LIMIT, 1);
  kit_batch_int32(NULL, 0, &array);
  kit_array_on_release(&array, note_release, &r);
  atomic_store(&r.in_writer, true);
  kit_append(s.writer, &array);
  CHECK_EQ(atomic_load(&r.count), 1);
  CHECK_EQ(atomic_load(&r.outside), 0);
  kit_spool_close(&s);
}

static const kit_test tests[] = {
    KIT_TEST(in_append_once_it_is_written),
    KIT_TEST(in_spill_on_its_thread),
    KIT_TEST(where_the_last_reader_lets_go),
    KIT_TEST(deferred_to_calls_on_the_writer),
    KIT_TEST(deferred_until_the_writer_is_closed),
    KIT_TEST(with_the_last_handle),
    KIT_TEST(without_rows_at_once),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
