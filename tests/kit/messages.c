/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a file: see messages.h. */
#include "messages.h"

#include "check.h"

#include <stdlib.h>
#include <unistd.h>

static int note_message(void *user_data, const respool_ipc_message *message) {
  kit_messages *messages = user_data;
  if (messages->count == KIT_MESSAGES) kit_die("too many messages in the file of a test");
  messages->at[messages->count++] =
      (struct kit_message){message->kind, message->offset, message->metadata_bytes + message->body_bytes};
  return 0;
}

void kit_messages_find(int fd, kit_messages *messages) {
  respool_ipc_summary summary = {.struct_size = sizeof summary};
  *messages = (kit_messages){.fd = fd};
  if (lseek(fd, 0, SEEK_SET) != 0) kit_die("the file of a test cannot seek");
  REQUIRE_OK(respool_ipc_inspect_fd(fd, NULL, note_message, messages, NULL, &summary, kit_error()));
}

const struct kit_message *kit_messages_at(const kit_messages *messages, int32_t kind, int number) {
  for (int i = 0; i < messages->count; i++)
    if (messages->at[i].kind == kind && number-- == 0) return &messages->at[i];
  kit_die("the file of a test has too few messages");
}

int kit_messages_victim(const kit_messages *messages, int64_t offset) {
  int number = 0;
  for (int i = 0; i < messages->count; i++) {
    const struct kit_message *message = &messages->at[i];
    bool before = offset < message->offset;
    bool inside = !before && offset < message->offset + message->length;
    if (inside && message->kind == RESPOOL_IPC_SCHEMA) return -1;
    if (message->kind != RESPOOL_IPC_BATCH) continue;
    if (before || inside) return number;
    number++;
  }
  return -1;
}

static void read_at(int fd, void *bytes, int64_t length, int64_t offset) {
  if (pread(fd, bytes, (size_t)length, offset) != length) kit_die("the file of a test cannot be read");
}

static void write_at(int fd, const void *bytes, int64_t length, int64_t offset) {
  if (pwrite(fd, bytes, (size_t)length, offset) != length) kit_die("the file of a test cannot be written");
}

void kit_file_flip(int fd, int64_t offset, unsigned char mask) {
  unsigned char byte;
  read_at(fd, &byte, 1, offset);
  byte ^= mask;
  write_at(fd, &byte, 1, offset);
}

void kit_file_swap(int fd, int64_t a, int64_t b, int64_t length) {
  unsigned char *bytes = malloc((size_t)length * 2);
  if (bytes == NULL) kit_die("no memory");
  read_at(fd, bytes, length, a);
  read_at(fd, bytes + length, length, b);
  write_at(fd, bytes, length, b);
  write_at(fd, bytes + length, length, a);
  free(bytes);
}
