/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from outside made fit to show. */
#include "text.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the character that starts with `lead`, and the smallest character that may take that many. */
static size_t sequence_length(unsigned char lead, uint32_t *smallest) {
  if (lead >= 0xc2 && lead <= 0xdf) {
    *smallest = 0x80;
    return 2;
  }
  if (lead >= 0xe0 && lead <= 0xef) {
    *smallest = 0x800;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    *smallest = 0x10000;
    return 4;
  }
  return 0;
}

size_t text_decode(const char *bytes, size_t length, uint32_t *character) {
  if (length == 0) return 0;
  unsigned char lead = (unsigned char)bytes[0];
  if (lead < 0x80) {
    *character = lead;
    return 1;
  }
  uint32_t smallest = 0;
  size_t count = sequence_length(lead, &smallest);
  if (count == 0 || count > length) return 0;
  uint32_t value = lead & (0x7fU >> count);
  for (size_t i = 1; i < count; i++) {
    unsigned char next = (unsigned char)bytes[i];
    if ((next & 0xc0) != 0x80) return 0;
    value = value << 6 | (next & 0x3f);
  }
  if (value < smallest || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return 0;
  *character = value;
  return count;
}

bool text_is_utf8(const char *bytes, size_t length) {
  uint32_t character;
  for (size_t at = 0; at < length;) {
    size_t count = text_decode(bytes + at, length - at, &character);
    if (count == 0) return false;
    at += count;
  }
  return true;
}

/* Whether a terminal shows `character` as it is, in its place. */
static bool is_plain(uint32_t character) {
  if (character < 0x20 || (character >= 0x7f && character < 0xa0)) return false;
  if (character == 0x061c || character == 0x200e || character == 0x200f) return false;
  if (character >= 0x2028 && character <= 0x202e) return false;
  return character < 0x2066 || character > 0x2069;
}

/* The escaped form of one character, or of one byte that is no character (`valid` false). */
static void escape_one(char *out, size_t size, uint32_t character, bool valid) {
  switch (character) {
  case '\n':
    snprintf(out, size, "\\n");
    return;
  case '\t':
    snprintf(out, size, "\\t");
    return;
  case '\r':
    snprintf(out, size, "\\r");
    return;
  case '"':
  case '\\':
    snprintf(out, size, "\\%c", (char)character);
    return;
  default:
    if (!valid || character < 0x80) {
      snprintf(out, size, "\\x%02x", (unsigned)character);
    } else {
      snprintf(out, size, "\\u{%x}", (unsigned)character);
    }
  }
}

/* How the character at `bytes` is shown: `piece`, which needs 16 bytes. Returns how many bytes it stands for. */
static size_t next_piece(char *piece, const char *bytes, size_t length, bool quote) {
  uint32_t character = 0;
  size_t count = text_decode(bytes, length, &character);
  if (count == 0) {
    escape_one(piece, 16, (unsigned char)bytes[0], false);
    return 1;
  }
  bool special = quote && (character == '"' || character == '\\');
  if (is_plain(character) && !special) {
    memcpy(piece, bytes, count);
    piece[count] = '\0';
  } else {
    escape_one(piece, 16, character, true);
  }
  return count;
}

void text_escape(char *out, size_t size, const char *bytes, size_t length, bool quote) {
  static const char cut[] = "...";
  char piece[16];
  size_t used = 0;
  size_t room_for_cut = 0; /* the last place from which "..." still fits */
  for (size_t at = 0; at < length;) {
    at += next_piece(piece, bytes + at, length - at, quote);
    size_t count = strlen(piece);
    if (used + count >= size) {
      if (size >= sizeof cut) {
        memcpy(out + room_for_cut, cut, sizeof cut);
      } else {
        out[used] = '\0';
      }
      return;
    }
    memcpy(out + used, piece, count);
    used += count;
    if (used + sizeof cut <= size) room_for_cut = used;
  }
  out[used] = '\0';
}

void text_size(char *out, size_t size, int64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) {
    snprintf(out, size, "%lld B", (long long)bytes);
    return;
  }
  double value = (double)bytes / 1024;
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
    value /= 1024;
    unit++;
  }
  snprintf(out, size, "%.1f %s", value, units[unit]);
}
