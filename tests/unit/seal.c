/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing: the same seals whatever pieces the bytes come in, bytes that go on unchanged, and nothing kept of a row of
 * writes that failed. */
#include "store/seal.h"

#include "os/calls.h"
#include "store/checksum.h"
#include "store/cipher.h"
#include "support/alloc.h"
#include "support/error.h"

#include "check.h"
#include "random.h"

#include <string.h>

enum { BYTES = 20000, EXTENTS = 12, START = 4096 };

static uint8_t bytes[BYTES];

/* Where what was sealed goes. */
struct sink {
  uint8_t bytes[BYTES];
  size_t size;
  bool fails;
};

static respool_status collect(void *context, const struct gather_piece *pieces, int count, respool_error *error) {
  struct sink *sink = context;
  if (sink->fails) return error_set(error, RESPOOL_NO_SPACE, "full");
  for (int i = 0; i < count; i++) {
    memcpy(sink->bytes + sink->size, pieces[i].bytes, pieces[i].length);
    sink->size += pieces[i].length;
  }
  return RESPOOL_OK;
}

static struct sink sink;

static struct sealer *open_sealer(void) {
  struct sealer *sealer = NULL;
  kit_random random;
  kit_random_init(&random, 1);
  kit_random_fill(&random, bytes, sizeof bytes);
  REQUIRE_OK(sealer_open(&(struct sealing){.kind = SEAL_CHECKSUM}, &sealer, kit_error()));
  return sealer;
}

static void check_seal(const struct seal *seal, int64_t from, int64_t to) {
  CHECK_EQ(seal->words[0], checksum_of(bytes + from, to - from));
}

/* Take all bytes in pieces and calls that are cut by chance. */
static void take_in_pieces(struct sealer *sealer, kit_random *random, int64_t most) {
  size_t at = 0;
  while (at < BYTES) {
    struct gather_piece pieces[5];
    int count = 0;
    for (; count < 5 && at < BYTES; count++) {
      size_t length = (size_t)kit_random_between(random, 0, most);
      if (length > BYTES - at) length = BYTES - at;
      pieces[count] = (struct gather_piece){bytes + at, length};
      at += length;
    }
    CHECK_OK(sealer_take(sealer, pieces, count, kit_error()));
  }
}

/* Extents that start anywhere; the first one leaves some bytes before it, as the schema does. */
static void seal_extents(struct sealer *sealer, kit_random *random, int64_t starts[EXTENTS + 1],
                         struct seal seals[EXTENTS]) {
  int64_t at = kit_random_between(random, 0, 100);
  sink = (struct sink){.size = 0};
  sealer_begin(sealer, collect, &sink, START);
  for (int i = 0; i < EXTENTS; i++) {
    starts[i] = at;
    REQUIRE_OK(sealer_mark(sealer, START + at, &seals[i], kit_error()));
    at += kit_random_between(random, 1, BYTES / EXTENTS - 100);
  }
  starts[EXTENTS] = BYTES;
  take_in_pieces(sealer, random, kit_random_between(random, 1, 5000));
  CHECK_OK(sealer_settle(sealer, kit_error()));
}

static void whatever_the_pieces(void) {
  struct sealer *sealer = open_sealer();
  kit_random random;
  kit_random_init(&random, kit_seed());
  for (int round = 0; round < (kit_slow() ? 50 : 1000) && kit_failures() == 0; round++) {
    int64_t starts[EXTENTS + 1];
    struct seal seals[EXTENTS] = {{{0}}};
    seal_extents(sealer, &random, starts, seals);
    for (int i = 0; i < EXTENTS; i++) check_seal(&seals[i], starts[i], starts[i + 1]);
    CHECK_EQ(sink.size, BYTES);
    CHECK_EQ(memcmp(sink.bytes, bytes, BYTES), 0);
  }
  sealer_close(sealer);
}

static void put(struct sealer *sealer, int64_t from, int64_t to) {
  struct gather_piece piece = {bytes + from, (size_t)(to - from)};
  CHECK_OK(sealer_take(sealer, &piece, 1, kit_error()));
}

