/* SPDX-License-Identifier: Apache-2.0 */
/*
 * respool: keep an Arrow stream so that it can be replayed.
 *
 * One producer appends record batches. They stay in memory up to a limit and go to disk past it, as a
 * standard Arrow IPC stream. Any number of readers, opened before, during or after the writing, each get
 * the whole stream from the first batch, wait while the producer works, and end when it has finished.
 * If the producer fails, every reader is told.
 *
 * This header is the manual: what it does not promise, do not rely on. Data goes in and out through the
 * Arrow C data and C stream interfaces (https://arrow.apache.org/docs/format/CDataInterface.html and
 * CStreamInterface.html).
 *
 * HANDLES
 *   respool          a spool. Counted: respool_retain() / respool_release().
 *   respool_writer   its one producer. Made with the spool, ended by respool_writer_close().
 *   respool_reader   one replay cursor. respool_reader_open() / respool_reader_close().
 *   respool_pool     what spools share, if they are to. Counted: respool_pool_create(), _retain(), _release().
 * Each handle keeps alive what it needs, so they may be closed in any order. An array that a reader handed
 * out stays valid until it is released, though every handle has been closed before. When the last handle
 * is gone the batches in memory are released and the file is closed; when the last handed-out array is
 * gone too, nothing of the spool is left.
 *
 * THREADS
 *   One thread at a time may use a writer, and one thread at a time a given reader; different handles may
 *   be used at the same moment from any threads. Every function that takes a `respool *` or a `respool_pool *` may be
 *   called from any thread at any time, and so may respool_reader_cancel() and respool_reader_position().
 *   Closing a handle that another thread is inside is misuse.
 *   The library starts no threads, installs no signal handler and changes no signal disposition. A write to
 *   a pipe that nobody reads any more raises SIGPIPE, as write(2) does: ignore it in the program.
 *   After fork(), the child's copies of handles answer RESPOOL_MISUSE and closing them there does nothing.
 *
 * OWNERSHIP
 *   Ownership moves only on success. An ArrowArray given to append is the spool's if the answer was RESPOOL_OK;
 *   otherwise it is still the caller's, untouched. Output arguments are written on success only.
 *   The `release` of an array that was appended runs exactly once, on any thread that is inside a respool call or
 *   that releases an array which a reader handed out, and never while the library holds a lock, so that it
 *   may call respool functions itself (not the writer or reader it runs inside). See `defer_release`.
 *
 * ERRORS
 *   Functions answer with a respool_status. Every `respool_error *error` may be NULL; else it is the caller's and
 *   is filled when the answer is an error (status >= 10) and left alone otherwise. The library's messages are UTF-8,
 *   one line, and say what failed, where, and what to do if that is known; a producer's text is passed on as it is.
 *   Null pointers where a handle or an output is required answer RESPOOL_INVALID.
 *
 * SIZES are bytes unless another unit is named; times are nanoseconds.
 */
#ifndef RESPOOL_RESPOOL_H
#define RESPOOL_RESPOOL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Symbols of the library. Static users need not define anything. */
#if defined(__GNUC__) || defined(__clang__)
#define RESPOOL_EXPORT __attribute__((visibility("default")))
#else
#define RESPOOL_EXPORT
#endif

#define RESPOOL_VERSION_MAJOR 0
#define RESPOOL_VERSION_MINOR 1
#define RESPOOL_VERSION_PATCH 0
#define RESPOOL_VERSION       "0.1.0"

/* ---- The Arrow C interfaces, as their specification gives them ------------------------------------- */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

/* ---- Status and error ------------------------------------------------------------------------------ */

/*
 * The value of a status never changes between versions. 0 to 9 are answers, 10 and above are errors.
 * Values from RESPOOL_USER up are the application's own: respool_writer_fail() takes them and readers get
 * them, the library never makes them up.
 */
typedef int32_t respool_status;
enum {
  RESPOOL_OK = 0,
  RESPOOL_END = 1,       /* next: the producer has finished and every batch was delivered */
  RESPOOL_TIMED_OUT = 2, /* next: nothing came within the time given (0: there is nothing yet) */
  RESPOOL_READY = 3,     /* on_ready: next would not block now; the callback was not kept */

  RESPOOL_INVALID = 10,          /* an argument, option, schema or array that cannot be right */
  RESPOOL_UNSUPPORTED = 11,      /* legal, but not something this version or build can do */
  RESPOOL_MISUSE = 12,           /* a handle used from two threads at once, or in a forked child */
  RESPOOL_ALREADY_FINISHED = 13, /* writer: finish was called before */
  RESPOOL_HAS_FAILED = 14,       /* writer: it has sent an error before */

  RESPOOL_NO_MEMORY = 20,   /* an allocation failed. A retry can help */
  RESPOOL_NO_SPACE = 21,    /* the disk or a quota is full (ENOSPC, EDQUOT). A retry can help */
  RESPOOL_IO = 22,          /* another system call failed; `os_error` says which way. A retry can help */
  RESPOOL_CORRUPT = 23,     /* bytes that are not what they should be */
  RESPOOL_TRUNCATED = 24,   /* bytes that end too early */
  RESPOOL_OVER_BUDGET = 25, /* the spool's own disk budget is used up. A retry can help once some of it is free again */

  RESPOOL_ABANDONED = 30,           /* reader: the writer was closed without finish or fail */
  RESPOOL_CANCELLED = 31,           /* reader: it was cancelled */
  RESPOOL_SOURCE_FAILED = 32,       /* an ArrowArrayStream answered with an error; `os_error` is its code */
  RESPOOL_PRODUCER_FAILED = 33,     /* for respool_writer_fail(): no better word */
  RESPOOL_RESOURCES_EXHAUSTED = 34, /* for respool_writer_fail() */

  RESPOOL_USER = 1000 /* first of the application's own */
};

#define RESPOOL_ERROR_TEXT 1016

typedef struct respool_error {
  respool_status status;
  int32_t os_error;                 /* an errno value, 0 where there is none */
  char message[RESPOOL_ERROR_TEXT]; /* NUL-terminated UTF-8; a longer text is cut between characters */
} respool_error;

