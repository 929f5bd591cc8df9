/* SPDX-License-Identifier: Apache-2.0 */
/* Playing scenarios: see play.h. */
#include "play.h"

#include "batches.h"
#include "look.h"

#include "check.h"
#include "spool.h"
#include "stream_build.h"
#include "system.h"

#include <stdio.h>
#include <string.h>

/* ---- What a call may answer ------------------------------------------------------------------------ */

/* Faults that the library must deal with itself: no call may fail. A key takes a page that must be had. */
static bool is_visible(const struct play *play) {
  const struct fault *fault = play->fault;
  unsigned dealt_with = FAULT_CLOSE | FAULT_MLOCK | (play->scenario->encryption != 0 ? 0U : FAULT_MMAP);
  if (fault->error == EINTR) return false;
  if (fault->error == 0) dealt_with |= FAULT_READ | FAULT_PREAD | FAULT_WRITEV | FAULT_PWRITEV | FAULT_RANDOM;
  return (fault->targets & ~dealt_with) != 0;
}

/* The record for the next call, empty. */
static respool_error *record(struct play *play) {
  play->error = (respool_error){0};
  return &play->error;
}

/* An answer of a call that was given the record and may have met the fault. True: it was OK. */
static bool judge(struct play *play, respool_status status, const char *call) {
  if (status == RESPOOL_OK) return true;
  const respool_error *error = &play->error;
  bool expected = status == fault_status(play->fault) || (play->sync_lost && status == RESPOOL_IO);
  bool good = CHECK(is_visible(play)) && CHECK(fault_hits() > 0) && CHECK(expected);
  good = CHECK_EQ(error->status, status) && CHECK(error->message[0] != '\0') && good;
  if (!good) kit_note("%s answered %s: %s", call, respool_status_name(status), error->message);
  play->failed = true;
  return false;
}

static void read_stats(struct play *play) {
  play->accepted = kit_stats(play->s.spool).batches;
}

/* ---- Writing --------------------------------------------------------------------------------------- */

/* The batch that is next, or the one that was refused before. */
static bool append_one(struct play *play) {
  if (play->refused.release == NULL) batch_make(play->accepted, &play->refused);
  struct ArrowArray before = play->refused;
  respool_status status = respool_writer_append(play->s.writer, &play->refused, record(play));
  if (status == RESPOOL_OK)
    CHECK(play->refused.release == NULL);
  else
    CHECK_EQ(memcmp(&before, &play->refused, sizeof before), 0); /* invariant 1: untouched */
  int64_t expected = play->accepted + (status == RESPOOL_OK);
  read_stats(play);
  CHECK_EQ(play->accepted, expected);
  return judge(play, status, "append");
}

static void open_stream(struct play *play, int64_t count) {
  struct ArrowArray batches[32];
  for (int64_t i = 0; i < count; i++) batch_make(play->accepted + i, &batches[i]);
  kit_stream_options options = {.schema = batch_schema(), .batches = batches, .count = count, .log = &play->stream_log};
  play->stream_log = (kit_stream_log){0};
  play->stream_first = play->accepted;
  play->stream_count = count;
  kit_stream_from(&options, &play->stream);
}

/* The stream that was begun, to its end; what was pulled is accepted or kept, and nothing else. */
static bool drain_stream(struct play *play) {
  respool_status status = respool_writer_append_stream(play->s.writer, &play->stream, record(play));
  read_stats(play);
  int64_t accepted = play->accepted - play->stream_first;
  if (status == RESPOOL_OK) {
    CHECK_EQ(accepted, play->stream_count);
    play->stream.release(&play->stream);
  } else {
    int64_t pulled = play->stream_log.get_next;
    CHECK(accepted == pulled || accepted + 1 == pulled);
  }
  return judge(play, status, "append_stream");
}

/* Whatever was refused goes first. False: it is refused again. */
static bool catch_up(struct play *play) {
  if (play->stream.release != NULL && !drain_stream(play)) return false;
  return play->refused.release == NULL || append_one(play);
}

static bool do_append(struct play *play) {
  if (!catch_up(play)) return false;
  if (play->appended_of_step == play->step->n) return true;
  play->appended_of_step++;
  play->planned++;
  if (!append_one(play)) return false;
  return play->appended_of_step == play->step->n || do_append(play);
}

static bool do_stream(struct play *play) {
  if (!catch_up(play)) return false;
  if (play->appended_of_step > 0) return true;
  play->appended_of_step = play->step->n;
  play->planned += play->step->n;
  open_stream(play, play->step->n);
  return drain_stream(play);
}

/* A flush that succeeds has put everything into a named file that was begun. */
static bool do_flush(struct play *play) {
  respool_status status = respool_writer_flush(play->s.writer, record(play));
  read_stats(play);
  play->flushed = status == RESPOOL_OK;
  return judge(play, status, "flush");
}

