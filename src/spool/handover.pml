/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a batch goes from memory to the file while readers look: run.c, spill.c, resident.c, reader.c, handle.c and the
 * store's committed end, as a model that spin searches whole. Each inline and proctype bears the name of the C function
 * it mirrors. How readers are told is wait.pml's; here they just wait until there is something to see. tests/model/run
 * says how it is searched, with what bounds, and which mistakes (#ifdef MISTAKE_...) it has to find.
 *
 * Left out are batches without rows, dictionaries, what is dropped behind all readers (behind.c), other directories and
 * waiting for room (full.c), and how the store maps and reads.
 *
 * What a thread does between taking the lock and giving it up is one atomic step. Each batch takes one place in the
 * file.
 *
 * Shown: every reader gets every batch once, in order, with the bytes that were appended, whatever writes fail; no
 * batch in memory is touched after its release, which runs exactly once; an entry is always resident or stored; no view
 * leads beyond what is committed; nobody touches the spool after it was freed, nor its file after it was closed; a
 * file in order that was finished is whole: every batch, and then the end; no deadlock.
 */

#ifndef READERS
#define READERS 2
#endif
#ifndef BATCHES
#define BATCHES 2
#endif
#ifndef FAULTS /* writes that fail */
#define FAULTS 1
#endif
#ifndef SPILLS /* calls of respool_spill on a thread of its own */
#define SPILLS 1
#endif

#define NOWHERE 255
#define TORN 254
#define END_MARK 253
#define PLACES (BATCHES + 2)

/* struct entry, struct resident (by the batch's number) */
bool resident[BATCHES]; /* the entry's */
byte offset[BATCHES];
bool kept[BATCHES];
bool pinned[BATCHES];
byte references[BATCHES];
byte released[BATCHES]; /* how often the producer's release has run */
bool deferred[BATCHES]; /* on the list that waits for the writer's next call */

/* struct respool */
byte count;       /* of the catalog */
byte write_next;
bool spilling;
bool sealed;
bool end_written;
bool finished;
bool writer_closed;
bool pen;
byte handles;
byte spool_references;
bool spool_freed;

/* Options. */
bool ordered;      /* modes on_limit and all, else overflow */
bool all;          /* mode all: what is kept stays when it is written */
bool defer_release;

/* The store. */
byte place[PLACES]; /* what the file has there */
byte committed;     /* of the spool: what is published */
bool store_closed;
byte faults;

/* struct run: of the pen's holder */
bool item[BATCHES];
byte item_offset[BATCHES];
bool unkept[BATCHES];
byte run_next_at;
byte run_count;
byte run_end;

#define LOCKED assert(!spool_freed)
#define ALIVE(b) assert(released[b] == 0)

/* Invariant 3. */
inline spool_assert() {
  b = 0;
  do
  :: b < count ->
    assert(resident[b] || offset[b] != NOWHERE);
    assert(offset[b] == NOWHERE || offset[b] < committed);
    b++
  :: else -> break
  od;
  b = 0
}

/* ---- resident.c, core.c, handle.c ------------------------------------------------------------------------ */

inline spool_release_reference() {
  assert(!spool_freed && spool_references > 0);
  spool_references--;
#ifndef MISTAKE_RESIDENTS_HOLD_NO_SPOOL
  spool_freed = (spool_references == 0)
#else
  spool_freed = (handles == 0)
#endif
}

/* The one place where a producer's array is released. */
inline destroy(x) {
  atomic {
    assert(released[x] == 0 && references[x] == 0 && !pinned[x]);
    released[x]++;
    spool_release_reference()
  }
}

/* resident_release() with retire(): the count goes down without the lock. */
inline resident_release(x) {
  atomic {
    ALIVE(x);
    assert(references[x] > 0);
    references[x]--;
    last = (references[x] == 0);
    retires = last && (pinned[x] || defer_release)
  };
  if
  :: last && retires ->
    atomic {
      LOCKED;
#ifdef MISTAKE_DEFERRED_AFTER_THE_WRITER
      deferred[x] = defer_release;
#else
      deferred[x] = defer_release && !writer_closed;
#endif
      pinned[x] = deferred[x];
      last = !deferred[x]
    }
  :: else
  fi;
  if
  :: last -> destroy(x)
  :: else
  fi;
  last = false;
  retires = false
}

/* With the pen, under the lock. */
inline resident_drop(x) {
  ALIVE(x);
  assert(resident[x]);
  resident[x] = false;
  pinned[x] = (references[x] > 1);
  dropped[x] = true
}

inline resident_release_list() {
  d = 0;
  do
  :: d < BATCHES ->
    if
    :: dropped[d] -> dropped[d] = false; resident_release(d)
    :: else
    fi;
    d++
  :: else -> break
  od;
  d = 0
}

inline resident_release_deferred() {
  if
  :: defer_release ->
    atomic {
      LOCKED;
      b = 0;
      do
      :: b < BATCHES ->
        if
        :: deferred[b] -> deferred[b] = false; pinned[b] = false; dropped[b] = true
        :: else
        fi;
        b++
      :: else -> break
      od;
      b = 0
    };
    d = 0;
    do
    :: d < BATCHES ->
      if
      :: dropped[d] -> dropped[d] = false; destroy(d)
      :: else
      fi;
      d++
    :: else -> break
    od;
    d = 0
  :: else
  fi
}

/* tear_down(): the last handle. */
inline spool_release_handle() {
  atomic { LOCKED; assert(handles > 0); handles--; torn_down = (handles == 0) };
  if
  :: torn_down ->
    t = 0;
    do
    :: t < count ->
      if
      :: resident[t] -> resident[t] = false;
#ifndef MISTAKE_NOT_RELEASED_AT_THE_END
        resident_release(t)
#endif
      :: else
      fi;
      t++
    :: else -> break
    od;
    t = 0;
    atomic { assert(!store_closed); store_closed = true };
    atomic { spool_release_reference() };
    torn_down = false
  :: else
  fi
}

/* ---- run.c ------------------------------------------------------------------------------------------------- */

inline pen_take() {
#ifdef MISTAKE_NO_PEN
  LOCKED
#else
  atomic { !pen -> LOCKED; pen = true }
#endif
}

inline pen_give() {
#ifdef MISTAKE_NO_PEN
  LOCKED
#else
  atomic { LOCKED; assert(pen); pen = false }
#endif
}

inline begin_run() {
  run_count = 0;
  run_next_at = write_next;
  b = 0;
  do
  :: b < BATCHES -> item[b] = false; unkept[b] = false; item_offset[b] = 0; b++
  :: else -> break
  od;
  b = 0
}

/* collect_due(): what is due from write_next on; a run may be full before that. */
inline collect_due() {
  if
  :: ordered && !spilling
  :: else ->
    do
    :: run_next_at < count && run_count < 2 ->
      if
      :: offset[run_next_at] == NOWHERE && (ordered || (resident[run_next_at] && !kept[run_next_at])) ->
        item[run_next_at] = true;
        run_count++
      :: else
      fi;
      run_next_at++
    :: else -> break
    od
  fi
}

/* collect_kept(): the latest one. */
inline collect_kept() {
  b = count;
  do
  :: b > 0 ->
    b--;
    if
    :: kept[b] -> kept[b] = false; unkept[b] = true; item[b] = true; run_count++; break
    :: else
    fi
  :: else -> break
  od;
  b = 0
}

inline collect(kept_too) {
  begin_run();
  collect_due();
  if
  :: kept_too && !ordered && run_count == 0 -> collect_kept()
  :: else
  fi;
  if
  :: run_count == 0 -> write_next = run_next_at
  :: else
  fi
}

/* write_run(): without the lock. Bytes lie in the file before anybody is told of them. */
inline write_run() {
  w = 0;
  run_end = committed;
  failed = false;
  do
  :: w < BATCHES && !failed ->
    if
    :: item[w] ->
      if
      :: atomic { ALIVE(w); assert(!store_closed); place[run_end] = w; item_offset[w] = run_end; run_end++ }
      :: atomic { faults > 0 -> ALIVE(w); faults--; place[run_end] = TORN; failed = true }
      fi
    :: else
    fi;
    w++
  :: else -> break
  od;
  w = 0;
  if
  :: failed -> store_cut(); assert(place[committed] == NOWHERE) /* invariant 11: a readable prefix */
  :: else
  fi
}

/* undo_stroke() */
inline store_cut() {
#ifdef MISTAKE_NOT_CUT
  skip
#else
  atomic {
    w = committed;
    do
    :: w < PLACES -> place[w] = NOWHERE; w++
    :: else -> break
    od;
    w = 0
  }
#endif
}

inline publish_run() {
  b = 0;
  do
  :: b < BATCHES ->
    if
    :: item[b] ->
      assert(offset[b] == NOWHERE);
      offset[b] = item_offset[b];
      if
      :: all && kept[b]
      :: else -> resident_drop(b)
      fi
    :: else
    fi;
    b++
  :: else -> break
  od;
  write_next = run_next_at;
  committed = run_end;
  end_written = false
}

inline abort_run() {
  b = 0;
  do
  :: b < BATCHES ->
    if
    :: unkept[b] -> kept[b] = true
    :: else
    fi;
    b++
  :: else -> break
  od;
#ifdef MISTAKE_FAILED_RUN_COUNTS_AS_WRITTEN
  write_next = run_next_at
#endif
}

/* run_next(): `more` where something was written; `failed`. */
inline run_next(kept_too) {
  pen_take();
  atomic { LOCKED; collect(kept_too); more = (run_count > 0); failed = false };
  if
  :: more ->
#ifdef MISTAKE_PUBLISHED_BEFORE_WRITTEN
    atomic {
      LOCKED;
      run_end = committed;
      for (b : 0 .. BATCHES - 1) {
        if
        :: item[b] -> item_offset[b] = run_end; run_end++
        :: else
        fi
      }
      publish_run()
    };
    atomic { w = committed - run_count; run_end = w };
    do
    :: d < BATCHES ->
      atomic {
        if
        :: item[d] -> ALIVE(d); place[item_offset[d]] = d
        :: else
        fi;
        d++
      }
    :: else -> break
    od;
    d = 0;
    w = 0;
#else
#ifdef MISTAKE_DROPPED_BEFORE_PUBLISHED
    atomic {
      for (b : 0 .. BATCHES - 1) {
        if
        :: item[b] && !(all && kept[b]) -> resident[b] = false
        :: else
        fi
      }
      b = 0
    };
#endif
    write_run();
    atomic {
      LOCKED;
#ifdef MISTAKE_DROPPED_BEFORE_PUBLISHED
      for (b : 0 .. BATCHES - 1) {
        if
        :: item[b] -> resident[b] = true
        :: else
        fi
      }
#endif
      if
      :: !failed -> publish_run()
      :: else -> abort_run()
      fi;
      spool_assert()
    };
#endif
  :: else
  fi;
  pen_give();
  resident_release_list()
}

/* ---- spill.c ------------------------------------------------------------------------------------------------ */

inline spill_due() {
  do
  :: run_next(false);
    if
    :: more && !failed
    :: else -> break
    fi
  od
}

/* drop_portion(): mode all, what is in the file as well. */
inline drop_written() {
  pen_take();
  atomic {
    LOCKED;
    d = count;
    do
    :: d > 0 ->
      d--;
      if
      :: kept[d] ->
        kept[d] = false;
        if
        :: offset[d] != NOWHERE -> resident_drop(d)
        :: else
        fi
      :: else
      fi
    :: else -> break
    od;
    d = 0
  };
  pen_give();
  resident_release_list()
}

/* end_with_pen() and run_write_end() */
inline end_file(seal) {
  pen_take();
  atomic {
    LOCKED;
    whole = !spilling || write_next == count;
    wanted = whole && (seal || sealed) && committed > 0 && !end_written;
    failed = false
  };
  if
  :: wanted ->
    if
    :: atomic { assert(!store_closed); place[committed] = END_MARK }
    :: atomic { faults > 0 -> faults--; place[committed] = TORN; failed = true };
      store_cut()
    fi
  :: else
  fi;
  atomic {
    LOCKED;
    if
    :: !failed && wanted -> end_written = true
    :: else
    fi;
    if
    :: !failed && whole && seal -> sealed = true
    :: else
    fi;
    wanted = false
  };
  pen_give()
}

inline spill_finish() {
  do
  :: spill_due();
    if
    :: failed || !ordered -> break
    :: else
    fi;
#ifdef MISTAKE_FINISHED_BESIDE_A_SPILL
    atomic { LOCKED; sealed = true };
    break
#else
    end_file(true);
    if
    :: failed || whole -> break
    :: else
    fi
#endif
  od
}

#define LOCALS                                                                                                         \
  byte b, d, t, w;                                                                                                     \
  bool last, retires, torn_down, failed, more, whole, wanted;                                                          \
  bool dropped[BATCHES]

/* append, finish and close. What does not fit is due; that which passes the limit has spilling begin. */
proctype writer() {
  LOCALS;
  byte n;
  do
  :: n < BATCHES ->
    atomic {
      LOCKED;
      references[n] = 1;
      resident[n] = true;
      offset[n] = NOWHERE;
      spool_references++;
      if
      :: kept[n] = true
      :: spilling = true
      fi;
      count++
    };
    n++;
    if
    :: spilling -> spill_due(); failed = false
    :: true
    fi;
    resident_release_deferred()
  :: else -> break
  od;
  do /* a finish that fails is tried again */
  :: spill_finish();
    if
    :: failed
    :: else -> break
    fi
  od;
  atomic { LOCKED; finished = true };
  atomic { LOCKED; writer_closed = true };
  resident_release_deferred();
  spool_release_handle()
}

/* respool_spill() on a thread of its own: everything, once. */
proctype spiller() {
  LOCALS;
  byte calls, upto;
  bool ok;
  do
  :: calls < SPILLS ->
    calls++;
    atomic {
      LOCKED;
      upto = count;
      if
      :: ordered && count > 0 -> spilling = true
      :: else
      fi
    };
    do
    :: run_next(true);
      if
      :: !more || failed || (ordered && write_next >= upto) -> ok = !failed; break
      :: else
      fi
    od;
    if
    :: ok && all -> drop_written()
    :: else
    fi;
    if
    :: ok && ordered -> end_file(false); failed = false
    :: else
    fi;
    ok = false;
    upto = 0
  :: else -> break
  od;
  spool_release_handle()
}

/* next, in order, until the end; what it hands out is released at once, or held until after the reader was closed. */
proctype reader() {
  LOCALS;
  byte position;
  byte at;
  byte held = NOWHERE;
  bool counted;
  do
  :: atomic {
      position < count -> LOCKED; /* take_entry() */
      at = offset[position];
      counted = resident[position];
#ifndef MISTAKE_TAKEN_WITHOUT_COUNTING
      if
      :: counted -> ALIVE(position); references[position]++
      :: else
      fi
#endif
    };
    if
    :: counted -> /* fetch_resident(): the array's buffers, without the lock */
      ALIVE(position);
#ifdef MISTAKE_TAKEN_WITHOUT_COUNTING
      references[position]++;
#endif
      if
      :: resident_release(position)
      :: held == NOWHERE -> held = position
      fi
    :: else -> /* fetch_stored() */
      atomic { assert(!store_closed && at < committed); assert(place[at] == position) }
    fi;
    counted = false;
    position++
  :: atomic { position == count && finished -> assert(position == BATCHES); break }
  od;
  at = 0;
  spool_release_handle();
  if
  :: held != NOWHERE -> resident_release(held); held = NOWHERE
  :: else
  fi
}

init {
  byte i;
  atomic {
    for (i : 0 .. BATCHES - 1) {
      offset[i] = NOWHERE
    }
    for (i : 0 .. PLACES - 1) {
      place[i] = NOWHERE
    }
    faults = FAULTS;
    if
    :: ordered = true;
      if
      :: all = true; spilling = true
      :: true
      fi
    :: true
    fi;
    if
    :: defer_release = true
    :: true
    fi;
    handles = 2 + READERS;
    spool_references = 1;
    i = 0;
    do
    :: i < READERS -> run reader(); i++
    :: else -> break
    od;
    run writer();
    run spiller()
  };
  _nr_pr == 1;
  assert(spool_freed && store_closed && handles == 0 && count == BATCHES);
  for (i : 0 .. BATCHES - 1) {
    assert(released[i] == 1)
  }
  /* Invariant 11, unless a failed call of respool_spill has the last word. */
  if
  :: ordered && committed > 0 && (faults == FAULTS || SPILLS == 0) ->
    assert(end_written && place[committed] == END_MARK && committed == BATCHES);
    for (i : 0 .. BATCHES - 1) {
      assert(place[i] == i)
    }
  :: else
  fi
}
