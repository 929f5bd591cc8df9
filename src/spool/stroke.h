/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pen, which is the right to write, and what its holder does to the file: making it, writing a stroke from where it
 * is whole, taking a stroke back that failed, going on elsewhere. Everything but pen_take() is for the pen's holder, or
 * before anybody else knows the spool.
 */
#ifndef RESPOOL_SPOOL_STROKE_H
#define RESPOOL_SPOOL_STROKE_H

#include "spool/spool.h"

/* Waited for. Not under the lock. */
void pen_take(struct respool *spool);
void pen_give(struct respool *spool);

/* Where the gather's pieces go, one drain after another. */
struct stroke {
  struct store *store;
  int64_t offset; /* of the next byte */
};

/* The file, made when the first bytes are due (invariant 5). */
respool_status stroke_open_file(struct respool *spool, respool_error *error);

/* What is put from now on goes to the file by this stroke, sealed on its way where that is wanted. */
void stroke_begin(struct respool *spool, struct stroke *stroke);

/* What a failed write left behind the committed end would spoil the readable prefix (invariant 11), and takes space. */
void stroke_undo(struct respool *spool);

/* After a stroke that found the disk full: on to the next directory that takes a file. False: there is none. */
bool stroke_elsewhere(struct respool *spool);

/* The next stroke begins where nothing that was written before hinders that from being given back. */
void stroke_seal(struct respool *spool);

#endif