/* A static, English name such as "no space"; "user" from RESPOOL_USER up, "unknown" for what is none. */
RESPOOL_EXPORT const char *respool_status_name(respool_status status);

/* 1 where repeating the same call can succeed once the cause has passed, else 0. */
RESPOOL_EXPORT int respool_status_retryable(respool_status status);

/* The version of the library that is running, such as "0.1.0"; compare with RESPOOL_VERSION. */
RESPOOL_EXPORT const char *respool_version(void);

/* ---- Memory ---------------------------------------------------------------------------------------- */

/*
 * Where the library gets its memory, instead of malloc. All three functions must be there. They are called from any
 * thread, several at once, also while the library holds a lock: they must not call respool functions.
 *   allocate  `size` bytes (at least 1), aligned to `alignment`, a power of two up to 64; NULL: there are none
 *   resize    as realloc(), for memory that is aligned for any type and no more; never for NULL
 *   free      of what the other two gave; never NULL
 */
typedef struct respool_allocator {
  size_t struct_size; /* sizeof(respool_allocator) */
  void *(*allocate)(void *context, size_t size, size_t alignment);
  void *(*resize)(void *context, void *memory, size_t size);
  void (*free)(void *context, void *memory);
  void *context;
} respool_allocator;

/*
 * Have the whole process use `allocator`, which is copied; NULL: malloc again. Call it first of all, while no other
 * thread is in the library. Functions and context must stay valid until the last handle is gone, and the last array,
 * schema and stream that the library handed out: those are freed through them.
 * It gets everything that the library itself allocates. It does not get mappings of files, what the C library takes for
 * threads, locks and directories, and the working memory of liblz4 and libzstd, which only their unstable interfaces
 * would lead elsewhere (some MiB while a spool compresses, some 100 kB where something is unpacked).
 * RESPOOL_INVALID, or RESPOOL_MISUSE: the library has allocated something before.
 */
RESPOOL_EXPORT respool_status respool_set_allocator(const respool_allocator *allocator, respool_error *error);

/* ---- Making a spool -------------------------------------------------------------------------------- */

typedef struct respool respool;
typedef struct respool_writer respool_writer;
typedef struct respool_reader respool_reader;
typedef struct respool_pool respool_pool;

/*
 * What is written to disk, and when.
 *   OVERFLOW  Only what exceeds the limit. The earliest batches stay in memory and later ones never evict
 *             them. The file is anonymous; a path is refused.
 *   ON_LIMIT  Nothing until the limit is passed, then everything, in order: an append writes two write chunks and twice
 *             what it brings until what had gathered is written (more at once only where that frees too little for the
 *             limit, as with slices of one array); from then on small batches are gathered for a write chunk as in the
 *             other modes. Flush and finish write the rest. Anonymous, or the path given, created when the limit is
 *             passed. Empty batches alone never make a file.
 *   ALL       Every batch, in order, to the path given, created at once so that a bad path fails early.
 *             Batches within the limit stay in memory as well.
 * A file of ON_LIMIT and ALL is one Arrow IPC stream: after each flush (ON_LIMIT: once the limit was passed) a
 * readable prefix of one without end marker, after finish a whole one.
 */
enum {
  RESPOOL_MODE_DEFAULT = 0, /* ALL where a path is given, else OVERFLOW */
  RESPOOL_MODE_OVERFLOW = 1,
  RESPOOL_MODE_ON_LIMIT = 2,
  RESPOOL_MODE_ALL = 3
};

/*
 * How stored batches are read.
 *   MAP   Arrays point into a mapping of the file. Fastest. If somebody cuts a named file short, touching such an
 *         array kills the process (SIGBUS). What is changed while it is mapped is seen changed, and a write that the
 *         system accepted but could not bring to the medium may show wrong bytes once its pages are read again.
 *   READ  Bytes are copied into reused memory and their structure is checked in full: a file that was cut, or damaged
 *         so that it no longer fits together, is an error.
 *   AUTO  MAP for anonymous files on local file systems (read, unchecked, where the system refuses a mapping), READ for
 *         named files and on network and FUSE file systems.
 *
 * Named files, and anonymous ones with the option `checksums`, have a checksum for each batch and dictionary (XXH3 of
 * 64 bits, kept in the memory of this process). A batch that is read is checked in its private copy, each time, before
 * it is handed out: what a reader gets are the bytes that were written. One that is mapped is checked when a reader of
 * the spool first comes to it, and not again: what happens to the file afterwards, or while it is looked at, goes
 * unnoticed. Bytes that are not what they should be are RESPOOL_CORRUPT. A checksum shows accidents and mistakes; it is
 * no proof against somebody who makes up bytes that have the same.
 */
enum { RESPOOL_REPLAY_AUTO = 0, RESPOOL_REPLAY_MAP = 1, RESPOOL_REPLAY_READ = 2 };

/*
 * How the bodies of batches are compressed where they are written: each buffer by itself, as the IPC format has it. A
 * buffer that would not shrink is written as it is. The same batch and level give the same bytes.
 *   LZ4   in LZ4 frames: cheap
 *   ZSTD  smaller, and slower
 *   ADAPTIVE  For the file of a spool alone (respool_ipc_write...() refuses it): each write of a chunk is either
 *         compressed (LZ4; ZSTD where the build has no LZ4) or not, whichever takes less time for the same rows. The
 *         writes themselves are timed: the first MiBs go both ways in turn, then what takes longer is tried again by
 *         and by, ever less often while nothing changes, and soon when the disk has become faster or slower. Such
 *         trials add about 1/64 to the time at most as long as nothing changes; but at first there are two writes of
 *         each kind, of a MiB or, if that is more, a batch: a spool of some MiB pays for those in full. Dictionaries
 *         are not compressed. The bytes of the file depend on the time that was measured; any reader of Arrow IPC reads
 *         them.
 * A build of this library may lack either codec: RESPOOL_UNSUPPORTED then, on writing (ADAPTIVE: if it lacks both) and
 * on reading.
 */
enum {
  RESPOOL_COMPRESSION_NONE = 0,
  RESPOOL_COMPRESSION_LZ4 = 1,
  RESPOOL_COMPRESSION_ZSTD = 2,
  RESPOOL_COMPRESSION_ADAPTIVE = 3
};

