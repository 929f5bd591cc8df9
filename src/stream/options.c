/* SPDX-License-Identifier: Apache-2.0 */
/* The options of the IPC functions: defaults and checks. */
#include "stream/options.h"

#include "arrow/layout.h"
#include "ipc/codec.h"
#include "support/error.h"
#include "support/options.h"

#include <string.h>

void respool_ipc_options_init(respool_ipc_options *options, size_t struct_size) {
  if (options == NULL) return;
  respool_ipc_options defaults = {.validation = RESPOOL_VALIDATE_DEFAULT,
                                  .max_metadata_bytes = (int64_t)256 << 20,
                                  .max_body_bytes = INT64_MAX,
                                  .max_depth = LAYOUT_MAX_DEPTH,
                                  .max_expansion = (int64_t)4 << 30,
                                  .max_expansion_ratio = 1024};
  defaults.struct_size = sizeof defaults;
  memcpy(options, &struct_size, sizeof struct_size);
  options_give(&defaults, sizeof defaults, options, NULL);
}

respool_status ipc_options_read(const respool_ipc_options *given, respool_ipc_options *options, respool_error *error) {
  respool_ipc_options_init(options, sizeof *options);
  respool_status status = options_merge(given, options, sizeof *options, error);
  if (status != RESPOOL_OK) return status;
  if (options->validation < RESPOOL_VALIDATE_DEFAULT || options->validation > RESPOOL_VALIDATE_FULL) {
    return error_set(error, RESPOOL_INVALID, "validation %d is none of RESPOOL_VALIDATE_...", options->validation);
  }
  if ((options->allow_missing_end | options->close_descriptor | 1) != 1) {
    return error_set(error, RESPOOL_INVALID, "allow_missing_end or close_descriptor is neither 0 nor 1");
  }
  if (options->max_metadata_bytes < 1 || options->max_body_bytes < 0) {
    return error_set(error, RESPOOL_INVALID, "max_metadata_bytes or max_body_bytes is negative or zero");
  }
  if (options->max_depth < 1 || options->max_depth > LAYOUT_MAX_DEPTH) {
    return error_set(error, RESPOOL_INVALID, "max_depth %d is not in 1 to %d", options->max_depth, LAYOUT_MAX_DEPTH);
  }
  if (options->max_expansion < 0 || options->max_expansion_ratio < 0) {
    return error_set(error, RESPOOL_INVALID, "max_expansion or max_expansion_ratio is negative");
  }
  return RESPOOL_OK;
}

void respool_ipc_write_options_init(respool_ipc_write_options *options, size_t struct_size) {
  if (options == NULL) return;
  respool_ipc_write_options defaults = {.struct_size = sizeof defaults};
  memcpy(options, &struct_size, sizeof struct_size);
  options_give(&defaults, sizeof defaults, options, NULL);
}

respool_status ipc_write_options_read(const respool_ipc_write_options *given, respool_ipc_write_options *options,
                                      respool_error *error) {
  respool_ipc_write_options_init(options, sizeof *options);
  respool_status status = options_merge(given, options, sizeof *options, error);
  if (status != RESPOOL_OK) return status;
  return codec_check(options->compression, options->compression_level, error);
}
