/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a spool: defaults, checks, and what follows from them. */
#include "spool/spool.h"

#include "ipc/codec.h"
#include "os/file.h"
#include "store/cipher.h"
#include "support/alloc.h"
#include "support/error.h"
#include "support/options.h"

#include <string.h>

void respool_options_init(respool_options *options, size_t struct_size) {
  if (options == NULL) return;
  respool_options defaults = {.struct_size = sizeof defaults,
                              .memory_limit = RESPOOL_DEFAULT_MEMORY_LIMIT,
                              .write_chunk = RESPOOL_DEFAULT_WRITE_CHUNK,
                              .disk_budget = RESPOOL_NO_LIMIT};
  memcpy(options, &struct_size, sizeof struct_size);
  options_give(&defaults, sizeof defaults, options, NULL);
}

enum { CHUNK_LEAST = 4 << 10, CHUNK_MOST = 1 << 30, MORE_MOST = STORE_FILES_MOST - 1 };

static respool_status check_ranges(const respool_options *options, respool_error *error) {
  if (options->memory_limit < 0) {
    return error_set(error, RESPOOL_INVALID, "memory_limit is negative: 0 spills at once, RESPOOL_NO_LIMIT never");
  }
  if (options->write_chunk < CHUNK_LEAST || options->write_chunk > CHUNK_MOST) {
    return error_set(error, RESPOOL_INVALID, "write_chunk %lld is not in 4 KiB to 1 GiB",
                     (long long)options->write_chunk);
  }
  if (options->mode < RESPOOL_MODE_DEFAULT || options->mode > RESPOOL_MODE_ALL) {
    return error_set(error, RESPOOL_INVALID, "mode %d is none of RESPOOL_MODE_...", options->mode);
  }
  if (options->replay < RESPOOL_REPLAY_AUTO || options->replay > RESPOOL_REPLAY_READ) {
    return error_set(error, RESPOOL_INVALID, "replay %d is none of RESPOOL_REPLAY_...", options->replay);
  }
  int32_t switches = options->defer_release | options->sync_on_finish | options->reopen | options->checksums;
  if ((switches | 1) != 1) {
    return error_set(error, RESPOOL_INVALID, "defer_release, sync_on_finish, reopen or checksums is neither 0 nor 1");
  }
  return codec_check_spool(options->compression, options->compression_level, error);
}

static respool_status check_full(const respool_options *options, respool_error *error) {
  if (options->disk_budget < 0 || options->memory_cap < 0 || options->full_timeout < RESPOOL_WAIT_FOREVER) {
    return error_set(error, RESPOOL_INVALID, "disk_budget, memory_cap or full_timeout is out of range");
  }
  const char *const *more = options->more_directories;
  if (more == NULL) return RESPOOL_OK;
  if (options->path != NULL) {
    return error_set(error, RESPOOL_INVALID, "more_directories are for anonymous files: they do not go with a path");
  }
  int count = 0;
  for (; more[count] != NULL; count++) {
    if (more[count][0] == '\0') return error_set(error, RESPOOL_INVALID, "more_directories[%d] is empty", count);
    if (count == MORE_MOST) return error_set(error, RESPOOL_INVALID, "more than %d more_directories", MORE_MOST);
  }
  return RESPOOL_OK;
}

static respool_status choose_mode(respool_options *options, respool_error *error) {
  bool named = options->path != NULL;
  if (options->mode == RESPOOL_MODE_DEFAULT) options->mode = named ? RESPOOL_MODE_ALL : RESPOOL_MODE_OVERFLOW;
  if (options->mode == RESPOOL_MODE_OVERFLOW && named) {
    return error_set(error, RESPOOL_INVALID,
                     "mode overflow writes only a part of the stream: it takes no path (modes all and on_limit do)");
  }
  if (options->mode == RESPOOL_MODE_ALL && !named) {
    return error_set(error, RESPOOL_INVALID, "mode all writes a file to keep: it needs a path");
  }
  if (options->reopen != 0 && !named) {
    return error_set(error, RESPOOL_INVALID, "reopen goes on with a named file: it needs a path");
  }
  if (named && options->directory != NULL) {
    return error_set(error, RESPOOL_INVALID, "a directory is for anonymous files: it does not go with a path");
  }
  if ((named && options->path[0] == '\0') || (options->directory != NULL && options->directory[0] == '\0')) {
    return error_set(error, RESPOOL_INVALID, "the path or directory is empty");
  }
  return RESPOOL_OK;
}

void spool_free_directories(respool_options *options) {
  const char *const *more = options->more_directories;
  for (int i = 0; more != NULL && more[i] != NULL; i++) mem_free((void *)(uintptr_t)more[i]);
  mem_free((void *)(uintptr_t)more);
}

/* What is there on failure is the options', too. */
static respool_status copy_directories(const char *const *more, respool_options *options, respool_error *error) {
  char **copy = mem_zalloc((MORE_MOST + 1) * sizeof *copy);
  if (copy == NULL) return error_no_memory(error);
  options->more_directories = (const char *const *)copy;
  respool_status status = RESPOOL_OK;
  for (int i = 0; more[i] != NULL && status == RESPOOL_OK; i++) status = os_absolute(more[i], &copy[i], error);
  return status;
}

static respool_status check_encryption(const respool_options *options, respool_error *error) {
  if (options->encryption == 0) return RESPOOL_OK;
  if (options->encryption != 1) {
    return error_set(error, RESPOOL_INVALID, "encryption %d is neither 0 nor 1", options->encryption);
  }
  if (options->path != NULL) {
    return error_set(error, RESPOOL_INVALID,
                     "encryption is for anonymous files: one with a path could not be read once the key is gone");
  }
  if (options->replay == RESPOOL_REPLAY_MAP) {
    return error_set(error, RESPOOL_INVALID, "what is encrypted cannot be mapped: replay must be AUTO or READ");
  }
  return cipher_need(error);
}

/*
 * A named file can be changed by others, so it always has checksums. What is encrypted needs none: decrypting it shows
 * as much.
 */
struct sealing spool_sealing(const respool_options *options) {
  if (options->encryption != 0) return (struct sealing){.kind = SEAL_ENCRYPTED};
  bool checked = options->path != NULL || options->checksums != 0;
  return (struct sealing){.kind = checked ? SEAL_CHECKSUM : SEAL_NONE};
}

respool_status spool_copy_strings(respool_options *options, respool_error *error) {
  char *path = NULL;
  char *directory = NULL;
  respool_status status = RESPOOL_OK;
  if (options->path != NULL) status = os_absolute(options->path, &path, error);
  if (status == RESPOOL_OK && options->directory != NULL) status = os_absolute(options->directory, &directory, error);
  options->path = path;
  options->directory = directory;
  const char *const *more = options->more_directories;
  options->more_directories = NULL;
  if (status == RESPOOL_OK && more != NULL) status = copy_directories(more, options, error);
  return status;
}

respool_status spool_read_options(const respool_options *given, respool_options *options, respool_error *error) {
  respool_options_init(options, sizeof *options);
  respool_status status = options_merge(given, options, sizeof *options, error);
  if (status == RESPOOL_OK) status = check_ranges(options, error);
  if (status == RESPOOL_OK) status = check_full(options, error);
  if (status == RESPOOL_OK) status = choose_mode(options, error);
  if (status == RESPOOL_OK) status = check_encryption(options, error);
  return status;
}