static bool do_spill(struct play *play, bool limit) {
  int64_t target = play->step->n;
  if (limit && target > play->limit) play->limit = target;
  respool_status status = limit ? respool_set_memory_limit(play->s.spool, target, record(play))
                                : respool_spill(play->s.spool, target, record(play));
  respool_stats stats = kit_stats(play->s.spool);
  if (limit) CHECK_EQ(stats.memory_limit, target); /* in any case */
  if (status == RESPOOL_OK) CHECK_LE(stats.bytes_charged, target);
  return judge(play, status, limit ? "set_memory_limit" : "spill");
}

static bool do_finish(struct play *play) {
  if (play->finished) return true;
  if (!catch_up(play)) return false;
  respool_status status = respool_writer_finish(play->s.writer, record(play));
  play->finished = status == RESPOOL_OK;
  play->sync_lost = play->sync_lost || (play->scenario->sync && status != RESPOOL_OK && fault_hits() > 0);
  CHECK_EQ(kit_stats(play->s.spool).state, play->finished ? RESPOOL_FINISHED : RESPOOL_OPEN);
  return judge(play, status, "finish");
}

/* ---- Reading --------------------------------------------------------------------------------------- */

static bool do_open(struct play *play) {
  for (int i = 0; i < FOLLOWERS; i++) {
    if (play->followers[i].reader != NULL) continue;
    return judge(play, respool_reader_open(play->s.spool, NULL, &play->followers[i].reader, record(play)), "open");
  }
  kit_die("too many readers in a scenario");
}

/* What a reader was handed stays as it was, whatever has happened since (invariant 7). */
static void drop_held(struct follower *follower) {
  if (follower->held.release == NULL) return;
  batch_check(follower->position - 1, &follower->held);
  follower->held.release(&follower->held);
}

/* An error that is this reader's alone, names the batch, and may be retried (invariant 10). */
static bool check_reader_error(struct play *play, struct follower *follower, respool_status status) {
  char named[40];
  snprintf(named, sizeof named, "batch %d", (int)follower->position);
  if (judge(play, status, "next")) return true;
  CHECK_HAS(play->error.message, named);
  CHECK_EQ(respool_reader_position(follower->reader), follower->position);
  return false;
}

static bool read_on(struct play *play, struct follower *follower) {
  for (;;) {
    struct ArrowArray array = {0};
    respool_status status = respool_reader_next(follower->reader, &array, 0, record(play));
    if (status == RESPOOL_OK) {
      drop_held(follower);
      CHECK_EQ(respool_reader_position(follower->reader), ++follower->position);
      follower->held = array;
      batch_check(follower->position - 1, &follower->held);
      continue;
    }
    if (status != RESPOOL_TIMED_OUT && status != RESPOOL_END) return check_reader_error(play, follower, status);
    CHECK_EQ(status, play->finished ? RESPOOL_END : RESPOOL_TIMED_OUT); /* invariant 8 */
    CHECK_EQ(follower->position, play->accepted);
    return true;
  }
}

static bool do_read(struct play *play) {
  bool good = true;
  for (int i = 0; i < FOLLOWERS; i++)
    if (play->followers[i].reader != NULL) good = read_on(play, &play->followers[i]) && good;
  return good;
}

static bool do_close(struct play *play) {
  int i = 0;
  while (i < FOLLOWERS && play->followers[i].reader == NULL) i++;
  if (i == FOLLOWERS) return true;
  respool_reader_close(play->followers[i].reader);
  drop_held(&play->followers[i]);
  play->followers[i] = (struct follower){0};
  return true;
}

/* ---- Steps ----------------------------------------------------------------------------------------- */

static bool do_step(struct play *play) {
  switch (play->step->op) {
  case OP_APPEND:
    return do_append(play);
  case OP_STREAM:
    return do_stream(play);
  case OP_FLUSH:
    return do_flush(play);
  case OP_SPILL:
    return do_spill(play, false);
  case OP_LIMIT:
    return do_spill(play, true);
  case OP_OPEN:
    return do_open(play);
  case OP_READ:
    return do_read(play);
  case OP_CLOSE:
    return do_close(play);
  default:
    return do_finish(play);
  }
}

/* A step, repeated once if it failed; a fault that came once is over then. */
static void take_step(struct play *play, const struct step *step) {
  int64_t hits = fault_hits();
  play->step = step;
  play->appended_of_step = 0;
  play->flushed = false;
  bool good = do_step(play);
  if (!good && play->fault->pattern == FAULT_ONCE && !play->sync_lost) CHECK(do_step(play));
  if (fault_hits() > hits) look_at_everything(play);
}

/* With the fault over, whatever is missing goes in, and the stream ends as if nothing had been. */
static void complete(struct play *play) {
  static const struct step finish = {OP_FINISH, 0}, read = {OP_READ, 0};
  fault_disarm();
  play->step = &finish;
  while (play->accepted < play->planned && catch_up(play) && play->accepted < play->planned) append_one(play);
  CHECK_EQ(play->accepted, play->planned);
  bool finished = do_finish(play);
  CHECK(finished || play->sync_lost);
  take_step(play, &read);
  look_at_everything(play);
}

