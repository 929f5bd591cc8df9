/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's allocator: it is asked for everything, and gets all of it back; when it has nothing to give, nothing is
 * lost. In a program of its own, as it has to be set before the library allocates.
 */
#include "spool.h"
#include "system.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- An allocator that keeps books ------------------------------------------------------------------ */

/* In front of each block. */
typedef struct block {
  void *start; /* as malloc gave it */
  size_t size;
  uint64_t mark;
} block;

static const uint64_t MARK = 0x5ca1ab1e0ddba11u;

static struct {
  atomic_llong live;
  atomic_llong calls;
  atomic_llong bytes;
  atomic_llong refused;
  atomic_llong fails_at; /* the call that answers NULL; 0: none */
  atomic_bool for_ever;  /* ... and all after it */
} books;

static bool refuse(void) {
  long long call = atomic_fetch_add(&books.calls, 1) + 1, at = atomic_load(&books.fails_at);
  bool refused = at > 0 && (call == at || (call > at && atomic_load(&books.for_ever)));
  if (refused) atomic_fetch_add(&books.refused, 1);
  return refused;
}

static void *book_allocate(void *context, size_t size, size_t alignment) {
  CHECK(context == &books);
  CHECK(size > 0 && alignment >= sizeof(void *) && alignment <= 64 && (alignment & (alignment - 1)) == 0);
  if (refuse()) return NULL;
  char *start = malloc(sizeof(block) + alignment + size);
  if (start == NULL) return NULL;
  uintptr_t place = ((uintptr_t)start + sizeof(block) + alignment - 1) / alignment * alignment;
  block head = {start, size, MARK};
  memcpy((char *)place - sizeof head, &head, sizeof head);
  memset((char *)place, 0xa5, size); /* nobody may take it for zeroed */
  atomic_fetch_add(&books.live, 1);
  atomic_fetch_add(&books.bytes, (long long)size);
  return (char *)place;
}

static block head_of(void *memory) {
  block head;
  memcpy(&head, (char *)memory - sizeof head, sizeof head);
  if (head.mark != MARK) kit_die("memory that this allocator never gave");
  return head;
}

static void book_free(void *context, void *memory) {
  CHECK(context == &books);
  block head = head_of(memory);
  memset((char *)memory - sizeof head, 0x5a, sizeof head + head.size);
  atomic_fetch_sub(&books.live, 1);
  atomic_fetch_sub(&books.bytes, (long long)head.size);
  free(head.start);
}

static void *book_resize(void *context, void *memory, size_t size) {
  block head = head_of(memory);
  void *moved = book_allocate(context, size, _Alignof(max_align_t));
  if (moved == NULL) return NULL;
  memcpy(moved, memory, head.size < size ? head.size : size);
  book_free(context, memory);
  return moved;
}

static respool_allocator allocator(void) {
  return (respool_allocator){.struct_size = sizeof(respool_allocator),
                             .allocate = book_allocate,
                             .resize = book_resize,
                             .free = book_free,
                             .context = &books};
}

static void fail_at(int64_t call, bool for_ever) {
  atomic_store(&books.calls, 0);
  atomic_store(&books.refused, 0);
  atomic_store(&books.for_ever, for_ever);
  atomic_store(&books.fails_at, call);
}

/* ---- A stream, and its replay ------------------------------------------------------------------------ */

enum { BATCHES = 12, ROWS = 400 };

static void make_batch(int64_t i, struct ArrowArray *array) {
  static int32_t values[ROWS];
  for (int j = 0; j < ROWS; j++) values[j] = (int32_t)(i * ROWS + j);
  kit_batch_int32(values, ROWS, array);
}

static bool is_batch(int64_t i, const struct ArrowArray *array) {
  const int32_t *values = (const int32_t *)array->children[0]->buffers[1] + array->children[0]->offset;
  if (array->length != ROWS) return false;
  for (int j = 0; j < ROWS; j++)
    if (values[j] != (int32_t)(i * ROWS + j)) return false;
  return true;
}

/* An answer of a call while allocations may fail. True: it was OK. */
static bool worked(respool_status status) {
  if (status == RESPOOL_OK || status == RESPOOL_END) return true;
  CHECK_EQ(status, RESPOOL_NO_MEMORY);
  CHECK_LE(1, atomic_load(&books.refused));
  if (atomic_load(&books.for_ever)) fail_at(0, false); /* there is memory again */
  return false;
}

typedef struct setting {
  const char *name;
  int64_t limit;
  int32_t replay;
  int32_t compression;
} setting;

static const setting settings[] = {
    {"in memory", RESPOOL_NO_LIMIT, RESPOOL_REPLAY_AUTO, RESPOOL_COMPRESSION_NONE},
    {"mapped", 4000, RESPOOL_REPLAY_MAP, RESPOOL_COMPRESSION_NONE},
    {"read", 4000, RESPOOL_REPLAY_READ, RESPOOL_COMPRESSION_NONE},
    {"lz4", 0, RESPOOL_REPLAY_READ, RESPOOL_COMPRESSION_LZ4},
    {"zstd", 0, RESPOOL_REPLAY_MAP, RESPOOL_COMPRESSION_ZSTD},
};

