/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a scenario being played, and looking at what the spool holds against it. */
#ifndef RESPOOL_TESTS_FAULT_LOOK_H
#define RESPOOL_TESTS_FAULT_LOOK_H

#include "play.h"

#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <errno.h>

enum { FOLLOWERS = 4 };

/* A reader that is open for a while, with the last batch it got. */
struct follower {
  respool_reader *reader;
  int64_t position;
  struct ArrowArray held;
};

struct play {
  const struct scenario *scenario;
  const struct fault *fault;
  const char *directory;
  char path[KIT_PATH];
  int descriptors; /* open before */
  kit_spool s;
  respool_error error; /* of the last call */

  const struct step *step;
  int64_t appended_of_step;
  int64_t planned;  /* batches that are to be in it in the end */
  int64_t accepted; /* batches that are */
  int64_t limit;    /* the highest so far */
  bool failed;      /* some call has */
  bool flushed;     /* the last step was a flush that succeeded */
  bool finished;
  bool sync_lost; /* finish has failed to bring the file to the medium, and will for ever */

  struct ArrowArray refused; /* still ours */
  struct ArrowArrayStream stream;
  kit_stream_log stream_log;
  int64_t stream_first;
  int64_t stream_count;
  struct follower followers[FOLLOWERS];
};

/* Without faults: a new reader gets exactly what was accepted, the named file holds a prefix of it, and so on. */
void look_at_everything(struct play *play);

#endif