/* 1 where this build can read and write it, else 0. */
RESPOOL_EXPORT int respool_compression_available(int32_t compression);

/* 1 where spools can encrypt their files (a build may lack libcrypto), else 0. */
RESPOOL_EXPORT int respool_encryption_available(void);

#define RESPOOL_DEFAULT_MEMORY_LIMIT ((int64_t)100 << 20)
#define RESPOOL_DEFAULT_WRITE_CHUNK  ((int64_t)8 << 20)
#define RESPOOL_NO_LIMIT             INT64_MAX
#define RESPOOL_WAIT_FOREVER         ((int64_t)-1)

typedef struct respool_options {
  size_t struct_size; /* set by respool_options_init() */

  /* Bytes of batches held in memory before disk is used; 0 spills at once, RESPOOL_NO_LIMIT never. Counted is
   * each distinct buffer extent reachable through the arrays, once however many slices or batches share it, the
   * metadata of batches (respool_array_metadata()), and a fixed cost per array node. What is held is at most this, a
   * write chunk, and the batch that crossed. */
  int64_t memory_limit;

  /* A file to create and keep, or NULL for an anonymous one. It must not exist (but see `reopen`): it is created
   * exclusively, follows no link in its last component, and has mode 0600. It is the caller's to remove. Copied; a
   * relative path leads from the directory that is current now.
   * The file is locked (an open file description lock of fcntl(2), or flock(2) where the system has none; not on file
   * systems without locks) until nothing is to be written to it any more: after finish, fail or close, or if what
   * waited could not be written then, once it is, or with the last handle. The lock keeps out only who asks for one.
   * It ends with the process, unless a child that was forked and has run no other program since lives on. */
  const char *path;

  /* Where the anonymous file goes; NULL: $TMPDIR if that is set, else /var/tmp, else /tmp. The file has no name
   * (where the system cannot do that it has one for some microseconds), so nothing is left of it whatever
   * ends the process. Copied. */
  const char *directory;

  int32_t mode;   /* RESPOOL_MODE_... */
  int32_t replay; /* RESPOOL_REPLAY_... */

  /* Bytes of small batches that are gathered into one write, 4 KiB to 1 GiB. Less than the default saves memory, but
   * small writes are slower, and so is replaying from a mapping what they wrote. */
  int64_t write_chunk;

  /* 1: appended arrays are released only inside calls on the writer; those still held when the writer is closed are
   * released by whoever drops them last. 0: as described under OWNERSHIP. */
  int32_t defer_release;

  /* 1: finish answers only when the file and its directory entry are on the medium (fsync). If that fails once, every
   * later finish fails too (RESPOOL_IO): the system does not tell twice. Call fail or close then. */
  int32_t sync_on_finish;

  /* How what is written to the file is compressed, RESPOOL_COMPRESSION_..., and at which level: 0 is the codec's usual
   * one (and the only one without compression and with ADAPTIVE); LZ4 takes up to 12 (from 3 on the slow kind), ZSTD
   * up to 22, and below 0 both are faster. A dictionary that stays the same is compressed anew for each write of a
   * chunk (not with ADAPTIVE, which leaves dictionaries as they are). Compressing needs memory for the compressed form
   * of one batch, and for its largest buffer twice. Replay unpacks each batch into memory of its own, when it is mapped
   * too. */
  int32_t compression;
  int32_t compression_level;

  /* Where an anonymous file comes from and goes to when the spool is done with it, or NULL; see respool_pool. It need
   * not be retained: the spool does that. A named file has nothing to do with it. RESPOOL_MISUSE from create: it is the
   * pool of the parent of this forked process. */
  respool_pool *pool;

  /* Bytes that the spool's file may hold at most (RESPOOL_NO_LIMIT, the default: any number). Counted is the file's
   * length, less what was given back after respool_drop_behind(). A write that would pass it is not begun: append,
   * flush, finish, respool_spill() and respool_set_memory_limit() then answer RESPOOL_OVER_BUDGET, with a text that
   * says how much was asked for, in use and allowed, where they answer RESPOOL_NO_SPACE if the disk is full. For a
   * stream to go through a budget after respool_drop_behind(), it should be 16 times the largest batch, and hold each
   * dictionary twice. A file from a pool may be longer from before; what this spool wrote is what counts. */
  int64_t disk_budget;

  /* What is done where the disk is full or the budget used up, before an append is refused. These are tried one after
   * another; by default there is none of them.
   *
   * Where the disk (not the budget) is full: go on in a file in the next of these directories, which end with NULL. At
   * most 15; anonymous files only. What was written before stays where it is. Copied. */
  const char *const *more_directories;

  /* Accept batches into memory as long as not more than this is charged, or what memory_limit allows anyway (itself, a
   * write chunk and a batch); it takes the place of that until there is room again, which is looked for every 50 ms
   * while batches come. Finish answers RESPOOL_OK then, if the file is
   * anonymous, and what was not written stays in memory. 0, or less than memory_limit: not at all. */
  int64_t memory_cap;

  /* Wait so many nanoseconds for room, in each call of append, append_stream (for each batch), flush and finish; 0 not
   * at all, RESPOOL_WAIT_FOREVER without end. Room comes from readers (respool_drop_behind()) or from whoever frees
   * space on the disk, which is looked for ever less often, down to twice a second. The caller's thread blocks. */
  int64_t full_timeout;

  /* 1: if the path names a file, go on with it: its batches come first, and what is appended behind them. See
   * REOPENING, below. Goes with a path only. */
  int32_t reopen;

  /* 1: batches and dictionaries in an anonymous file have checksums, as those in a named one always have; see
   * RESPOOL_REPLAY_... */
  int32_t checksums;

  /* 1: all that goes to the file is encrypted, by AES-256-GCM, the schema too. Only for anonymous files, and not with
   * RESPOOL_REPLAY_MAP (RESPOOL_INVALID); RESPOOL_UNSUPPORTED where respool_encryption_available() is 0.
   *   Each batch is decrypted into memory of this process and handed out only if it is what was written there: what
   * somebody has changed, exchanged or brought back is RESPOOL_CORRUPT, and `checksums` has nothing to add.
   *   The key is random, made for this spool when it first writes, and kept in the memory of this process alone: in a
   * page that is not swapped out (as far as RLIMIT_MEMLOCK allows; no error if not), left out of core dumps and wiped
   * in forked children (Linux), and wiped with the spool. While a call encrypts or decrypts, libcrypto has a form of it
   * in ordinary memory, which it wipes at the end.
   *   Not hidden are how much was written and when, and batches in memory, which may be swapped out or dumped like
   * everything there. A file from a pool may come from a spool that did not encrypt: what that one wrote is there until
   * it is written over. A batch of 64 GiB or more cannot be encrypted. */
  int32_t encryption;
} respool_options;

