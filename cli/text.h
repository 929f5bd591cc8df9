/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from outside made fit to show: UTF-8 decoding, escaping, sizes in words. */
#ifndef RESPOOL_CLI_TEXT_H
#define RESPOOL_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed UTF-8 character at `bytes` (1 to 4), which goes to `*character`; 0 if there is none. */
size_t text_decode(const char *bytes, size_t length, uint32_t *character);

bool text_is_utf8(const char *bytes, size_t length);

/*
 * Write `bytes` as one printable line to `out`, NUL-terminated. Control characters, characters that reorder text and
 * bytes that are no UTF-8 become \n, \t, \x1b, \u{202e} and the like; with `quote` also " and \. What does not fit is
 * cut between characters and ends in "...".
 */
void text_escape(char *out, size_t size, const char *bytes, size_t length, bool quote);

/* "512 B", "1.5 KiB", "64.0 MiB". */
void text_size(char *out, size_t size, int64_t bytes);

#endif
