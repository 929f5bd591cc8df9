/* SPDX-License-Identifier: Apache-2.0 */
/* Faults drawn at random, and how often each kind of them has struck. The lock guards all of it. */
#include "program.h"

#include "fault.h"

#include <errno.h>
#include <string.h>

enum { WRITES = FAULT_WRITEV | FAULT_PWRITEV, READS = FAULT_READ | FAULT_PREAD };

typedef struct trouble {
  const char *name;
  struct fault fault;
  bool lasts;   /* may strike at every call; else the library, which repeats such a call at once, would not go on */
  int64_t late; /* of the calls it may strike, the first that it does is one of so many: some calls are rare */
} trouble;

static const trouble kinds[] = {
    {"ENOSPC", {.targets = FAULT_OPEN | WRITES, .error = ENOSPC}, true, 4},
    {"ENOSPC after half a write", {.targets = WRITES, .error = ENOSPC, .partial = true}, true, 4},
    {"EDQUOT", {.targets = FAULT_OPEN | WRITES, .error = EDQUOT}, true, 4},
    {"EIO on writing", {.targets = WRITES | FAULT_FTRUNCATE, .error = EIO, .partial = true}, true, 4},
    {"EIO on reading", {.targets = READS, .error = EIO}, true, 12},
    {"EIO on mapping and reading", {.targets = READS | FAULT_MMAP, .error = EIO}, true, 12},
    {"EINTR", {.targets = FAULT_OPEN | READS | WRITES | FAULT_FTRUNCATE | FAULT_FSYNC, .error = EINTR}, false, 4},
    {"short reads", {.targets = READS}, true, 12},
    {"short writes", {.targets = WRITES}, true, 4},
    {"EMFILE", {.targets = FAULT_OPEN, .error = EMFILE}, true, 1},
    {"ENOMEM", {.targets = FAULT_MEMORY, .error = ENOMEM}, true, 40},
    {"mmap refused", {.targets = FAULT_MMAP, .error = ENOMEM}, true, 1},
    {"fsync fails", {.targets = FAULT_FSYNC, .error = EIO}, true, 1},
    {"locking a file fails", {.targets = FAULT_LOCK, .error = EIO}, true, 1},
    {"no random bytes", {.targets = FAULT_RANDOM, .error = EIO}, true, 1},
    {"memory is not locked", {.targets = FAULT_MLOCK, .error = EPERM}, true, 1},
    {"close fails", {.targets = FAULT_CLOSE, .error = EIO}, true, 1},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct {
  pthread_mutex_t lock;
  int64_t hits[KINDS];
  int64_t total; /* of those that are over */
  struct fault fault;
  int current; /* -1: none */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .current = -1};

static void count_current(void) {
  if (state.current < 0) return;
  fault_disarm();
  state.hits[state.current] += fault_hits();
  state.total += fault_hits();
  state.current = -1;
}

void trouble_start(kit_random *random) {
  static const enum fault_pattern patterns[] = {FAULT_ONCE, FAULT_EVERY_SECOND, FAULT_FOR_EVER};
  int64_t chosen = kit_random_below(random, KINDS);
  enum fault_pattern pattern = patterns[kit_random_below(random, kinds[chosen].lasts ? 3 : 2)];
  int64_t at = kit_random_between(random, 1, kinds[chosen].late);
  pthread_mutex_lock(&state.lock);
  count_current();
  state.current = (int)chosen;
  state.fault = kinds[chosen].fault;
  state.fault.pattern = pattern;
  fault_arm(&state.fault, at);
  pthread_mutex_unlock(&state.lock);
}

void trouble_stop(void) {
  pthread_mutex_lock(&state.lock);
  count_current();
  pthread_mutex_unlock(&state.lock);
}

int64_t trouble_hits(void) {
  pthread_mutex_lock(&state.lock);
  int64_t hits = state.total + (state.current >= 0 ? fault_hits() : 0);
  pthread_mutex_unlock(&state.lock);
  return hits;
}

void *trouble_run(void *argument) {
  trouble_thread *thread = argument;
  kit_random random;
  kit_random_init(&random, thread->seed);
  while (!atomic_load(&thread->stop)) {
    trouble_start(&random);
    kit_pause(kit_random_below(&random, 40000));
    trouble_stop();
    kit_pause(kit_random_below(&random, 40000));
  }
  return NULL;
}

/* With one thread it is the one in force; with many, another may have come in the meantime. */
bool trouble_explains(const program *p, respool_status status, const respool_error *error) {
  if (status == RESPOOL_OVER_BUDGET) return CHECK(p->options.disk_budget != RESPOOL_NO_LIMIT);
  bool good = CHECK(p->plan.faults) && CHECK(trouble_hits() > 0) && CHECK(respool_status_retryable(status));
  good = good && CHECK_EQ(error->status, status) && CHECK(error->message[0] != '\0');
  if (good && !p->threaded && p->finish_failures == 0) good = CHECK_EQ(status, fault_status(&state.fault));
  if (!good) kit_note("%s: %s", respool_status_name(status), error->message);
  return good;
}

int trouble_kinds(void) {
  return KINDS;
}

const char *trouble_kind(int kind, int64_t *hits) {
  pthread_mutex_lock(&state.lock);
  *hits = state.hits[kind];
  pthread_mutex_unlock(&state.lock);
  return kinds[kind].name;
}