static void replay(respool *spool) {
  struct ArrowArrayStream stream = {0};
  while (!worked(respool_export(spool, NULL, &stream, kit_error()))) CHECK(stream.release == NULL);
  for (int64_t i = 0; i <= BATCHES;) {
    struct ArrowArray array = {0};
    int code = stream.get_next(&stream, &array);
    if (code != 0) {
      CHECK_EQ(code, ENOMEM);
      CHECK(!worked(RESPOOL_NO_MEMORY));
      continue;
    }
    CHECK_EQ(array.release != NULL, i < BATCHES);
    if (array.release != NULL && CHECK(is_batch(i, &array))) array.release(&array);
    i++;
  }
  stream.release(&stream);
}

/* Every call is repeated until it has memory. Answers how many times a call went without. */
static int64_t spool_and_replay(const setting *with, const struct ArrowSchema *schema, const char *directory) {
  respool *spool = NULL;
  respool_writer *writer = NULL;
  respool_options options = kit_options(with->limit, RESPOOL_MODE_OVERFLOW, directory);
  options.replay = with->replay;
  options.write_chunk = 4096;
  if (respool_compression_available(with->compression)) options.compression = with->compression;
  while (!worked(respool_create(schema, &options, &spool, &writer, kit_error()))) CHECK(spool == NULL);
  for (int64_t i = 0; i < BATCHES; i++) {
    struct ArrowArray array;
    make_batch(i, &array);
    while (!worked(respool_writer_append(writer, &array, kit_error()))) CHECK(array.release != NULL);
    CHECK(array.release == NULL);
  }
  while (!worked(respool_writer_finish(writer, kit_error()))) {
  }
  replay(spool);
  respool_writer_close(writer);
  respool_release(spool);
  return atomic_load(&books.refused);
}

static const char *directory;
static struct ArrowSchema schema;

static void check_balance(const setting *with, int64_t call) {
  bool good = CHECK_EQ(atomic_load(&books.live), 0) && CHECK_EQ(atomic_load(&books.bytes), 0);
  good = CHECK_EQ(kit_live_arrays(), 0) && CHECK_EQ(kit_entries(directory), 0) && good;
  if (!good) kit_note("%s, allocation %d", with->name, (int)call);
}

static void what_is_taken_is_given_back(void) {
  directory = kit_scratch();
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    fail_at(0, false);
    CHECK_EQ(spool_and_replay(&settings[i], &schema, directory), 0);
    CHECK_LE(BATCHES, atomic_load(&books.calls));
    check_balance(&settings[i], 0);
  }
}

/* What was handed out is freed through it after every handle is gone. */
static void what_was_handed_out_is_given_back_last(void) {
  kit_spool s;
  struct ArrowArray array;
  directory = kit_scratch();
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.replay = RESPOOL_REPLAY_READ;
  fail_at(0, false);
  kit_spool_open(&s, "{number:int32}", &options);
  KIT_APPEND(s.writer, 1, 2, 3);
  respool_reader *reader = kit_reader(s.spool);
  REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
  respool_reader_close(reader);
  kit_spool_close(&s);
  CHECK_LE(1, atomic_load(&books.live));
  array.release(&array);
  CHECK_EQ(atomic_load(&books.live), 0);
}

/* The n-th allocation fails, once or with all after it until a call has answered so; every call can be repeated. */
static void when_it_has_nothing(void) {
  int64_t points = 0;
  directory = kit_scratch();
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
    for (int for_ever = 0; for_ever < 2; for_ever++)
      for (int64_t call = 1, refused = 1; refused > 0 && kit_failures() == 0; call += kit_slow() ? 3 : 1) {
        fail_at(call, for_ever != 0);
        spool_and_replay(&settings[i], &schema, directory);
        refused = atomic_load(&books.calls) >= call || atomic_load(&books.fails_at) == 0;
        points += refused;
        check_balance(&settings[i], call);
      }
  kit_note("%d allocations that were refused", (int)points);
  CHECK_LE(100, points);
}

static void what_cannot_be_set(void) {
  respool_allocator without = allocator();
  without.resize = NULL;
  CHECK_STATUS(respool_set_allocator(&without, kit_error()), RESPOOL_INVALID);
  respool_allocator again = allocator();
  CHECK_STATUS(respool_set_allocator(&again, kit_error()), RESPOOL_MISUSE);
  CHECK_STATUS(respool_set_allocator(NULL, kit_error()), RESPOOL_MISUSE);
}

static const kit_test tests[] = {
    KIT_TEST(what_is_taken_is_given_back),
    KIT_TEST(what_was_handed_out_is_given_back_last),
    KIT_TEST(when_it_has_nothing),
    KIT_TEST(what_cannot_be_set),
};

int main(int argc, char **argv) {
  respool_allocator first = allocator();
  respool_allocator without = first;
  without.free = NULL;
  bool set = respool_set_allocator(&without, NULL) == RESPOOL_INVALID &&
             respool_set_allocator(NULL, NULL) == RESPOOL_OK && respool_set_allocator(&first, NULL) == RESPOOL_OK;
  if (!set) kit_die("the allocator was not taken");
  kit_schema_parse("{number:int32}", &schema);
  int status = KIT_MAIN(argc, argv, tests);
  schema.release(&schema);
  return status;
}
