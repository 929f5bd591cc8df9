/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Arrow stream, three readers at their own pace: a fast one, a slow one, and one that joins when the fast one is
 * well on its way. Each writes its replay as Arrow IPC bytes into a hash, so that the hashes are equal exactly when
 * the readers got the same data.
 *
 * Usage: late_reader [-m MIB] [-d DIRECTORY] [-o FILE] [INPUT]
 *   -m  memory limit of the spool in MiB (default 64)
 *   -d  directory for what exceeds it
 *   -o  write the replay of the late reader to FILE too
 *   INPUT is an Arrow IPC stream or file; standard input if it is left out.
 */
#include <respool/respool.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIB             (1024.0 * 1024.0)
#define LATE_AFTER      (256 * (int64_t)1048576) /* bytes the fast reader has had when the late one joins */
#define SLOW_RATE       (100 * MIB)              /* bytes a second */
#define WORD_MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

/* ---- A hash that does not depend on how the bytes are cut into pieces -------------------------------- */

struct hash {
  uint64_t state;
  uint64_t word; /* bytes that do not fill a word yet */
  unsigned filled;
};

static void hash_word(struct hash *hash, uint64_t word) {
  hash->state = (hash->state ^ word) * WORD_MULTIPLIER;
  hash->state ^= hash->state >> 29;
}

static void hash_bytes(struct hash *hash, const unsigned char *bytes, size_t size) {
  while (size > 0) {
    if (hash->filled == 0 && size >= sizeof hash->word) {
      uint64_t word;
      memcpy(&word, bytes, sizeof word);
      hash_word(hash, word);
      bytes += sizeof word;
      size -= sizeof word;
      continue;
    }
    hash->word |= (uint64_t)*bytes++ << (8 * hash->filled++);
    size--;
    if (hash->filled < sizeof hash->word) continue;
    hash_word(hash, hash->word);
    hash->word = 0;
    hash->filled = 0;
  }
}

static uint64_t hash_value(struct hash hash) {
  hash_word(&hash, hash.word ^ ((uint64_t)hash.filled << 56));
  return hash.state;
}

/* ---- Readers ------------------------------------------------------------------------------------------ */

/* Opened by the fast reader, awaited by the late one. */
struct gate {
  pthread_mutex_t mutex;
  pthread_cond_t opened;
  bool open;
};

