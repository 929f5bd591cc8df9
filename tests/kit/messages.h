/* SPDX-License-Identifier: Apache-2.0 */
/* Where the messages of a spool's file lie, and changing its bytes behind the spool's back. */
#ifndef RESPOOL_TESTS_KIT_MESSAGES_H
#define RESPOOL_TESTS_KIT_MESSAGES_H

#include <respool/respool.h>

enum { KIT_MESSAGES = 64 };

typedef struct kit_messages {
  int fd; /* of the file, not owned */
  int count;
  struct kit_message {
    int32_t kind; /* RESPOOL_IPC_... */
    int64_t offset;
    int64_t length; /* with prefix and padding */
  } at[KIT_MESSAGES];
} kit_messages;

/* Walks over the file, of which `fd` is a descriptor that can seek. */
void kit_messages_find(int fd, kit_messages *messages);

/* The message of this kind that comes as the `number`th, from 0 on. */
const struct kit_message *kit_messages_at(const kit_messages *messages, int32_t kind, int number);

/* The number of the first batch that needs this byte, for itself or its dictionaries; -1: none. */
int kit_messages_victim(const kit_messages *messages, int64_t offset);

/* Change one byte. The same twice leaves the file as it was. */
void kit_file_flip(int fd, int64_t offset, unsigned char mask);

/* Exchange two parts of the file. */
void kit_file_swap(int fd, int64_t a, int64_t b, int64_t length);

#endif