/*
 * Fill `options` with the defaults; call it before setting any. `struct_size` is sizeof(respool_options) as the caller
 * was compiled: a program built against an older, shorter struct goes on working with a newer library, and one built
 * against a newer with an older library as long as it sets nothing that is new.
 */
RESPOOL_EXPORT void respool_options_init(respool_options *options, size_t struct_size);

/*
 * Make a spool for batches of `schema` (of struct type, format "+s"; borrowed and copied) and its one writer.
 * `options` NULL means the defaults. Creates no file, except in mode ALL.
 *
 * Fields may be of every type of the Arrow columnar format, nested at most 64 deep, and arrays may have an offset at
 * any level. What is replayed equals what was appended value by value, and the schema with its metadata; where it was
 * on disk, the arrays are laid out anew: without offsets, without what a slice does not show or no view refers to,
 * null counts counted. Dictionaries (`ArrowArray.dictionary`, which every batch has for such a column, be it empty) are
 * whole, go and are released with their batch, and may be others in each. One that stays the same is stored once; one
 * that has grown is stored whole again, and one that several fields share for each of them. Two things the format
 * cannot say: a dictionary whose values are themselves indices into another is refused, and name, flags and metadata
 * of the field of a dictionary's values are lost on disk.
 *
 * REOPENING (option `reopen`; modes ALL and ON_LIMIT) goes on with the file of a spool that is no more: one that was
 * finished, or failed, or whose process died. The spool starts with the batches in it, in the file and not in memory;
 * its figures count them (not bytes_appended and bytes_written, which are of this spool), and readers begin with them.
 * What the writer had only begun is cut off: a last message that is not complete, dictionaries that no batch came to
 * use, zeros up to the end of the file, and the end marker of a finished stream. In mode ON_LIMIT the limit counts as
 * passed. If there is no file, it is created as ever.
 * All of the file is read and checked as with RESPOOL_VALIDATE_FULL before this returns, and nothing in it is changed
 * unless all is well. It must be a regular file, owned by the effective user, and not a link; it is locked first, and
 * one that cannot be locked is not reopened. It must begin with the very bytes that this spool's own would begin with:
 * the schema is the same, with all metadata, and this library wrote it ('respool cat' makes such a stream of any
 * other). Compression may differ.
 * After a power loss a file may hold less than was flushed, and zeros or old bytes in the middle, as far as it was not
 * synced (`sync_on_finish`): those that do not fit together are noticed, other values are not.
 *
 *   RESPOOL_INVALID      schema not a struct or malformed; an option out of range; options that contradict; reopening:
 *                        the file has another schema, and the message names the field
 *   RESPOOL_UNSUPPORTED  nested too deep, or a dictionary of a dictionary; the message names the field. Reopening:
 *                        another program wrote the file, or with a compression that this build does not have
 *   RESPOOL_IO, RESPOOL_NO_SPACE, RESPOOL_OVER_BUDGET  mode ALL: the file could not be made (`os_error` EEXIST: it was
 *                        there), or not even the schema fits. Reopening: it could not be read, or it is being written
 *                        by another process or spool (`os_error` EAGAIN)
 *   RESPOOL_CORRUPT      reopening: the file is damaged, at the byte named, or no Arrow IPC stream. It was left as it
 *                        is; 'respool verify' looks at it, 'respool cat' copies what comes before the damage
 *   RESPOOL_NO_MEMORY
 */
RESPOOL_EXPORT respool_status respool_create(const struct ArrowSchema *schema, const respool_options *options,
                                             respool **spool, respool_writer **writer, respool_error *error);

/* ---- What spools share ----------------------------------------------------------------------------- */

#define RESPOOL_DEFAULT_KEEP_BYTES ((int64_t)1 << 30)
#define RESPOOL_DEFAULT_KEEP_FILES 16

/*
 * A pool keeps the anonymous files of spools that are done with them, for the next spools that are given the pool in
 * their options and spill in the same directory: they write over the pages that are there, which is 1.3 to 2 times
 * as fast as writing new ones, and save making and deleting a file. A file comes into the pool when the last handle of
 * its spool and the last array that shows some of it are gone; until then it stays open. One of which writing,
 * reading, cutting or syncing has failed does not come, nor one that was open when the process forked, since a child
 * may see its pages, nor a named one. The file that came last is the first to be used again.
 *
 * What a pool keeps takes space on the disk (or, in a memory-backed directory, memory), one descriptor for each file,
 * and memory of the page cache, which the system takes back when it needs it. It holds what the earlier spools wrote,
 * which no reader of a later one gets to see. A spool that writes less than its file already holds leaves it as long as
 * it was.
 */
typedef struct respool_pool_options {
  size_t struct_size; /* set by respool_pool_options_init() */

  /* At most so many bytes are kept (a longer file is cut to that), in so many files (0 to 1024). Where one more would
   * be too many, those that came first are closed. 0 of either: nothing is kept. */
  int64_t keep_bytes;
  int32_t keep_files;
} respool_pool_options;

/* As respool_options_init(). */
RESPOOL_EXPORT void respool_pool_options_init(respool_pool_options *options, size_t struct_size);

/* A pool with nothing in it. `options` NULL means the defaults. RESPOOL_INVALID, RESPOOL_NO_MEMORY. */
RESPOOL_EXPORT respool_status respool_pool_create(const respool_pool_options *options, respool_pool **pool,
                                                  respool_error *error);

