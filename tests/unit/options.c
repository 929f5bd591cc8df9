/* SPDX-License-Identifier: Apache-2.0 */
/* support/options: structs led by their size, older and newer than the library, to and from the caller. */
#include "support/options.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

/* What a library knows: 32 bytes. */
struct known {
  size_t struct_size;
  int64_t first;
  int32_t second;
  int32_t third;
  int64_t fourth;
};

static const struct known defaults = {sizeof(struct known), 11, 12, 13, 14};

/* A caller's struct of exactly `size` bytes on the heap, so that a sanitizer sees what is touched behind it. */
static unsigned char *callers(size_t size, int fill) {
  unsigned char *bytes = malloc(size > sizeof size ? size : sizeof size);
  if (bytes == NULL) kit_die("no memory");
  memset(bytes, fill, size > sizeof size ? size : sizeof size);
  memcpy(bytes, &size, sizeof size);
  return bytes;
}

static void nothing_given(void) {
  struct known merged = defaults;
  CHECK_OK(options_merge(NULL, &merged, sizeof merged, kit_error()));
  CHECK_EQ(memcmp(&merged, &defaults, sizeof merged), 0);
}

/* An older caller's struct overlays as much as it has. */
static void merging_every_size(void) {
  for (size_t size = sizeof(size_t); size <= sizeof(struct known); size++) {
    unsigned char *given = callers(size, 0x5a);
    struct known merged = defaults;
    CHECK_OK(options_merge(given, &merged, sizeof merged, kit_error()));
    CHECK_EQ(memcmp(&merged, given, size), 0);
    CHECK_EQ(memcmp((char *)&merged + size, (const char *)&defaults + size, sizeof merged - size), 0);
    free(given);
  }
}

/* A newer caller's struct is taken as long as it asks for nothing unknown. */
static void merging_newer_structs(void) {
  for (size_t more = 1; more < 24; more++) {
    unsigned char *given = callers(sizeof(struct known) + more, 0);
    struct known merged = defaults;
    CHECK_OK(options_merge(given, &merged, sizeof merged, kit_error()));
    CHECK_EQ(merged.first, 0);
    for (size_t i = 0; i < more; i++) {
      given[sizeof(struct known) + i] = 1;
      merged = defaults;
      CHECK_ERROR(options_merge(given, &merged, sizeof merged, kit_error()), RESPOOL_INVALID, "newer");
      CHECK_EQ(memcmp(&merged, &defaults, sizeof merged), 0);
      given[sizeof(struct known) + i] = 0;
    }
    free(given);
  }
}

/* Sizes that nobody set. */
static void merging_impossible_sizes(void) {
  static const size_t sizes[] = {0, 1, sizeof(size_t) - 1, 4097, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct known given = {.struct_size = sizes[i]}, merged = defaults;
    CHECK_ERROR(options_merge(&given, &merged, sizeof merged, kit_error()), RESPOOL_INVALID, "struct_size");
    CHECK_EQ(memcmp(&merged, &defaults, sizeof merged), 0);
  }
}

/* Outputs: as much as the caller has, its own size kept, what the library does not know zeroed. */
static void giving_every_size(void) {
  for (size_t size = sizeof(size_t); size <= sizeof(struct known) + 24; size++) {
    unsigned char *to = callers(size, 0x5a);
    CHECK_OK(options_give(&defaults, sizeof defaults, to, kit_error()));
    size_t kept, front = size < sizeof defaults ? size : sizeof defaults;
    memcpy(&kept, to, sizeof kept);
    CHECK_EQ(kept, size);
    CHECK_EQ(memcmp(to + sizeof kept, (const char *)&defaults + sizeof kept, front - sizeof kept), 0);
    for (size_t i = front; i < size; i++) CHECK_EQ(to[i], 0);
    free(to);
  }
}

static void giving_impossible_sizes(void) {
  static const size_t sizes[] = {0, sizeof(size_t) - 1, 4097, SIZE_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct known to = {.struct_size = sizes[i], .first = 99};
    CHECK_ERROR(options_give(&defaults, sizeof defaults, &to, kit_error()), RESPOOL_INVALID, "struct_size");
    CHECK_EQ(to.first, 99);
  }
}

/* The public initialisers, for callers compiled with fewer members. */
static void initialisers_of_every_size(void) {
  respool_options whole;
  respool_options_init(&whole, sizeof whole);
  CHECK_EQ(whole.struct_size, sizeof whole);
  CHECK_EQ(whole.memory_limit, RESPOOL_DEFAULT_MEMORY_LIMIT);
  CHECK_EQ(whole.write_chunk, RESPOOL_DEFAULT_WRITE_CHUNK);
  CHECK(whole.path == NULL && whole.directory == NULL);
  CHECK_EQ(whole.mode, RESPOOL_MODE_DEFAULT);
  for (size_t size = sizeof(size_t); size <= sizeof whole + 16; size++) {
    unsigned char *to = callers(size, 0x5a);
    respool_options_init((respool_options *)(void *)to, size);
    size_t front = size < sizeof whole ? size : sizeof whole, kept;
    memcpy(&kept, to, sizeof kept);
    CHECK_EQ(kept, size);
    CHECK_EQ(memcmp(to + sizeof kept, (const char *)&whole + sizeof kept, front - sizeof kept), 0);
    for (size_t i = front; i < size; i++) CHECK_EQ(to[i], 0);
    free(to);
  }
  respool_options_init(NULL, sizeof whole);
  respool_reader_options_init(NULL, 16);
  respool_ipc_options_init(NULL, 16);
}

static const kit_test tests[] = {
    KIT_TEST(nothing_given),
    KIT_TEST(merging_every_size),
    KIT_TEST(merging_newer_structs),
    KIT_TEST(merging_impossible_sizes),
    KIT_TEST(giving_every_size),
    KIT_TEST(giving_impossible_sizes),
    KIT_TEST(initialisers_of_every_size),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