struct consumer {
  const char *name;
  double rate; /* bytes a second at most; 0: as fast as it goes */
  struct gate *opens;
  struct gate *awaits;
  FILE *copy; /* gets the bytes too, or NULL */
  respool *spool;
  pthread_t thread;
  double started, ended;
  int64_t taken;
  struct hash hash;
  respool_status status;
  respool_error error;
  respool_ipc_totals totals;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void pause_for(double seconds) {
  struct timespec time = {.tv_sec = (time_t)seconds};
  time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
  while (nanosleep(&time, &time) != 0 && errno == EINTR) continue;
}

static void gate_open(struct gate *gate) {
  pthread_mutex_lock(&gate->mutex);
  gate->open = true;
  pthread_cond_broadcast(&gate->opened);
  pthread_mutex_unlock(&gate->mutex);
}

static void gate_await(struct gate *gate) {
  pthread_mutex_lock(&gate->mutex);
  while (!gate->open) pthread_cond_wait(&gate->opened, &gate->mutex);
  pthread_mutex_unlock(&gate->mutex);
}

/* Takes the bytes of one replay: a respool_write_callback. */
static int64_t take(void *user_data, const void *bytes, int64_t size) {
  struct consumer *consumer = user_data;
  hash_bytes(&consumer->hash, bytes, (size_t)size);
  if (consumer->copy && fwrite(bytes, 1, (size_t)size, consumer->copy) != (size_t)size) return -EIO;
  consumer->taken += size;
  if (consumer->opens && consumer->taken >= LATE_AFTER) {
    gate_open(consumer->opens);
    consumer->opens = NULL;
  }
  if (consumer->rate > 0) {
    double ahead = (double)consumer->taken / consumer->rate - (now() - consumer->started);
    if (ahead > 0.01) pause_for(ahead);
  }
  return size;
}

static void *consume(void *argument) {
  struct consumer *consumer = argument;
  struct ArrowArrayStream stream;
  if (consumer->awaits) gate_await(consumer->awaits);
  consumer->started = now();
  consumer->totals.struct_size = sizeof consumer->totals;
  consumer->status = respool_export(consumer->spool, NULL, &stream, &consumer->error);
  if (consumer->status == RESPOOL_OK) {
    consumer->status = respool_ipc_write(&stream, take, consumer, NULL, &consumer->totals, &consumer->error);
    stream.release(&stream);
  }
  consumer->ended = now();
  if (consumer->opens) gate_open(consumer->opens);
  return NULL;
}

/* ---- The whole ------------------------------------------------------------------------------------------ */

struct settings {
  int64_t memory_limit;
  const char *directory;
  const char *output;
  const char *input;
};

static int complain(const char *what, const char *why) {
  fprintf(stderr, "late_reader: %s: %s\n", what, why);
  return 1;
}

/* Open the input as a stream and make a spool for its schema. Nothing is open where it fails. */
static int open_spool(const struct settings *settings, struct ArrowArrayStream *input, respool **spool,
                      respool_writer **writer) {
  const char *name = settings->input ? settings->input : "standard input";
  respool_error error;
  respool_ipc_options reading;
  respool_ipc_options_init(&reading, sizeof reading);
  reading.close_descriptor = settings->input != NULL;
  int fd = settings->input ? open(settings->input, O_RDONLY) : STDIN_FILENO;
  if (fd < 0) return complain(name, strerror(errno));
  if (respool_ipc_read_fd(fd, &reading, input, &error) != RESPOOL_OK) {
    if (settings->input) close(fd);
    return complain(name, error.message);
  }

  struct ArrowSchema schema;
  respool_options options;
  respool_options_init(&options, sizeof options);
  options.memory_limit = settings->memory_limit;
  options.directory = settings->directory;
  int result = 0;
  if (input->get_schema(input, &schema) != 0) {
    result = complain(name, input->get_last_error(input));
  } else {
    if (respool_create(&schema, &options, spool, writer, &error) != RESPOOL_OK) result = complain(name, error.message);
    schema.release(&schema);
  }
  if (result != 0) input->release(input);
  return result;
}

/* Let the input flow into the spool while the consumers read. */
static int run(struct ArrowArrayStream *input, respool *spool, respool_writer *writer, struct consumer *consumers,
               size_t count) {
  respool_error error;
  int result = 0;
  size_t running = 0;
  for (; running < count && result == 0; running++) {
    consumers[running].spool = spool;
    int code = pthread_create(&consumers[running].thread, NULL, consume, &consumers[running]);
    if (code != 0) result = complain("thread", strerror(code));
  }
  if (result != 0) running--;
  if (result == 0 && (respool_writer_append_stream(writer, input, &error) != RESPOOL_OK ||
                      respool_writer_finish(writer, &error) != RESPOOL_OK))
    result = complain("writing", error.message);
  respool_writer_close(writer); /* where it failed, this ends the readers' waiting */
  for (size_t i = 0; i < running; i++) pthread_join(consumers[i].thread, NULL);
  return result;
}

static int report(respool *spool, const struct consumer *consumers, size_t count) {
  int result = 0;
  double start = consumers[0].started;
  printf("%-8s %8s %10s %9s %9s %8s %8s  %s\n", "reader", "joined", "rows", "batches", "MiB", "seconds", "MiB/s",
         "hash");
  for (size_t i = 0; i < count; i++) {
    const struct consumer *c = &consumers[i];
    if (c->status != RESPOOL_OK) {
      result = complain(c->name, c->error.message);
      continue;
    }
    double seconds = c->ended - c->started, mib = (double)c->totals.bytes / MIB;
    printf("%-8s %6.2f s %10" PRId64 " %9" PRId64 " %9.1f %8.2f %8.0f  %016" PRIx64 "\n", c->name, c->started - start,
           c->totals.rows, c->totals.batches, mib, seconds, mib / seconds, hash_value(c->hash));
    if (hash_value(c->hash) != hash_value(consumers[0].hash) || c->taken != consumers[0].taken)
      result = complain(c->name, "got other data than the first reader");
  }

  respool_error error;
  respool_stats stats = {.struct_size = sizeof stats};
  if (respool_get_stats(spool, &stats, &error) != RESPOOL_OK) return complain("stats", error.message);
  printf("limit %.0f MiB; held in memory at most %.1f MiB; written to disk %.1f MiB\n",
         (double)stats.memory_limit / MIB, (double)stats.bytes_charged_peak / MIB, (double)stats.bytes_written / MIB);
  return result;
}

static bool parse(int argc, char **argv, struct settings *settings) {
  int option;
  while ((option = getopt(argc, argv, "m:d:o:")) != -1) {
    char *end;
    switch (option) {
    case 'm':
      settings->memory_limit = (int64_t)(strtod(optarg, &end) * MIB);
      if (end == optarg || *end != '\0') return false;
      break;
    case 'd':
      settings->directory = optarg;
      break;
    case 'o':
      settings->output = optarg;
      break;
    default:
      return false;
    }
  }
  settings->input = optind < argc ? argv[optind++] : NULL;
  return optind == argc;
}

int main(int argc, char **argv) {
  struct settings settings = {.memory_limit = (int64_t)(64 * MIB)};
  if (!parse(argc, argv, &settings)) {
    fprintf(stderr, "usage: late_reader [-m MIB] [-d DIRECTORY] [-o FILE] [INPUT]\n");
    return 2;
  }
  FILE *copy = settings.output ? fopen(settings.output, "wb") : NULL;
  if (settings.output && !copy) return complain(settings.output, strerror(errno));

  struct ArrowArrayStream input;
  respool *spool;
  respool_writer *writer;
  if (open_spool(&settings, &input, &spool, &writer) != 0) {
    if (copy) fclose(copy);
    return 1;
  }
  struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
  struct consumer consumers[] = {
      {.name = "fast", .opens = &gate},
      {.name = "slow", .rate = SLOW_RATE},
      {.name = "late", .awaits = &gate, .copy = copy},
  };
  const size_t count = sizeof consumers / sizeof consumers[0];
  int result = run(&input, spool, writer, consumers, count);
  if (copy && fclose(copy) != 0) result = complain(settings.output, strerror(errno));
  if (result == 0) result = report(spool, consumers, count);
  respool_release(spool);
  input.release(&input);
  return result;
}