/* Another counted handle on the same pool. Returns its argument. NULL is allowed. */
RESPOOL_EXPORT respool_pool *respool_pool_retain(respool_pool *pool);

/*
 * Give up a handle. With the last one, what is kept is closed. Spools that were given the pool go on, and their files
 * go with them. NULL is allowed.
 */
RESPOOL_EXPORT void respool_pool_release(respool_pool *pool);

/* Close files, those that came first first, until at most `bytes` are kept: 0 gives up all. RESPOOL_INVALID (negative),
 * RESPOOL_MISUSE. */
RESPOOL_EXPORT respool_status respool_pool_trim(respool_pool *pool, int64_t bytes, respool_error *error);

typedef struct respool_pool_stats {
  size_t struct_size;   /* set by the caller: sizeof(respool_pool_stats) */
  int64_t files;        /* kept now; those in use are not counted ... */
  int64_t bytes;        /* ... and what they hold together */
  int64_t files_reused; /* how often a spool has taken one */
} respool_pool_stats;

/* A consistent snapshot. Set `stats->struct_size` first. RESPOOL_INVALID (size), RESPOOL_MISUSE. */
RESPOOL_EXPORT respool_status respool_pool_get_stats(respool_pool *pool, respool_pool_stats *stats,
                                                     respool_error *error);

/* ---- Writing --------------------------------------------------------------------------------------- */

/*
 * Append a record batch: `array` is a struct array of the spool's schema, without nulls of its own. On RESPOOL_OK the
 * batch is the spool's (`array->release` is NULL) and readers have it. On any error it is still the caller's and the
 * same call may be repeated.
 * May write to disk. A failed write loses nothing: what was accepted stays in memory and the write is tried again by
 * later calls. An append is refused because of one (NO_SPACE, IO, NO_MEMORY) only if a write chunk or more waits in
 * memory to be written, or would with this batch.
 * Of the array's buffers only so much is looked at as writing a slice of it needs; beyond that their contents are the
 * producer's word. A falling offset or a dictionary index outside of its dictionary is replayed as it came, or, where
 * the file is read and not mapped (RESPOOL_REPLAY_READ) and so checked in full, refused there as RESPOOL_CORRUPT.
 *   RESPOOL_INVALID  the array does not fit the schema; the message names the field
 *   RESPOOL_NO_MEMORY, RESPOOL_NO_SPACE, RESPOOL_IO
 *   RESPOOL_ALREADY_FINISHED, RESPOOL_HAS_FAILED, RESPOOL_MISUSE
 */
RESPOOL_EXPORT respool_status respool_writer_append(respool_writer *writer, struct ArrowArray *array,
                                                    respool_error *error);

/*
 * Append everything `stream` yields, until its end. The stream stays the caller's, to be released by it. It must be a
 * stream of structs with the spool's fields (same names and types, in order; else RESPOOL_INVALID, and nothing was
 * pulled). Does not finish: several streams may follow each other. If the stream answers with an error, the spool
 * fails with RESPOOL_SOURCE_FAILED, the stream's code as `os_error` and its text; the same is returned here, and only
 * close is left to do. On any other error the spool stays open; a batch that was pulled but not accepted is kept by
 * the writer and goes in first with its next call. That holds for one that does not fit the schema (RESPOOL_INVALID)
 * too, which never will: rows are not lost in silence, so only fail or close is left then. Blocks as long as the
 * stream does. Other errors: those of append.
 */
RESPOOL_EXPORT respool_status respool_writer_append_stream(respool_writer *writer, struct ArrowArrayStream *stream,
                                                           respool_error *error);

/*
 * Write now what is waiting to be written. Afterwards the file of a named spool is a readable prefix that holds
 * every batch (ON_LIMIT: once the limit was passed). On an error the spool stays open: call it again.
 * Errors: as append, without RESPOOL_INVALID.
 */
RESPOOL_EXPORT respool_status respool_writer_flush(respool_writer *writer, respool_error *error);

/*
 * The stream is complete: write what is waiting and the end marker, then let readers end. On an error the spool
 * stays open, readers go on waiting, and the call may be repeated (or fail called). A batch that append_stream still
 * keeps goes in first. Errors: as append.
 */
RESPOOL_EXPORT respool_status respool_writer_finish(respool_writer *writer, respool_error *error);

/*
 * The stream has failed: every reader gets `status` (an error, RESPOOL_INVALID or above), `os_error` and `message`,
 * for ever, in the order it chose when it was opened. `message` is UTF-8, NULL means none; what does not fit a
 * respool_error is cut between characters. What waits to be written to a named file is written first, so that the file
 * holds, without end marker, every batch that was accepted (mode ON_LIMIT: once the limit was passed); so it is when a
 * source fails in append_stream, and when the writer is closed without finish.
 *   RESPOOL_INVALID  status is not an error
 *   RESPOOL_ALREADY_FINISHED, RESPOOL_HAS_FAILED, RESPOOL_MISUSE
 */
RESPOOL_EXPORT respool_status respool_writer_fail(respool_writer *writer, respool_status status, int32_t os_error,
                                                  const char *message, respool_error *error);

/*
 * End the writer. Without finish or fail before, the spool is abandoned: readers get what was accepted, then
 * RESPOOL_ABANDONED. NULL is allowed.
 */
RESPOOL_EXPORT void respool_writer_close(respool_writer *writer);

/* ---- The spool ------------------------------------------------------------------------------------- */

/* Another counted handle on the same spool. Returns its argument. NULL is allowed. */
RESPOOL_EXPORT respool *respool_retain(respool *spool);

/* Give up a handle. NULL is allowed. */
RESPOOL_EXPORT void respool_release(respool *spool);

/* A copy of the schema, with all metadata, for the caller to release. RESPOOL_NO_MEMORY, RESPOOL_MISUSE. */
RESPOOL_EXPORT respool_status respool_get_schema(respool *spool, struct ArrowSchema *schema, respool_error *error);