/* An extent may be settled as soon as its bytes have come, and more be marked afterwards. */
static void settled_between(void) {
  struct sealer *sealer = open_sealer();
  struct seal seals[3] = {{{0}}};
  sink = (struct sink){.size = 0};
  sealer_begin(sealer, collect, &sink, 0);
  REQUIRE_OK(sealer_mark(sealer, 0, &seals[0], kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 64, &seals[1], kit_error()));
  put(sealer, 0, 100);
  check_seal(&seals[0], 0, 64);
  CHECK_EQ(seals[1].words[0], 0); /* it may go on */
  CHECK_OK(sealer_settle(sealer, kit_error()));
  check_seal(&seals[1], 64, 100);
  REQUIRE_OK(sealer_mark(sealer, 100, &seals[2], kit_error()));
  put(sealer, 100, 300);
  CHECK_OK(sealer_settle(sealer, kit_error()));
  CHECK_OK(sealer_settle(sealer, kit_error()));
  check_seal(&seals[0], 0, 64);
  check_seal(&seals[1], 64, 100);
  check_seal(&seals[2], 100, 300);
  sealer_close(sealer);
}

/* A write that failed in the middle of an extent leaves nothing to the next attempt, which may have other extents. */
static void nothing_is_kept_of_a_failure(void) {
  struct sealer *sealer = open_sealer();
  struct seal dead[2] = {{{0}}}, seals[2] = {{{0}}};
  struct gather_piece piece = {bytes, 500};
  sink = (struct sink){.fails = true};
  sealer_begin(sealer, collect, &sink, 0);
  REQUIRE_OK(sealer_mark(sealer, 100, &dead[0], kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 700, &dead[1], kit_error()));
  CHECK_STATUS(sealer_take(sealer, &piece, 1, kit_error()), RESPOOL_NO_SPACE);
  sink.fails = false;
  sealer_begin(sealer, collect, &sink, 0);
  memset(dead, 0, sizeof dead);
  REQUIRE_OK(sealer_mark(sealer, 50, &seals[0], kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 600, &seals[1], kit_error()));
  put(sealer, 0, 1000);
  CHECK_OK(sealer_settle(sealer, kit_error()));
  check_seal(&seals[0], 50, 600);
  check_seal(&seals[1], 600, 1000);
  CHECK_EQ(dead[0].words[0] | dead[1].words[0], 0);
  sealer_close(sealer);
}

/* Bytes that nobody asks about, between others. */
static void unsealed_parts(void) {
  struct sealer *sealer = open_sealer();
  struct seal seal = {{0}};
  sink = (struct sink){.size = 0};
  sealer_begin(sealer, collect, &sink, 0);
  REQUIRE_OK(sealer_mark(sealer, 10, &seal, kit_error()));
  REQUIRE_OK(sealer_mark(sealer, 40, NULL, kit_error()));
  put(sealer, 0, 90);
  CHECK_OK(sealer_settle(sealer, kit_error()));
  check_seal(&seal, 10, 40);
  CHECK_EQ(sink.size, 90);
  sealer_close(sealer);
}

static void without_a_sealer(void) {
  CHECK_OK(sealer_mark(NULL, 0, NULL, kit_error()));
  CHECK_OK(sealer_settle(NULL, kit_error()));
  sealer_rest(NULL);
  sealer_close(NULL);
}

static int granted;

static bool refuse_after_some(void) {
  return granted-- <= 0;
}

static void no_memory(void) {
  struct sealer *sealer = NULL;
  for (int i = 0; i < 2; i++) {
    granted = i;
    mem_fault = refuse_after_some;
    CHECK_STATUS(sealer_open(&(struct sealing){.kind = SEAL_CHECKSUM}, &sealer, kit_error()), RESPOOL_NO_MEMORY);
    mem_fault = NULL;
  }
  sealer = open_sealer();
  struct seal seal = {{0}};
  sealer_begin(sealer, collect, &sink, 0);
  granted = 0;
  mem_fault = refuse_after_some;
  CHECK_STATUS(sealer_mark(sealer, 0, &seal, kit_error()), RESPOOL_NO_MEMORY);
  mem_fault = NULL;
  sealer_close(sealer);
}

