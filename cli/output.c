/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output as the place of an Arrow stream. */
#include "output.h"

#include <errno.h>
#include <unistd.h>

#include "channel.h"
#include "report.h"
#include "tool.h"

static const char name[] = "standard output";

int output_check(void) {
  if (!isatty(STDOUT_FILENO)) return TOOL_OK;
  return report_usage("standard output is a terminal, and Arrow data is binary: redirect it to a file or pipe");
}

int output_stream(struct ArrowArrayStream *stream, const respool_ipc_write_options *options, respool_error *error) {
  *error = (respool_error){0};
  channel_widen(STDOUT_FILENO);
  respool_status status = respool_ipc_write_fd(stream, STDOUT_FILENO, options, NULL, error);
  if (status == RESPOOL_IO && error->os_error == EPIPE) return TOOL_OK;
  if (status != RESPOOL_OK) {
    if (status != RESPOOL_SOURCE_FAILED) report_error(name, "%s", error->message);
    return TOOL_FAILED;
  }
  /* Some file systems tell only now that the disk is full. */
  if (close(STDOUT_FILENO) != 0 && errno != EINTR) {
    report_errno(name, "cannot be written", errno);
    return TOOL_FAILED;
  }
  return TOOL_OK;
}