/*
 * No more readers will be opened: from now on the spool lets go of each batch that every open reader has had. What
 * was in memory is released; the space of an anonymous file is given back where the file system can do that (Linux: a
 * hole in the file), in pieces of up to 64 MiB (less with a disk budget), once no array that a reader handed out
 * shows bytes of the piece. A named file keeps everything. So a spool whose readers are all known takes only what the
 * slowest of them still needs. A reader that was cancelled or closed needs nothing; with none left everything goes.
 * Reader_open and respool_export answer RESPOOL_MISUSE afterwards. Calling it again does nothing. RESPOOL_INVALID,
 * RESPOOL_MISUSE.
 */
RESPOOL_EXPORT respool_status respool_drop_behind(respool *spool, respool_error *error);

enum { RESPOOL_OPEN = 0, RESPOOL_FINISHED = 1, RESPOOL_FAILED = 2, RESPOOL_STATE_ABANDONED = 3 };

typedef struct respool_stats {
  size_t struct_size; /* set by the caller: sizeof(respool_stats) */
  int32_t state;      /* RESPOOL_OPEN, ... */
  int32_t mode;       /* RESPOOL_MODE_..., never DEFAULT */
  int64_t memory_limit;

  int64_t batches; /* accepted */
  int64_t rows;
  /* A batch may be both in memory and in the file; one without rows and custom metadata takes no memory and need be
   * neither. Those that went from the file after respool_drop_behind() count as stored still. */
  int64_t batches_resident;
  int64_t batches_stored;

  int64_t bytes_appended;     /* sum of what each batch added to bytes_charged when it came */
  int64_t bytes_charged;      /* counted against the limit now ... */
  int64_t bytes_charged_peak; /* ... and at most so far */
  int64_t bytes_pinned;       /* dropped by the spool, still held through arrays that readers handed out */
  int64_t bytes_stored;       /* of batches in the file, metadata and padding included */
  int64_t bytes_written; /* given to the system in all: with schema, end marker, and writes repeated after a failure */
  int64_t bytes_catalog; /* the spool's own index */
  int64_t bytes_mapped;  /* address space of file windows mapped now */
  int64_t bytes_read_buffers; /* memory for reading stored batches: handed out and kept for reuse */

  int64_t readers;         /* open now */
  int64_t readers_waiting; /* of these, blocked in next or with a readiness callback set */
  int64_t write_failures;  /* attempts to write that failed so far */
  int32_t file_exists;     /* 1 once a file was made */
  int32_t memory_backed;   /* 1 if that file lies in memory (tmpfs, ramfs), so that spilling saves nothing */

  int64_t batches_compressed; /* of batches_stored, those that were written compressed */

  int64_t disk_budget;     /* as in the options */
  int64_t bytes_on_disk;   /* what counts against it now; without one, too */
  int64_t batches_dropped; /* the first so many: every reader has had them (respool_drop_behind()) */
} respool_stats;

/*
 * A consistent snapshot. Set `stats->struct_size` first. RESPOOL_INVALID (size), RESPOOL_MISUSE.
 */
RESPOOL_EXPORT respool_status respool_get_stats(respool *spool, respool_stats *stats, respool_error *error);

/*
 * Change the memory limit while running. If more is held than the new limit, spills down to it at once, on the calling
 * thread, and answers with the error of that; the new limit holds in any case. Raising it brings nothing back.
 * RESPOOL_INVALID (negative), RESPOOL_NO_SPACE, RESPOOL_IO, RESPOOL_NO_MEMORY, RESPOOL_MISUSE.
 */
RESPOOL_EXPORT respool_status respool_set_memory_limit(respool *spool, int64_t memory_limit, respool_error *error);

/*
 * Spill until at most `target` bytes are charged, whatever the limit says, and without changing it: for a host
 * under memory pressure. The latest batches go first (ON_LIMIT: everything goes). What readers hold is freed when they
 * release it. Works after finish too. Errors: as set_memory_limit.
 */
RESPOOL_EXPORT respool_status respool_spill(respool *spool, int64_t target, respool_error *error);

/* ---- Reading --------------------------------------------------------------------------------------- */

/*
 * When a reader learns that the producer has failed.
 *   FIRST     at its next call, ahead of batches it has not had yet (the default)
 *   IN_ORDER  after every batch that was accepted before
 * RESPOOL_ABANDONED always comes in order.
 */
enum { RESPOOL_ERRORS_FIRST = 0, RESPOOL_ERRORS_IN_ORDER = 1 };

typedef struct respool_reader_options {
  size_t struct_size; /* set by respool_reader_options_init() */
  int32_t errors;     /* RESPOOL_ERRORS_... */
} respool_reader_options;

/* As respool_options_init(). */
RESPOOL_EXPORT void respool_reader_options_init(respool_reader_options *options, size_t struct_size);

/*
 * A new cursor at the first batch. `options` NULL means the defaults.
 * RESPOOL_INVALID, RESPOOL_NO_MEMORY, RESPOOL_MISUSE.
 */
RESPOOL_EXPORT respool_status respool_reader_open(respool *spool, const respool_reader_options *options,
                                                  respool_reader **reader, respool_error *error);

/*
 * The next batch. Waits at most `timeout` nanoseconds for it: 0 not at all, RESPOOL_WAIT_FOREVER without end.
 * On RESPOOL_OK `array` is a struct array for the caller to release (from any thread), without offset at the top;
 * its buffers must not be written to.
 *   RESPOOL_END        finished, and all delivered; so is every later call
 *   RESPOOL_TIMED_OUT  nothing yet
 *   RESPOOL_CANCELLED, RESPOOL_ABANDONED, or the status the producer failed with: so is every later call
 *   RESPOOL_IO, RESPOOL_NO_MEMORY, RESPOOL_CORRUPT, RESPOOL_TRUNCATED  this batch could not be read back; the
 *                      message names it. The error is this reader's alone, and the call may be repeated
 *   RESPOOL_INVALID    timeout below -1
 *   RESPOOL_MISUSE     another thread is inside this reader
 */
RESPOOL_EXPORT respool_status respool_reader_next(respool_reader *reader, struct ArrowArray *array, int64_t timeout,
                                                  respool_error *error);

typedef void (*respool_ready_callback)(void *user_data);

