/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in memory as source and destination of Arrow IPC. */
#include "bytes.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

static void sink_grow(kit_sink *sink, size_t needed) {
  if (needed <= sink->room) return;
  size_t room = sink->room > 0 ? sink->room : 4096;
  while (room < needed) room *= 2;
  unsigned char *grown = realloc(sink->bytes, room);
  if (grown == NULL) kit_die("no memory");
  sink->bytes = grown;
  sink->room = room;
}

int64_t kit_sink_write(void *user_data, const void *bytes, int64_t size) {
  kit_sink *sink = user_data;
  sink->calls++;
  if (sink->fail_code != 0 && (int64_t)sink->size >= sink->fail_after) return -(int64_t)sink->fail_code;
  if (sink->take_most > 0 && size > sink->take_most) size = sink->take_most;
  sink_grow(sink, sink->size + (size_t)size);
  memcpy(sink->bytes + sink->size, bytes, (size_t)size);
  sink->size += (size_t)size;
  return size;
}

void kit_sink_free(kit_sink *sink) {
  free(sink->bytes);
  *sink = (kit_sink){0};
}

int64_t kit_source_read(void *user_data, void *buffer, int64_t size) {
  kit_source *source = user_data;
  source->calls++;
  if (source->at == source->size) return -(int64_t)source->fail_code;
  if (source->give_most > 0 && size > source->give_most) size = source->give_most;
  if ((size_t)size > source->size - source->at) size = (int64_t)(source->size - source->at);
  memcpy(buffer, source->bytes + source->at, (size_t)size);
  source->at += (size_t)size;
  return size;
}

bool kit_write_stream(struct ArrowArrayStream *stream, kit_sink *sink) {
  bool good = CHECK_OK(respool_ipc_write(stream, kit_sink_write, sink, NULL, NULL, kit_error()));
  stream->release(stream);
  return good;
}

int64_t kit_find(const void *bytes, size_t size, const void *text, size_t text_size) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i + text_size <= size; i++)
    if (memcmp(at + i, text, text_size) == 0) return (int64_t)i;
  return -1;
}

bool kit_check_bytes(const void *a, size_t a_size, const void *b, size_t b_size, const char *file, int line) {
  const unsigned char *x = a, *y = b;
  size_t common = a_size < b_size ? a_size : b_size, i = 0;
  while (i < common && x[i] == y[i]) i++;
  if (i == common && a_size == b_size) return true;
  kit_failed(file, line, "bytes differ at %zu (sizes %zu and %zu)", i, a_size, b_size);
  return false;
}