/* ---- Encryption -------------------------------------------------------------------------------------- */

static struct sealing encrypting(void) {
  struct sealing sealing = {.kind = SEAL_ENCRYPTED};
  if (!cipher_available()) kit_skip("this build has no encryption");
  REQUIRE_OK(cipher_key_open(&sealing.key, kit_error()));
  return sealing;
}

/* Part of the sink's bytes, decrypted, is that part of what came. */
static void check_decrypts(const struct sealing *sealing, const struct seal *seal, int64_t from, int64_t to) {
  static uint8_t clear[BYTES];
  bool genuine = false;
  CHECK_OK(cipher_decrypt(sealing->key, seal->words[0], (const uint8_t *)&seal->words[1], sink.bytes + from, to - from,
                          clear, &genuine, kit_error()));
  CHECK(genuine);
  CHECK_EQ(memcmp(clear, bytes + from, (size_t)(to - from)), 0);
}

static void encrypted_whatever_the_pieces(void) {
  struct sealing sealing = encrypting();
  struct sealer *sealer = open_sealer();
  sealer_close(sealer);
  REQUIRE_OK(sealer_open(&sealing, &sealer, kit_error()));
  kit_random random;
  kit_random_init(&random, kit_seed());
  uint64_t last = 0;
  for (int round = 0; round < (kit_slow() ? 20 : 300) && kit_failures() == 0; round++) {
    int64_t starts[EXTENTS + 1];
    struct seal seals[EXTENTS] = {{{0}}};
    seal_extents(sealer, &random, starts, seals);
    sealer_rest(sealer);
    REQUIRE_EQ(sink.size, BYTES);
    for (int i = 0; i < EXTENTS; i++) {
      check_decrypts(&sealing, &seals[i], starts[i], starts[i + 1]);
      CHECK(seals[i].words[0] > last); /* never a number again */
      last = seals[i].words[0];
    }
  }
  sealer_close(sealer);
  cipher_key_close(sealing.key);
}

/* The same bytes in the same place, after a failure: another number, and other bytes. */
static void encrypted_anew_after_a_failure(void) {
  struct sealing sealing = encrypting();
  struct sealer *sealer;
  struct seal seals[2] = {{{0}}};
  static uint8_t first[1000];
  struct gather_piece piece = {bytes, 1000}, more = {bytes + 1000, 100};
  REQUIRE_OK(sealer_open(&sealing, &sealer, kit_error()));
  sink = (struct sink){.size = 0};
  for (int i = 0; i < 2; i++) {
    sink = (struct sink){.size = 0};
    sealer_begin(sealer, collect, &sink, 0);
    REQUIRE_OK(sealer_mark(sealer, 0, &seals[i], kit_error()));
    CHECK_OK(sealer_take(sealer, &piece, 1, kit_error()));
    sink.fails = i == 0;
    CHECK_STATUS(sealer_take(sealer, &more, 1, kit_error()), i == 0 ? RESPOOL_NO_SPACE : RESPOOL_OK);
    if (i == 0) memcpy(first, sink.bytes, 1000);
  }
  CHECK_OK(sealer_settle(sealer, kit_error()));
  check_decrypts(&sealing, &seals[1], 0, 1100);
  CHECK_EQ(seals[0].words[0], 0);
  for (size_t at = 0; at < 1000; at += 8) CHECK(memcmp(first + at, sink.bytes + at, 8) != 0);
  sealer_close(sealer);
  cipher_key_close(sealing.key);
}