/*
 * Ask for one call of `callback` as soon as next would no longer block: a batch, the end, an error, or a cancel.
 * It is called once and is then to be set again. `callback` NULL disarms, and so does a next that has to block.
 *   RESPOOL_OK      armed, replacing an earlier one
 *   RESPOOL_READY   next would not block now; nothing was armed, and one armed earlier may be on its way still
 *   RESPOOL_MISUSE  another thread is inside this reader
 * The callback runs on the thread that caused the event, inside its respool call, with no lock held. It may use any
 * handle but the one whose call it runs in (the appending writer); it should be short, as it delays that call.
 * Typically it posts to an event loop, which calls next with timeout 0.
 * Once disarm or close has returned the callback is not running and will not run, unless they were called from
 * inside it: wait for nothing there that such a callback needs.
 */
RESPOOL_EXPORT respool_status respool_reader_on_ready(respool_reader *reader, respool_ready_callback callback,
                                                      void *user_data, respool_error *error);

/* How many batches the reader has delivered. From any thread. */
RESPOOL_EXPORT int64_t respool_reader_position(const respool_reader *reader);

/* End the reader's waiting: next answers RESPOOL_CANCELLED now and ever after. From any thread. NULL is allowed. */
RESPOOL_EXPORT void respool_reader_cancel(respool_reader *reader);

/* Arrays it handed out stay valid. NULL is allowed. */
RESPOOL_EXPORT void respool_reader_close(respool_reader *reader);

/*
 * The reader as an ArrowArrayStream, from where it stands. The stream owns the reader, closes it in its `release`,
 * and is from now on the only one to read from it; respool_reader_cancel() and respool_reader_position() stay allowed
 * until then. get_next blocks; it answers 0 with a released array at the end, else an errno value: `os_error` where
 * there is one, else EINVAL, ENOTSUP, ENOMEM, ENOSPC, ECANCELED or EIO by status; get_last_error gives the text.
 * RESPOOL_NO_MEMORY, RESPOOL_MISUSE: the reader is still the caller's.
 */
RESPOOL_EXPORT respool_status respool_reader_export(respool_reader *reader, struct ArrowArrayStream *stream,
                                                    respool_error *error);

/*
 * One more independent replay as an ArrowArrayStream: respool_reader_open() and respool_reader_export() in one. The
 * way most programs read. Call it as often as replays are wanted, before, during or after the writing.
 */
RESPOOL_EXPORT respool_status respool_export(respool *spool, const respool_reader_options *options,
                                             struct ArrowArrayStream *stream, respool_error *error);

/* ---- Arrow IPC bytes ------------------------------------------------------------------------------- */

/*
 * How much of the data from outside is checked before it is handed out.
 *   STRUCTURE  all metadata, sizes and positions, the ends of offset buffers, and all offsets below columns: enough
 *              that respool itself never reads out of bounds, of such a batch or some rows of it. A consumer that
 *              follows a bad one elsewhere is not protected, nor is whoever gets a column from it that was cut at
 *              one. A spool may refuse such a batch when it reads it back (respool_writer_append())
 *   FULL       also every other offset and dictionary index and the prefixes of views, so that no reference leads
 *              outside of the data (the default). UTF-8 is not checked
 */
enum { RESPOOL_VALIDATE_DEFAULT = 0, RESPOOL_VALIDATE_STRUCTURE = 1, RESPOOL_VALIDATE_FULL = 2 };

typedef struct respool_ipc_options {
  size_t struct_size;         /* set by respool_ipc_options_init() */
  int32_t validation;         /* RESPOOL_VALIDATE_... */
  int32_t allow_missing_end;  /* 1: the end of the bytes between two messages is an end of stream. 0: it is
                                  RESPOOL_TRUNCATED, since a cut stream looks just so */
  int64_t max_metadata_bytes; /* of one message; default 256 MiB */
  int64_t max_body_bytes;     /* of one message; default no limit. Memory is taken only as bytes arrive */
  int32_t max_depth;          /* nesting of types, the batch itself being 0; 1 to 64, default 64 */
  int32_t close_descriptor;   /* 1: the stream's release closes the descriptor that was given */

  /* What a compressed body may expand to, in memory: so many bytes (default 4 GiB), and so many times its own size
   * (default 1024), of which the latter holds nobody back below 64 MiB. The dictionaries in force are held to both
   * together, too. More is RESPOOL_CORRUPT. What a codec cannot make of the bytes that are there is refused in any
   * case. */
  int64_t max_expansion;
  int64_t max_expansion_ratio;
} respool_ipc_options;

/* As respool_options_init(). */
RESPOOL_EXPORT void respool_ipc_options_init(respool_ipc_options *options, size_t struct_size);

/*
 * Where bytes come from: fill up to `size` (> 0) bytes. Returns how many were filled (fewer is no end), 0 at the end of
 * the bytes, or a negative errno value. Called on the thread that is inside the stream.
 */
typedef int64_t (*respool_read_callback)(void *user_data, void *buffer, int64_t size);

/*
 * Where bytes go: take up to `size` (> 0) bytes. Returns how many were taken (at least 1), or a negative errno value.
 */
typedef int64_t (*respool_write_callback)(void *user_data, const void *buffer, int64_t size);

/*
 * Arrow IPC bytes as an ArrowArrayStream: the stream format, or the file format (recognised by its first bytes;
 * through the footer where the descriptor can seek, else in the order of the bytes, which takes the end marker that
 * writers put before the footer since 2019). Metadata versions V4 and V5, with and without continuation markers, in
 * either byte order: the arrays have the machine's. Custom metadata of the schema, of fields and of record batches
 * (respool_array_metadata()) is kept; that of a file's footer, of dictionaries, and of the message around the schema is
 * not. Reads the schema before it returns, batches as they are asked for. The descriptor is read from its current
 * position, may be non-blocking, and is closed only with `close_descriptor`.
 *   RESPOOL_CORRUPT, RESPOOL_TRUNCATED  the bytes are damaged, end early, or are not Arrow IPC
 *   RESPOOL_UNSUPPORTED  a type or compression that this version or build cannot read; big-endian buffers that are not
 *                        one after another
 *   RESPOOL_INVALID, RESPOOL_IO, RESPOOL_NO_MEMORY
 * get_next answers such errors as an errno value (EINVAL for damage, ENOTSUP, EIO or the system's, ENOMEM) with a
 * text that names the batch. After an error every later get_next answers the same. The stream itself serves one
 * thread at a time; the arrays it gives are independent of it.
 */
