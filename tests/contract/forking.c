/* SPDX-License-Identifier: Apache-2.0 */
/* After fork() the child's copies of handles answer MISUSE, closing them does nothing, and the parent goes on
 * undisturbed. */
#include "spool.h"
#include "system.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct handles {
  kit_spool s;
  respool_reader *reader;
  struct ArrowArrayStream stream;
} handles;

static void open_handles(handles *h) {
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, kit_scratch());
  kit_spool_open(&h->s, "{number:int32}", &options);
  KIT_APPEND(h->s.writer, 1);
  h->reader = kit_reader(h->s.spool);
  REQUIRE_OK(respool_export(h->s.spool, NULL, &h->stream, kit_error()));
}

/* The number of the first call in the child that did not answer MISUSE; 0 if all did. */
static int calls_in_child(handles *h) {
  struct ArrowArray array;
  struct ArrowSchema schema;
  struct ArrowArrayStream stream;
  respool_reader *reader;
  respool_stats stats = {.struct_size = sizeof stats};
  kit_batch_one(2, &array);
  if (respool_writer_append(h->s.writer, &array, NULL) != RESPOOL_MISUSE) return 1;
  if (respool_writer_append_stream(h->s.writer, &h->stream, NULL) != RESPOOL_MISUSE) return 2;
  if (respool_writer_flush(h->s.writer, NULL) != RESPOOL_MISUSE) return 3;
  if (respool_writer_finish(h->s.writer, NULL) != RESPOOL_MISUSE) return 4;
  if (respool_writer_fail(h->s.writer, RESPOOL_USER, 0, NULL, NULL) != RESPOOL_MISUSE) return 5;
  if (respool_get_schema(h->s.spool, &schema, NULL) != RESPOOL_MISUSE) return 6;
  if (respool_get_stats(h->s.spool, &stats, NULL) != RESPOOL_MISUSE) return 7;
  if (respool_set_memory_limit(h->s.spool, 5, NULL) != RESPOOL_MISUSE) return 8;
  if (respool_spill(h->s.spool, 0, NULL) != RESPOOL_MISUSE) return 9;
  if (respool_reader_open(h->s.spool, NULL, &reader, NULL) != RESPOOL_MISUSE) return 10;
  if (respool_export(h->s.spool, NULL, &stream, NULL) != RESPOOL_MISUSE) return 11;
  if (respool_reader_next(h->reader, &array, 0, NULL) != RESPOOL_MISUSE) return 12;
  if (respool_reader_next(h->reader, &array, RESPOOL_WAIT_FOREVER, NULL) != RESPOOL_MISUSE) return 13;
  if (respool_reader_on_ready(h->reader, NULL, NULL, NULL) != RESPOOL_MISUSE) return 14;
  if (respool_reader_export(h->reader, &stream, NULL) != RESPOOL_MISUSE) return 15;
  if (h->stream.get_next(&h->stream, &array) == 0) return 16;
  return 0;
}

static void close_in_child(handles *h) {
  respool_reader_cancel(h->reader);
  respool_reader_close(h->reader);
  h->stream.release(&h->stream);
  respool_writer_close(h->s.writer);
  respool_release(h->s.spool);
}

/* The child leaves by way of another program: a leak checker would blame it for what it may not touch. */
static _Noreturn void leave_child(int code) {
  char command[32];
  snprintf(command, sizeof command, "exit %d", code);
  execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  _exit(127);
}

static void check_child(pid_t child) {
  int status;
  REQUIRE_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQ(WEXITSTATUS(status), 0);
}

static void check_parent(handles *h) {
  KIT_APPEND(h->s.writer, 2);
  CHECK_NEXT(h->reader, 1);
  CHECK_NEXT(h->reader, 2);
  CHECK_PENDING(h->reader);
  CHECK_OK(respool_writer_finish(h->s.writer, kit_error()));
  CHECK_ANSWER(h->reader, RESPOOL_END);
  CHECK_EQ(kit_stats(h->s.spool).readers, 2);
  respool_reader_close(h->reader);
  h->stream.release(&h->stream);
  kit_spool_close(&h->s);
  CHECK_NOTHING_LEFT();
}

static void the_child_may_not_use_handles(void) {
  handles h;
  open_handles(&h);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) leave_child(calls_in_child(&h));
  check_child(child);
  check_parent(&h);
}

static void closing_in_the_child_does_nothing(void) {
  handles h;
  open_handles(&h);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close_in_child(&h);
    leave_child(0);
  }
  check_child(child);
  check_parent(&h);
}

/* Forked while another thread is inside a call, and so may hold a lock: the child must not hang. */
static void *append_on(void *argument) {
  kit_spool *s = argument;
  while (kit_stats(s->spool).memory_limit == 0) KIT_APPEND(s->writer, 7);
  return NULL;
}

static void forked_in_the_middle_of_calls(void) {
  handles h;
  open_handles(&h);
  pthread_t thread = kit_thread_start(append_on, &h.s);
  for (int i = 0; i < 20; i++) {
    fflush(stdout);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      alarm(60);
      respool_stats stats = {.struct_size = sizeof stats};
      int code = respool_get_stats(h.s.spool, &stats, NULL) == RESPOOL_MISUSE ? 0 : 1;
      close_in_child(&h);
      leave_child(code);
    }
    check_child(child);
  }
  CHECK_OK(respool_set_memory_limit(h.s.spool, 1, kit_error()));
  kit_thread_join(thread);
  respool_reader_close(h.reader);
  h.stream.release(&h.stream);
  kit_spool_close(&h.s);
  CHECK_NOTHING_LEFT();
}

/* A spool made in the child is the child's own. */
static int own_spool(void) {
  kit_spool s;
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, NULL);
  kit_spool_open(&s, "{number:int32}", &options);
  bool good = KIT_APPEND(s.writer, 5);
  respool_reader *reader = kit_reader(s.spool);
  good = good && CHECK_NEXT(reader, 5);
  respool_reader_close(reader);
  kit_spool_close(&s);
  return good ? 0 : 1;
}

static void the_child_makes_its_own(void) {
  handles h;
  open_handles(&h);
  fflush(stdout);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) leave_child(own_spool());
  check_child(child);
  check_parent(&h);
}

static const kit_test tests[] = {
    KIT_TEST(the_child_may_not_use_handles),
    KIT_TEST(closing_in_the_child_does_nothing),
    KIT_TEST(forked_in_the_middle_of_calls),
    KIT_TEST(the_child_makes_its_own),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