/* The other ways to end: every reader is told, after what was accepted. */
static void give_up(struct play *play, enum ending ending) {
  respool_status answer = RESPOOL_ABANDONED;
  respool_reader *reader;
  fault_pause();
  if (ending == END_FAILED) {
    CHECK_OK(respool_writer_fail(play->s.writer, RESPOOL_USER + 7, ENOSPC, "gave up", kit_error()));
    answer = RESPOOL_USER + 7;
  }
  respool_writer_close(play->s.writer);
  play->s.writer = NULL;
  reader = kit_reader_in_order(play->s.spool);
  for (int64_t i = 0; i < play->accepted; i++) {
    struct ArrowArray array;
    REQUIRE_OK(respool_reader_next(reader, &array, 0, kit_error()));
    batch_check(i, &array);
    array.release(&array);
  }
  CHECK_ANSWER(reader, answer);
  respool_reader_close(reader);
  fault_resume();
}

/* ---- The whole ------------------------------------------------------------------------------------- */

static respool_options options_of(struct play *play) {
  const struct scenario *scenario = play->scenario;
  respool_options options = kit_options(scenario->limit, scenario->mode, scenario->named ? play->path : NULL);
  if (!scenario->named) options.directory = play->directory;
  options.write_chunk = scenario->chunk;
  options.replay = scenario->replay;
  options.defer_release = scenario->defer_release;
  options.sync_on_finish = scenario->sync;
  if (respool_compression_available(scenario->compression)) options.compression = scenario->compression;
  options.checksums = scenario->checksums;
  if (respool_encryption_available()) options.encryption = scenario->encryption;
  return options;
}

/* A spool that could not be made leaves nothing, and can be made afterwards. */
static bool create(struct play *play) {
  respool_options options = options_of(play);
  respool_status status = respool_create(batch_schema(), &options, &play->s.spool, &play->s.writer, record(play));
  if (judge(play, status, "create")) return true;
  CHECK(play->s.spool == NULL && play->s.writer == NULL);
  CHECK(!kit_exists(play->path));
  CHECK_EQ(kit_entries(play->directory), 0);
  if (play->fault->pattern != FAULT_ONCE) fault_disarm();
  return CHECK_OK(respool_create(batch_schema(), &options, &play->s.spool, &play->s.writer, kit_error()));
}

static void close_everything(struct play *play) {
  bool kept = play->scenario->named && kit_stats(play->s.spool).file_exists != 0;
  respool_writer_close(play->s.writer);
  respool_release(play->s.spool);
  for (int i = 0; i < FOLLOWERS; i++) do_close(play);
  if (play->refused.release != NULL) play->refused.release(&play->refused);
  if (play->stream.release != NULL) play->stream.release(&play->stream);
  CHECK_EQ(kit_entries(play->directory), kept ? 1 : 0);
  CHECK_EQ(batch_live_arrays(), 0);
  CHECK_EQ(batch_live_schemas(), 0);
  CHECK_EQ(kit_live_streams(), 0);
  CHECK_EQ(kit_open_descriptors(), play->descriptors);
  CHECK_EQ(kit_mappings(play->directory), 0);
}

bool play(const struct scenario *scenario, const struct fault *fault, int64_t at, enum ending ending) {
  struct play play = {.scenario = scenario, .fault = fault, .limit = scenario->limit, .directory = kit_scratch()};
  batch_use(scenario->dictionaries);
  batch_largest_charge(); /* made once, before there are faults */
  kit_join(play.path, play.directory, "file");
  play.descriptors = kit_open_descriptors();
  fault_scenario(scenario->name);
  fault_arm(fault, at);
  if (create(&play)) {
    for (int i = 0; i < scenario->count && kit_failures() == 0; i++) take_step(&play, &scenario->steps[i]);
    bool lasting = fault->pattern != FAULT_ONCE && fault_hits() > 0;
    if ((lasting && ending != END_HEALED && !play.finished) || play.sync_lost)
      give_up(&play, play.sync_lost ? END_FAILED : ending);
    else
      complete(&play);
    close_everything(&play);
  }
  fault_disarm();
  batch_use(false);
  kit_scratch_remove(play.directory);
  if (kit_failures() > 0)
    kit_note("scenario %s, call %d of targets %x with error %d, pattern %d, ending %d", scenario->name, (int)at,
             fault->targets, fault->error, (int)fault->pattern, (int)ending);
  return fault_hits() > 0;
}

int64_t play_points(const struct scenario *scenario, const struct fault *fault, enum ending ending) {
  bool all = kit_environment("RESPOOL_TEST_FAULTS", 0) != 0;
  int64_t stride = fault->pattern == FAULT_ONCE || all ? 1 : kit_slow() ? 3 : 2, points = 0;
  for (int64_t at = 1; kit_failures() == 0 && play(scenario, fault, at, ending); at += stride) points++;
  return points;
}