RESPOOL_EXPORT respool_status respool_ipc_read_fd(int fd, const respool_ipc_options *options,
                                                  struct ArrowArrayStream *stream, respool_error *error);

/* The same from a callback. `user_data` must live as long as the stream does. */
RESPOOL_EXPORT respool_status respool_ipc_read(respool_read_callback read, void *user_data,
                                               const respool_ipc_options *options, struct ArrowArrayStream *stream,
                                               respool_error *error);

typedef struct respool_ipc_write_options {
  size_t struct_size;        /* set by respool_ipc_write_options_init() */
  int32_t compression;       /* RESPOOL_COMPRESSION_..., not ADAPTIVE */
  int32_t compression_level; /* 0: the codec's usual one; see respool_options */
} respool_ipc_write_options;

/* As respool_options_init(). */
RESPOOL_EXPORT void respool_ipc_write_options_init(respool_ipc_write_options *options, size_t struct_size);

/* What was written by respool_ipc_write...(). */
typedef struct respool_ipc_totals {
  size_t struct_size; /* set by the caller: sizeof(respool_ipc_totals) */
  int64_t batches;
  int64_t rows;
  int64_t bytes;
} respool_ipc_totals;

/*
 * Pull `stream` to its end and write it as an Arrow IPC stream with end marker. The stream stays the caller's. A
 * non-blocking descriptor is waited for. `options` NULL means the defaults. `totals` may be NULL; it is filled with
 * what was written on errors too.
 *   RESPOOL_SOURCE_FAILED  the stream answered with an error: its code as `os_error`, its text. No end marker was
 *                          written
 *   RESPOOL_IO, RESPOOL_NO_SPACE  the bytes were not taken (`os_error` EPIPE: nobody reads any more)
 *   RESPOOL_INVALID        not a stream of structs, an array that does not fit the stream's schema, or an option out of
 *                          range
 *   RESPOOL_UNSUPPORTED    a schema that cannot be written, or a compression that this build does not have
 *   RESPOOL_NO_MEMORY
 */
RESPOOL_EXPORT respool_status respool_ipc_write_fd(struct ArrowArrayStream *stream, int fd,
                                                   const respool_ipc_write_options *options, respool_ipc_totals *totals,
                                                   respool_error *error);

/* The same to a callback. */
RESPOOL_EXPORT respool_status respool_ipc_write(struct ArrowArrayStream *stream, respool_write_callback write,
                                                void *user_data, const respool_ipc_write_options *options,
                                                respool_ipc_totals *totals, respool_error *error);

/*
 * The custom metadata of a record batch (`Message.custom_metadata`): key-value pairs in the encoding that the C data
 * interface has for the metadata of schemas. NULL where there is none. The C data interface has no place for it, so
 * the library keeps it beside the batches that it hands out itself: those of a stream of respool_ipc_read...(), and of
 * a reader of a spool to which such a batch was appended. respool_ipc_write...() and spools keep it with the batch, in
 * memory and in files. It is lost where a batch passes through another Arrow implementation, which makes an array of
 * its own; and the columns of a batch have none. Valid until `array` is released. NULL is allowed.
 */
RESPOOL_EXPORT const char *respool_array_metadata(const struct ArrowArray *array);

enum { RESPOOL_IPC_SCHEMA = 1, RESPOOL_IPC_DICTIONARY = 2, RESPOOL_IPC_BATCH = 3 };
enum { RESPOOL_IPC_FORMAT_STREAM = 1, RESPOOL_IPC_FORMAT_FILE = 2 };

/* One message, as inspection shows it. The library may append members in later versions. */
typedef struct respool_ipc_message {
  int32_t kind;           /* RESPOOL_IPC_SCHEMA, ... */
  int32_t version;        /* metadata version: 4 or 5 */
  int64_t offset;         /* of its first byte in the input */
  int64_t metadata_bytes; /* prefix, metadata and padding */
  int64_t body_bytes;     /* as declared, with padding */
  int64_t rows;           /* of a batch or dictionary, else 0 */
  int32_t compressed;     /* 1: the body is compressed */
  int32_t reserved;
} respool_ipc_message;

/* Return 0 to go on; anything else ends the inspection early, which then answers RESPOOL_OK with what was seen. */
typedef int (*respool_ipc_visitor)(void *user_data, const respool_ipc_message *message);

typedef struct respool_ipc_summary {
  size_t struct_size; /* set by the caller: sizeof(respool_ipc_summary) */
  int32_t format;     /* RESPOOL_IPC_FORMAT_... */
  int32_t version;    /* metadata version of the schema message: 4 or 5 */
  int32_t big_endian;
  int32_t has_end; /* 1: an end-of-stream marker was found (a file: its footer) */
  int64_t batches;
  int64_t dictionaries; /* dictionary messages */
  int64_t rows;
  int64_t metadata_bytes;
  int64_t body_bytes;
  int64_t total_bytes; /* of the input, up to and including the end marker (a file: all of it) */
} respool_ipc_summary;

/*
 * Walk over the messages of an Arrow IPC stream or file without decoding bodies. Reads from the descriptor's current
 * position; skips bodies by seeking where it can. Knows every type and compression of the format, also those that
 * cannot be read yet. `visitor` may be NULL. `schema` may be NULL, else gets the schema, for the caller to release. A
 * missing end marker is no error here: see `has_end`. Errors: as respool_ipc_read_fd(). On an error `summary` holds
 * what was seen before, and `schema` is not set.
 */
RESPOOL_EXPORT respool_status respool_ipc_inspect_fd(int fd, const respool_ipc_options *options,
                                                     respool_ipc_visitor visitor, void *user_data,
                                                     struct ArrowSchema *schema, respool_ipc_summary *summary,
                                                     respool_error *error);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* RESPOOL_RESPOOL_H */
