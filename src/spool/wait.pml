/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The waiting of wait.c, and how writer.c, core.c (spool_end) and reader.c use it, as a model that spin searches whole.
 * Each inline and proctype bears the name of the C function it mirrors. tests/model/run says how it is searched, with
 * what bounds, and which mistakes (#ifdef MISTAKE_...) it has to find.
 *
 * What a thread does between taking the lock and giving it up is one atomic step: nobody else touches what the lock
 * guards, and the little there is besides (waking, counting `waking` up) commutes with what others do. A wait on a
 * condition is a statement that blocks inside such a step, which ends the step until it can go on: as the lock does.
 *
 * Shown: no deadlock, which includes every lost wake-up, since a reader that is not told of the last event waits for
 * ever (`odd` wakes without cause and lets time pass, but need not, so that it hides nothing); nothing of a reader or
 * spool is touched after it was freed; no callback runs once disarm or close has returned; every reader gets every
 * batch once and ends. Every process does a bounded number of steps but for waiting; so there is no livelock either.
 */

#ifndef READERS
#define READERS 2
#endif
#ifndef EVENTS /* batches; the end is one event more */
#define EVENTS 2
#endif
#ifndef CANCELS /* threads that cancel one reader each */
#define CANCELS 1
#endif
#ifndef ODD /* wakes without cause, and times that run out, together */
#define ODD 1
#endif
#ifndef STYLES /* of readers: 1 << each that there may be */
#define STYLES 63
#endif

/* Threads: the readers, the writer, those that cancel. */
#define WRITER READERS
#define CANCELLER(c) (READERS + 1 + (c))
#define THREADS_ALL (READERS + 1 + CANCELS)

/* Whose calls of callbacks go together: one ring and one frame at a time for each thread that causes events. */
#define CALLERS (1 + CANCELS)

/* Rings. */
#define NONE 0
#define THREADS 1
#define CHAIN 2
#define CALLBACKS 3
#define TOLD(caller) (4 + (caller))

#define NOBODY 255

/* struct waiters */
chan ring[4 + CALLERS] = [READERS] of { byte };
byte count;
bool waits_for_fired[THREADS_ALL];

/* struct waiter */
byte where[READERS]; /* its link: the ring it is on */
bool callback[READERS];
bool asleep[READERS]; /* a thread waits on its condition */
bool timed_out[READERS];
byte waking[READERS];
bool freed[READERS];

/* struct firing: the frames */
byte frame_of[CALLERS];
byte frame_thread[CALLERS];
bool frame_gone[CALLERS];

/* struct respool */
byte handles;
byte batches;
bool ended;
byte position[READERS];
bool cancelled[READERS];

/* What the program around the library knows. */
byte style[READERS];
bool posted[READERS];    /* a callback has run */
bool quiet[READERS];     /* disarm or close has returned: no callback may run */
bool closing[READERS];   /* nobody cancels it from now on */
bool host_done[READERS]; /* its thread has left it to others, or its callback has come to the end */

/* Styles. */
#define BLOCKS 0        /* in next, for ever or for some time; may leave when the time is up */
#define LOOPS 1         /* arms, waits for its callback or disarms, reads with timeout 0 */
#define ARMS_INSIDE 2   /* the callback reads and arms again; its thread may close it at any time */
#define CLOSES_INSIDE 3 /* the callback closes the reader */
#define CLOSES_OTHER 4  /* reader 1: the callback closes reader 0 ... */
#define LEFT 5          /* ... which is armed and left to that */

#define HAS(s) (((STYLES) >> s) & 1)
#define LOCKED assert(handles > 0)
#define TOUCH(r) assert(!freed[r])

/* ---- wait.c ------------------------------------------------------------------------------------------ */

inline enlist(rd, to) {
  TOUCH(rd);
  assert(where[rd] == NONE);
  ring[to]!rd;
  where[rd] = to;
  count++
}

inline delist(rd) {
  TOUCH(rd);
  if
  :: where[rd] != NONE -> ring[where[rd]]??eval(rd); where[rd] = NONE; count--
  :: else
  fi
}

inline pass_on() {
  if
  :: ring[CHAIN]?[_] ->
    ring[CHAIN]?next_one;
    TOUCH(next_one);
    where[next_one] = NONE;
    count--;
    asleep[next_one] = false
  :: else
  fi;
  next_one = 0
}

inline waiter_block(rd) {
  delist(rd);
  callback[rd] = false;
  enlist(rd, THREADS);
  asleep[rd] = true;
  !asleep[rd]; /* os_wait, os_wait_until */
  LOCKED;
  was_told = (where[rd] == NONE);
#ifndef MISTAKE_TIMED_OUT_STAYS_LISTED
  delist(rd);
#endif
#ifdef MISTAKE_TIMED_OUT_PASSES_NOTHING_ON
  was_told = was_told && !timed_out[rd];
#endif
#ifndef MISTAKE_NOTHING_PASSED_ON
  if
  :: was_told -> pass_on()
  :: else
  fi;
#endif
  in_time = !timed_out[rd];
  timed_out[rd] = false;
  was_told = false
}

inline waiter_arm(rd) {
  delist(rd);
  callback[rd] = true;
  enlist(rd, CALLBACKS)
}

inline fires_elsewhere(rd, th) {
  elsewhere = false;
  k = 0;
  do
  :: k < CALLERS -> elsewhere = elsewhere || (frame_of[k] == rd + 1 && frame_thread[k] != th); k++
  :: else -> break
  od;
  k = 0
}

inline waiter_disarm(rd, th, for_good) {
#ifdef MISTAKE_DISARM_LEAVES_TOLD
  if
  :: where[rd] < TOLD(0) -> delist(rd)
  :: else -> where[rd] = NONE
  fi;
#else
  delist(rd);
#endif
#ifndef MISTAKE_DISARM_DOES_NOT_WAIT
  do
  :: fires_elsewhere(rd, th);
    if
    :: elsewhere -> waits_for_fired[th] = true; !waits_for_fired[th]; LOCKED
    :: else -> break
    fi
  od;
#endif
#ifndef MISTAKE_ARMED_AGAIN_STAYS
  delist(rd);
#endif
  if
  :: for_good ->
    k = 0;
    do
    :: k < CALLERS ->
      if
      :: frame_of[k] == rd + 1 ->
#ifndef MISTAKE_FRAME_NOT_TOLD
        frame_gone[k] = true;
#endif
        frame_of[k] = 0
      :: else
      fi;
      k++
    :: else -> break
    od;
    k = 0
  :: else
  fi
}

inline promise_wake(rd) {
  delist(rd);
#ifndef MISTAKE_WAKE_NOT_COUNTED
  waking[rd]++;
#endif
  told_thread = rd
}

inline waiters_tell(caller) {
  told_thread = NOBODY;
  told_calls = len(ring[CALLBACKS]) > 0;
  if
  :: count > 0 ->
    do
    :: ring[CALLBACKS]?next_one -> where[next_one] = TOLD(caller); ring[TOLD(caller)]!next_one
    :: empty(ring[CALLBACKS]) -> break
    od;
#ifdef MISTAKE_SECOND_EVENT_WAITS_FOR_CHAIN
    if
    :: nempty(ring[CHAIN]) -> goto told
    :: else
    fi;
#endif
    do
    :: ring[THREADS]?next_one -> where[next_one] = CHAIN; ring[CHAIN]!next_one
    :: empty(ring[THREADS]) -> break
    od;
    if
    :: ring[CHAIN]?<next_one> -> promise_wake(next_one)
    :: empty(ring[CHAIN])
    fi
  :: else
  fi;
#ifdef MISTAKE_SECOND_EVENT_WAITS_FOR_CHAIN
told:
#endif
  next_one = 0
}

inline waiters_tell_one(rd, caller) {
  told_thread = NOBODY;
  told_calls = false;
  TOUCH(rd);
  if
  :: where[rd] == NONE
  :: else ->
    if
    :: !callback[rd] -> promise_wake(rd)
    :: else ->
      ring[where[rd]]??eval(rd);
      where[rd] = TOLD(caller);
      ring[TOLD(caller)]!rd;
      told_calls = true
    fi
  fi
}

inline waiters_inform(caller, th) {
  if
  :: told_thread != NOBODY ->
    atomic { TOUCH(told_thread); asleep[told_thread] = false };
    atomic {
      TOUCH(told_thread);
#ifndef MISTAKE_WAKE_NOT_COUNTED
      waking[told_thread]--;
#endif
      told_thread = 0
    }
  :: else
  fi;
  if
  :: told_calls ->
    told_calls = false;
    call_back(caller, th)
  :: else
  fi
}

/* call_back() and fire(): each call of a callback in one go with the lock, the callback itself without. */
inline call_back(caller, th) {
  do
  :: atomic {
      nempty(ring[TOLD(caller)]) ->
      LOCKED;
      ring[TOLD(caller)]?fired_one;
#ifdef MISTAKE_DISARM_LEAVES_TOLD
      count = count - (where[fired_one] != NONE -> 1 : 0);
#else
      TOUCH(fired_one);
      count--;
#endif
      where[fired_one] = NONE;
      frame_of[caller] = fired_one + 1;
      frame_thread[caller] = th;
      frame_gone[caller] = false;
      assert(!quiet[fired_one])
    };
    host_callback(fired_one, th);
    atomic {
      LOCKED;
      if
      :: frame_gone[caller]
      :: else ->
        TOUCH(fired_one);
        assert(!quiet[fired_one]);
        frame_of[caller] = 0;
        k = 0;
        do
        :: k < THREADS_ALL -> waits_for_fired[k] = false; k++
        :: else -> break
        od;
        k = 0
      fi;
      frame_gone[caller] = false;
      frame_thread[caller] = 0;
      fired_one = 0
    }
  :: atomic { empty(ring[TOLD(caller)]) -> LOCKED; break }
  od
}

/* ---- reader.c ---------------------------------------------------------------------------------------- */

#define SEES_BATCH(rd) (!cancelled[rd] && position[rd] < batches)
#define SEES_NOTHING(rd) (!cancelled[rd] && position[rd] == batches && !ended)
#define SEES_END(rd) (cancelled[rd] || (position[rd] == batches && ended))

inline release_handle() {
  LOCKED;
  handles--
}

inline reader_close(rd, th, inside) {
  closing[rd] = true;
  atomic { LOCKED; waiter_disarm(rd, th, true) };
  atomic { /* waiter_close */
#ifndef MISTAKE_WAKE_NOT_COUNTED
    waking[rd] == 0;
#endif
    assert(where[rd] == NONE);
    freed[rd] = true;
    quiet[rd] = !inside;
    release_handle()
  }
}

/* `ready`: nothing was armed. */
inline reader_on_ready(rd) {
  atomic {
    LOCKED;
    ready = !SEES_NOTHING(rd);
    if
    :: ready
    :: else -> quiet[rd] = false; waiter_arm(rd)
    fi
  }
}

inline reader_on_ready_null(rd, th) {
  atomic { LOCKED; waiter_disarm(rd, th, false); quiet[rd] = true }
}

/* next with timeout 0, until there is nothing more. */
inline read_all(rd) {
  atomic {
    LOCKED;
    TOUCH(rd);
    assert(position[rd] <= batches);
    if
    :: !cancelled[rd] -> position[rd] = batches
    :: else
    fi
  }
}

/* next: `at_end`, or a batch, or the time is up. */
inline reader_next(rd) {
  atomic {
    LOCKED;
    in_time = true;
#ifdef MISTAKE_LOOKS_BEFORE_LOCKING
    nothing = SEES_NOTHING(rd)
  }
  atomic {
    LOCKED;
    do
    :: nothing && in_time -> waiter_block(rd); nothing = SEES_NOTHING(rd)
#else
    do
    :: SEES_NOTHING(rd) && in_time -> waiter_block(rd)
#endif
    :: else -> break
    od;
    at_end = SEES_END(rd);
    if
    :: SEES_BATCH(rd) -> position[rd]++
    :: else
    fi
  }
}

/* Any thread. Nothing of the reader is touched after the lock was given up but by what `waking` counts. */
inline reader_cancel(rd, caller, th) {
  atomic {
    if
    :: closing[rd] -> told_thread = NOBODY; told_calls = false
    :: else ->
      LOCKED;
#ifndef MISTAKE_CANCEL_HOLDS_NO_HANDLE
      handles++;
#endif
      held = true;
      cancelled[rd] = true;
      waiters_tell_one(rd, caller)
    fi
  };
  waiters_inform(caller, th);
#ifndef MISTAKE_CANCEL_HOLDS_NO_HANDLE
  atomic {
    if
    :: held -> held = false; release_handle()
    :: else
    fi
  }
#endif
}

/* ---- The program ------------------------------------------------------------------------------------- */

/* What a reader's callback does, on the thread of the event. */
inline host_callback(rd, th) {
  if
  :: style[rd] == LOOPS || style[rd] == LEFT -> posted[rd] = true
  :: style[rd] == ARMS_INSIDE ->
    do
    :: reader_on_ready(rd);
      if
      :: !ready -> break
      :: else -> read_all(rd)
      fi;
      if
      :: atomic { SEES_END(rd) -> host_done[rd] = true; break }
      :: else
      fi
    od;
    ready = false
  :: style[rd] == CLOSES_INSIDE -> reader_close(rd, th, true); host_done[rd] = true
  :: style[rd] == CLOSES_OTHER -> reader_close(0, th, false); posted[rd] = true
  fi
}

#define LOCALS                                                                                                         \
  byte next_one, k, told_thread, fired_one;                                                                            \
  bool was_told, elsewhere, told_calls, in_time, at_end, ready, nothing, held, disarmed

proctype reader(byte r) {
  LOCALS;
  if
  :: style[r] == BLOCKS ->
    do
    :: reader_next(r);
      if
      :: at_end -> assert(cancelled[r] || position[r] == EVENTS); break
      :: !at_end && !in_time -> break /* leaves */
      :: !at_end
      fi
    od;
    reader_close(r, r, false)

  :: style[r] == LOOPS ->
    do
    :: reader_on_ready(r);
      if
      :: ready -> read_all(r)
      :: !ready -> atomic { posted[r] -> posted[r] = false } /* will have it */
      :: !ready && !disarmed -> reader_on_ready_null(r, r); disarmed = true /* once */
      :: !ready -> break /* leaves */
      fi;
      if
      :: atomic { SEES_END(r) -> assert(cancelled[r] || position[r] == EVENTS); break }
      :: else
      fi
    od;
    reader_close(r, r, false)

  :: style[r] == ARMS_INSIDE ->
    reader_on_ready(r);
    if
    :: !ready -> host_done[r]; assert(cancelled[r] || position[r] == EVENTS)
    :: true /* leaves */
    fi;
    reader_close(r, r, false)

  :: style[r] == CLOSES_INSIDE ->
    reader_on_ready(r);
    if
    :: ready -> reader_close(r, r, false)
    :: else -> host_done[r]
    fi

  :: style[r] == LEFT -> reader_on_ready(r); host_done[r] = true

  :: style[r] == CLOSES_OTHER ->
    host_done[0];
    reader_on_ready(r);
    if
    :: ready -> reader_close(0, r, false)
    :: else -> posted[r]
    fi;
    reader_close(r, r, false)
  fi
}

/* append and finish, and the release of its handle. */
proctype writer() {
  LOCALS;
  do
  :: batches < EVENTS ->
    atomic { LOCKED; batches++; waiters_tell(0) };
    waiters_inform(0, WRITER)
  :: else -> break
  od;
  atomic {
    LOCKED;
    ended = true; /* spool_end */
#ifndef MISTAKE_END_NOT_TOLD
    waiters_tell(0)
#else
    told_thread = NOBODY
#endif
  };
  waiters_inform(0, WRITER);
  release_handle()
}

proctype canceller(byte c) {
  LOCALS;
  byte r;
  atomic { select(r : 0 .. READERS - 1) };
  reader_cancel(r, 1 + c, CANCELLER(c)) /* or it comes too late */
}

/* Wakes without cause, and time. It need not do anything, so that nobody is saved by it. */
proctype odd() {
  byte left = ODD;
  byte r;
  do
  :: left > 0 ->
    atomic {
      left--;
      select(r : 0 .. READERS - 1);
      if
      :: asleep[r] -> asleep[r] = false
      :: asleep[r] -> asleep[r] = false; timed_out[r] = true
      :: true
      fi;
      r = 0
    }
  :: break
  od
}

init {
  byte r;
  atomic {
    handles = 1 + READERS;
    do
    :: r < READERS && HAS(BLOCKS) -> style[r] = BLOCKS; r++
    :: r < READERS && HAS(LOOPS) -> style[r] = LOOPS; r++
    :: r < READERS && HAS(ARMS_INSIDE) -> style[r] = ARMS_INSIDE; r++
    :: r < READERS && HAS(CLOSES_INSIDE) -> style[r] = CLOSES_INSIDE; r++
    :: r == 0 && HAS(LEFT) -> style[0] = LEFT; style[1] = CLOSES_OTHER; r = 2
    :: r == READERS -> break
    od;
    r = 0;
    do
    :: r < READERS -> run reader(r); r++
    :: else -> break
    od;
    run writer();
    run odd();
    r = 0;
    do
    :: r < CANCELS -> run canceller(r); r++
    :: else -> break
    od
  };
  _nr_pr == 1 -> /* all have ended: else this is the deadlock that is reported */
  assert(handles == 0 && count == 0);
  r = 0;
  do
  :: r < READERS -> assert(freed[r] && waking[r] == 0); r++
  :: else -> break
  od
}
