/* SPDX-License-Identifier: Apache-2.0 */
/* No room on disk: see full.h. */
#include "spool/full.h"

#include "spool/spool.h"
#include "support/arith.h"

/* Nobody tells when others free space on the disk. */
enum { PAUSE_LEAST = 5 * 1000 * 1000, PAUSE_MOST = 500 * 1000 * 1000, REST = 50 * 1000 * 1000 };

bool full_wait(struct respool *spool, struct patience *patience) {
  int64_t timeout = spool->options.full_timeout;
  if (timeout == 0) return false;
  if (patience->deadline == 0) patience->deadline = os_deadline(timeout);
  int64_t now = os_now();
  if (now >= patience->deadline) return false;
  patience->pause = patience->pause == 0 ? PAUSE_LEAST : 2 * patience->pause;
  if (patience->pause > PAUSE_MOST) patience->pause = PAUSE_MOST;
  int64_t look = now + patience->pause;
  os_wait_until(&spool->room, &spool->lock, look < patience->deadline ? look : patience->deadline);
  return true;
}

static bool under_cap(const struct respool *spool, int64_t bytes) {
  int64_t cap = spool->options.memory_cap;
  return cap > 0 && add_saturating(spool_charged(spool), bytes) <= cap;
}

bool full_holds(struct respool *spool, respool_status status, int64_t bytes) {
  if (!full_is(status) || !under_cap(spool, bytes)) return false;
  spool->rest_until = os_now() + REST;
  return true;
}

bool full_rests(const struct respool *spool) {
  return spool->rest_until != 0 && under_cap(spool, 0) && os_now() < spool->rest_until;
}

void full_clear(struct respool *spool) {
  spool->rest_until = 0;
}

void full_tell(struct respool *spool) {
  spool->rest_until = 0;
  os_wake_all(&spool->room);
}
