/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going through the file of a spool that is no more: what the files that do so share. From the ground up: scan_tail.c
 * (where the messages end), scan_head.c (whether it is this spool's), reopen.c (what is in it). The bytes may be
 * anything, and are left alone.
 */
#ifndef RESPOOL_SPOOL_SCAN_H
#define RESPOOL_SPOOL_SCAN_H

#include "ipc/dictionaries.h"
#include "spool/spool.h"

struct scan {
  struct respool *spool;
  int64_t size; /* of the file */
  int64_t at;   /* where the message starts that is looked at */
  struct store_cursor cursor;
  struct expander expander;
  struct dictionaries dictionaries; /* in force at `at` */
};

/* Bytes of the file, which has them. */
static inline respool_status scan_view(struct scan *scan, int64_t offset, int64_t length, struct store_view *view,
                                       respool_error *error) {
  return store_scan(scan->spool->store, &scan->cursor, offset, length, scan->size, view, error);
}

/* Whether all is zero from `offset` to the end of the file. */
respool_status scan_zeros(struct scan *scan, int64_t offset, bool *zeros, respool_error *error);

/*
 * What lies at `at`: a whole message, whose size is given; or nothing any more, and what there is may be cut: the end
 * marker, the beginning of a message, zeros. RESPOOL_CORRUPT: neither. RESPOOL_UNSUPPORTED: not of this library.
 */
respool_status scan_message(struct scan *scan, struct ipc_size *size, bool *over, respool_error *error);

/*
 * The schema at the start of the file must be the spool's, and `at` becomes what follows it; 0 where the file ends
 * before that. RESPOOL_INVALID names the field, RESPOOL_CORRUPT, RESPOOL_UNSUPPORTED.
 */
respool_status scan_head(struct scan *scan, respool_error *error);

#endif
