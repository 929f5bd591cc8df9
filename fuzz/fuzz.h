/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share: the entry point, a check that ends the program, numbers out of the input, and checks of
 * error records. A finding is a call of abort(), so that libFuzzer and the plain driver both notice.
 */
#ifndef RESPOOL_FUZZ_FUZZ_H
#define RESPOOL_FUZZ_FUZZ_H

#include <respool/respool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One run on one input. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Print what was found and end the program. */
_Noreturn void fuzz_found(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define FUZZ_FOUND(...)            fuzz_found(__FILE__, __LINE__, __VA_ARGS__)
#define FUZZ_CHECK(condition, ...) ((condition) ? (void)0 : FUZZ_FOUND(__VA_ARGS__))

/* The call answers RESPOOL_OK; `error` is what it was given. */
#define FUZZ_OK(call, error) fuzz_check_ok(__FILE__, __LINE__, (call), (error))
void fuzz_check_ok(const char *file, int line, respool_status status, const respool_error *error);

/* An error record says the same status as the answer, and has one line of UTF-8 text. */
void fuzz_check_error(respool_status status, const respool_error *error);

/* One line of UTF-8, not empty. */
void fuzz_check_text(const char *text);

/* A number that depends on all of the input. */
uint64_t fuzz_hash(const uint8_t *data, size_t size);

/* The next of a sequence of numbers; `state` must not be 0. */
uint64_t fuzz_next(uint64_t *state);

/* An input that is consumed byte by byte; behind its end come zeros. */
typedef struct fuzz_input {
  const uint8_t *bytes;
  size_t size;
  size_t at;
} fuzz_input;

static inline uint8_t fuzz_byte(fuzz_input *input) {
  return input->at < input->size ? input->bytes[input->at++] : 0;
}

/* 0 <= result < bound; bound is 1 to 256. */
static inline int fuzz_below(fuzz_input *input, int bound) {
  return fuzz_byte(input) % bound;
}

static inline bool fuzz_at_end(const fuzz_input *input) {
  return input->at >= input->size;
}

#endif
