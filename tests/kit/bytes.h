/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in memory as source and destination of Arrow IPC. */
#ifndef RESPOOL_TESTS_KIT_BYTES_H
#define RESPOOL_TESTS_KIT_BYTES_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing destination. Start from {0}; kit_sink_free() at the end. */
typedef struct kit_sink {
  unsigned char *bytes;
  size_t size;
  size_t room;
  int64_t take_most;  /* bytes taken by one call, 0: all */
  int64_t fail_after; /* bytes taken before calls answer `fail_code`, 0: never */
  int fail_code;      /* errno value */
  int64_t calls;
} kit_sink;

/* A respool_write_callback; its user data is the kit_sink. */
int64_t kit_sink_write(void *sink, const void *bytes, int64_t size);
void kit_sink_free(kit_sink *sink);

/* A source over bytes that it does not own. */
typedef struct kit_source {
  const unsigned char *bytes;
  size_t size;
  size_t at;
  int64_t give_most; /* bytes given by one call, 0: all */
  int fail_code;     /* errno value answered in place of the end, 0: the end */
  int64_t calls;
} kit_source;

/* A respool_read_callback; its user data is the kit_source. */
int64_t kit_source_read(void *source, void *buffer, int64_t size);

/* The stream, pulled to its end and released, as IPC bytes. Fails the test and answers false on an error. */
bool kit_write_stream(struct ArrowArrayStream *stream, kit_sink *sink);

/* The position of the first `text` of `size` bytes in `bytes`, or -1. */
int64_t kit_find(const void *bytes, size_t size, const void *text, size_t text_size);

/* Whether two runs of bytes are equal; a difference fails the test, naming its position. */
#define CHECK_BYTES(a, a_size, b, b_size) kit_check_bytes((a), (a_size), (b), (b_size), __FILE__, __LINE__)
bool kit_check_bytes(const void *a, size_t a_size, const void *b, size_t b_size, const char *file, int line);

#endif
