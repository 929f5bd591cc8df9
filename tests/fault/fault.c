/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: see fault.h. The lock guards what is armed and the counts; system calls are made without it. */
#include "fault.h"

#include "os/calls.h"
#include "support/alloc.h"

#include "check.h"
#include "random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
  pthread_mutex_t lock;
  struct fault fault;
  bool armed;
  int paused;
  bool pending; /* a partial transfer was made: the next call fails */
  int64_t at;
  int64_t calls;
  int64_t hits;
  unsigned hit_targets;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- Figures --------------------------------------------------------------------------------------- */

enum { NAMES = 128, KINDS = 1024 };

static struct {
  const char *scenario;
  const char *names[NAMES];
  struct fault kinds[KINDS];
  int scenarios;
  int kind_count;
  int more_scenarios;
  int more_kinds;
  int64_t points;
  int64_t failures;
} figures = {.scenario = "one"};

static void note_scenario(void) {
  for (int i = 0; i < figures.scenarios; i++)
    if (strcmp(figures.names[i], figures.scenario) == 0) return;
  if (figures.scenarios < NAMES) figures.names[figures.scenarios++] = figures.scenario;
}

static void note_kind(const struct fault *fault) {
  for (int i = 0; i < figures.kind_count; i++) {
    const struct fault *known = &figures.kinds[i];
    if (known->targets == fault->targets && known->error == fault->error && known->partial == fault->partial &&
        known->pattern == fault->pattern)
      return;
  }
  if (figures.kind_count < KINDS) figures.kinds[figures.kind_count++] = *fault;
}

/* What was armed is over. */
static void account(void) {
  if (state.hits == 0) return;
  note_scenario();
  note_kind(&state.fault);
  figures.points++;
  figures.failures += state.hits;
  state.hits = 0;
}

static void print_figures(void) {
  account();
  printf("figures: %d scenarios, %d kinds of faults, %lld fault points, %lld calls that failed\n",
         figures.scenarios + figures.more_scenarios, figures.kind_count + figures.more_kinds, (long long)figures.points,
         (long long)figures.failures);
}

void fault_scenario(const char *name) {
  pthread_mutex_lock(&state.lock);
  account();
  figures.scenario = name;
  pthread_mutex_unlock(&state.lock);
}

void fault_figures_add(int scenarios, int kinds, int64_t points) {
  figures.more_scenarios += scenarios;
  figures.more_kinds += kinds;
  figures.points += points;
}

/* ---- Striking --------------------------------------------------------------------------------------- */

/* What a call is to do. */
enum verdict { GO_ON, FAIL, DO_HALF };

static bool due(int64_t call) {
  switch (state.fault.pattern) {
  case FAULT_ONCE:
    return call == state.at;
  case FAULT_FOR_EVER:
    return call >= state.at;
  case FAULT_BY_CHANCE:
    return call == state.at || (call > state.at && kit_mix(kit_seed() + (uint64_t)call) % 4 == 0);
  default:
    return call >= state.at && (call - state.at) % 2 == 0;
  }
}

static enum verdict judge(unsigned target, bool transfers) {
  if (!state.armed || state.paused > 0 || (state.fault.targets & target) == 0) return GO_ON;
  bool strikes = due(++state.calls) || state.pending;
  if (!strikes) return GO_ON;
  state.hits++;
  state.hit_targets |= target;
  if (transfers && state.fault.error == 0) return DO_HALF;
  if (transfers && state.fault.partial && !state.pending) {
    state.pending = true;
    return DO_HALF;
  }
  state.pending = false;
  errno = state.fault.error;
  return FAIL;
}

static enum verdict ask(unsigned target, bool transfers) {
  pthread_mutex_lock(&state.lock);
  enum verdict verdict = judge(target, transfers);
  pthread_mutex_unlock(&state.lock);
  return verdict;
}

/* ---- The calls ------------------------------------------------------------------------------------- */

static int faulty_open(const char *path, int flags, mode_t mode) {
  return ask(FAULT_OPEN, false) == FAIL ? -1 : os_calls_real.open(path, flags, mode);
}

static int faulty_close(int fd) {
  bool fails = ask(FAULT_CLOSE, false) == FAIL;
  int error = errno, answer = os_calls_real.close(fd);
  if (fails) errno = error;
  return fails ? -1 : answer;
}

static int faulty_stat(const char *path, struct stat *status) {
  return ask(FAULT_STAT, false) == FAIL ? -1 : os_calls_real.stat(path, status);
}

static int faulty_fstat(int fd, struct stat *status) {
  return ask(FAULT_FSTAT, false) == FAIL ? -1 : os_calls_real.fstat(fd, status);
}

static size_t half(size_t size) {
  return size > 1 ? size / 2 : size;
}

static ssize_t faulty_read(int fd, void *buffer, size_t size) {
  enum verdict verdict = ask(FAULT_READ, true);
  if (verdict == FAIL) return -1;
  return os_calls_real.read(fd, buffer, verdict == DO_HALF ? half(size) : size);
}

static ssize_t faulty_pread(int fd, void *buffer, size_t size, off_t offset) {
  enum verdict verdict = ask(FAULT_PREAD, true);
  if (verdict == FAIL) return -1;
  return os_calls_real.pread(fd, buffer, verdict == DO_HALF ? half(size) : size, offset);
}

