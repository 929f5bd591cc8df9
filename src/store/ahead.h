/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading ahead in a mapped file that is not in memory. The system does that too, but on many disks by 128 KiB, a tenth
 * of what they give to larger reads. Nobody sees which bytes of a view a reader touches, so its pages are looked at
 * when it comes for the next: only one that takes everything is read ahead for. May call: os.
 */
#ifndef RESPOOL_STORE_AHEAD_H
#define RESPOOL_STORE_AHEAD_H

#include <stdbool.h>
#include <stdint.h>

/* Of one reader. All zero at first. */
struct ahead {
  int64_t looked;       /* nothing is to be done for views before this place of the file */
  int64_t probe;        /* a view that was cold when it was given, ... */
  int64_t probe_length; /* ... if there is one */
  int64_t asked;        /* the file is read up to here, or will be soon */
  bool greedy;          /* the reader takes everything ... */
  bool unneeded;        /* ... but the system reads enough ahead by itself */
};

/* A range of a file, as it is mapped. */
struct ahead_range {
  int fd;
  const uint8_t *bytes;
  int64_t start;
  int64_t length;
};

/* The reader is done with the views before, and now gets one of these bytes, which lie in the range. */
void ahead_view(struct ahead *ahead, const struct ahead_range *range, int64_t offset, int64_t length);

/* The range is no longer mapped. */
void ahead_leave(struct ahead *ahead);

#endif