/* Every bit counts: of the bytes, of the tag, of the number, and the key. */
static void what_does_not_decrypt(void) {
  struct sealing sealing = encrypting(), other = encrypting();
  struct cipher *cipher;
  uint8_t tag[CIPHER_TAG], made[100], clear[100];
  bool genuine = true;
  REQUIRE_OK(cipher_open(sealing.key, &cipher, kit_error()));
  REQUIRE_OK(cipher_begin(cipher, 77, kit_error()));
  REQUIRE_OK(cipher_add(cipher, bytes, 100, made, kit_error()));
  REQUIRE_OK(cipher_end(cipher, tag, kit_error()));
  cipher_close(cipher);
  for (int bit = 0; bit < 8 * (100 + CIPHER_TAG); bit++) {
    uint8_t *at = bit < 800 ? &made[bit / 8] : &tag[bit / 8 - 100];
    *at ^= (uint8_t)(1 << bit % 8);
    CHECK_OK(cipher_decrypt(sealing.key, 77, tag, made, 100, clear, &genuine, kit_error()));
    CHECK(!genuine);
    *at ^= (uint8_t)(1 << bit % 8);
  }
  CHECK_OK(cipher_decrypt(sealing.key, 78, tag, made, 100, clear, &genuine, kit_error()));
  CHECK(!genuine);
  CHECK_OK(cipher_decrypt(other.key, 77, tag, made, 100, clear, &genuine, kit_error()));
  CHECK(!genuine);
  CHECK_OK(cipher_decrypt(sealing.key, 77, tag, made, 100, made, &genuine, kit_error()));
  CHECK(genuine);
  CHECK_EQ(memcmp(made, bytes, 100), 0);
  cipher_key_close(sealing.key);
  cipher_key_close(other.key);
}

/* ---- The key's memory -------------------------------------------------------------------------------- */

static uint8_t *page, page_after[32];
static bool locked;

static int note_lock(const void *at, size_t length) {
  page = (uint8_t *)(uintptr_t)at;
  locked = true;
  return os_calls_real.lock_memory(at, length);
}

static int refuse_lock(const void *at, size_t length) {
  (void)at;
  (void)length;
  return -1;
}

/* What the page holds when it is given back. */
static int note_unmap(void *at, size_t length) {
  if (at == page) memcpy(page_after, at, sizeof page_after);
  return os_calls_real.munmap(at, length);
}

static ssize_t random_ones(void *to, size_t size) {
  size_t some = size > 5 ? 5 : size; /* it may give less than was asked for */
  memset(to, 1, some);
  return (ssize_t)some;
}

static ssize_t no_random(void *to, size_t size) {
  (void)to;
  (void)size;
  return 0;
}

static void the_key_is_locked_and_wiped(void) {
  struct cipher_key *key;
  if (!cipher_available()) kit_skip("this build has no encryption");
  os_calls.lock_memory = note_lock;
  os_calls.munmap = note_unmap;
  os_calls.random = random_ones;
  REQUIRE_OK(cipher_key_open(&key, kit_error()));
  CHECK(locked);
  for (int i = 0; i < 32; i++) CHECK_EQ(page[i], 1);
  memset(page_after, 9, sizeof page_after);
  cipher_key_close(key);
  for (int i = 0; i < 32; i++) CHECK_EQ(page_after[i], 0);
  os_calls.lock_memory = refuse_lock; /* which is told in the header, and no reason to fail */
  CHECK_OK(cipher_key_open(&key, kit_error()));
  cipher_key_close(key);
  os_calls.random = no_random; /* which is */
  CHECK_STATUS(cipher_key_open(&key, kit_error()), RESPOOL_IO);
  os_calls = os_calls_real;
}

/* XXH3 with seed 0, as its specification has it, so that what is kept means the same in every build. */
static void known_checksums(void) {
  CHECK(checksum_of("", 0) == 0x2D06800538D394C2u);
  struct checksum *checksum;
  REQUIRE_OK(checksum_open(&checksum, kit_error()));
  checksum_begin(checksum);
  CHECK(checksum_end(checksum) == 0x2D06800538D394C2u);
  checksum_close(checksum);
}

static const kit_test tests[] = {
    KIT_TEST(whatever_the_pieces),
    KIT_TEST(settled_between),
    KIT_TEST(nothing_is_kept_of_a_failure),
    KIT_TEST(unsealed_parts),
    KIT_TEST(without_a_sealer),
    KIT_TEST(no_memory),
    KIT_TEST(known_checksums),
    KIT_TEST(encrypted_whatever_the_pieces),
    KIT_TEST(encrypted_anew_after_a_failure),
    KIT_TEST(what_does_not_decrypt),
    KIT_TEST(the_key_is_locked_and_wiped),
};

int main(int argc, char **argv) {
  return KIT_MAIN(argc, argv, tests);
}