enum { PARTS = 1024 };

/* A copy of the vector that is half as long. Answers with the number of its parts. */
static int cut_vector(const struct iovec *vector, int count, struct iovec *cut) {
  size_t total = 0, kept = 0;
  for (int i = 0; i < count; i++) total += vector[i].iov_len;
  int parts = 0;
  while (parts < count && kept < half(total)) {
    cut[parts] = vector[parts];
    if (cut[parts].iov_len > half(total) - kept) cut[parts].iov_len = half(total) - kept;
    kept += cut[parts++].iov_len;
  }
  return parts;
}

static ssize_t faulty_writev(int fd, const struct iovec *vector, int count) {
  struct iovec cut[PARTS];
  enum verdict verdict = ask(FAULT_WRITEV, true);
  if (verdict == FAIL) return -1;
  if (verdict == GO_ON) return os_calls_real.writev(fd, vector, count);
  int parts = cut_vector(vector, count, cut);
  return os_calls_real.writev(fd, cut, parts);
}

static ssize_t faulty_pwritev(int fd, const struct iovec *vector, int count, off_t offset) {
  struct iovec cut[PARTS];
  enum verdict verdict = ask(FAULT_PWRITEV, true);
  if (verdict == FAIL) return -1;
  if (verdict == GO_ON) return os_calls_real.pwritev(fd, vector, count, offset);
  int parts = cut_vector(vector, count, cut);
  return os_calls_real.pwritev(fd, cut, parts, offset);
}

static int faulty_ftruncate(int fd, off_t length) {
  return ask(FAULT_FTRUNCATE, false) == FAIL ? -1 : os_calls_real.ftruncate(fd, length);
}

static int faulty_punch(int fd, off_t offset, off_t length) {
  return ask(FAULT_PUNCH, false) == FAIL ? -1 : os_calls_real.punch(fd, offset, length);
}

static int faulty_fsync(int fd) {
  return ask(FAULT_FSYNC, false) == FAIL ? -1 : os_calls_real.fsync(fd);
}

static int faulty_lock(int fd, bool wanted) {
  return ask(FAULT_LOCK, false) == FAIL ? -1 : os_calls_real.lock(fd, wanted);
}

static void *faulty_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
  if (ask(FAULT_MMAP, false) == FAIL) return MAP_FAILED;
  return os_calls_real.mmap(at, length, protection, flags, fd, offset);
}

static int faulty_lock_memory(const void *at, size_t length) {
  return ask(FAULT_MLOCK, false) == FAIL ? -1 : os_calls_real.lock_memory(at, length);
}

static ssize_t faulty_random(void *bytes, size_t size) {
  enum verdict verdict = ask(FAULT_RANDOM, true);
  if (verdict == FAIL) return -1;
  return os_calls_real.random(bytes, verdict == DO_HALF ? half(size) : size);
}

static bool faulty_memory(void) {
  return ask(FAULT_MEMORY, false) == FAIL;
}

void fault_install(void) {
  os_calls.open = faulty_open;
  os_calls.close = faulty_close;
  os_calls.stat = faulty_stat;
  os_calls.fstat = faulty_fstat;
  os_calls.read = faulty_read;
  os_calls.pread = faulty_pread;
  os_calls.writev = faulty_writev;
  os_calls.pwritev = faulty_pwritev;
  os_calls.ftruncate = faulty_ftruncate;
  os_calls.punch = faulty_punch;
  os_calls.fsync = faulty_fsync;
  os_calls.lock = faulty_lock;
  os_calls.mmap = faulty_mmap;
  os_calls.lock_memory = faulty_lock_memory;
  os_calls.random = faulty_random;
  mem_fault = faulty_memory;
  atexit(print_figures);
}

/* ---- Control --------------------------------------------------------------------------------------- */

void fault_arm(const struct fault *fault, int64_t at) {
  pthread_mutex_lock(&state.lock);
  account();
  state.fault = *fault;
  state.armed = true;
  state.pending = false;
  state.at = at;
  state.calls = state.hits = 0;
  state.hit_targets = 0;
  pthread_mutex_unlock(&state.lock);
}

void fault_disarm(void) {
  pthread_mutex_lock(&state.lock);
  state.armed = false;
  pthread_mutex_unlock(&state.lock);
}

static void add_pause(int by) {
  pthread_mutex_lock(&state.lock);
  state.paused += by;
  pthread_mutex_unlock(&state.lock);
}

void fault_pause(void) {
  add_pause(1);
}

void fault_resume(void) {
  add_pause(-1);
}

int64_t fault_hits(void) {
  pthread_mutex_lock(&state.lock);
  int64_t hits = state.hits;
  pthread_mutex_unlock(&state.lock);
  return hits;
}

unsigned fault_hit_targets(void) {
  pthread_mutex_lock(&state.lock);
  unsigned targets = state.hit_targets;
  pthread_mutex_unlock(&state.lock);
  return targets;
}

respool_status fault_status(const struct fault *fault) {
  if (fault->error == ENOSPC || fault->error == EDQUOT) return RESPOOL_NO_SPACE;
  return fault->error == ENOMEM ? RESPOOL_NO_MEMORY : RESPOOL_IO;
}
