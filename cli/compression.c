/* SPDX-License-Identifier: Apache-2.0 */
/* --compress and --compress-spool: how bodies are compressed. */
#include "compression.h"

#include <stddef.h>
#include <string.h>

#include "numbers.h"
#include "report.h"

static const struct codec {
  const char *name;
  int32_t compression;
  uint64_t most_level;
} codecs[] = {{"none", RESPOOL_COMPRESSION_NONE, 0},
              {"lz4", RESPOOL_COMPRESSION_LZ4, 12},
              {"zstd", RESPOOL_COMPRESSION_ZSTD, 22},
              {"adaptive", RESPOOL_COMPRESSION_ADAPTIVE, 0}};

enum { CODECS = sizeof codecs / sizeof *codecs, CODECS_OF_STREAMS = CODECS - 1 };

static const struct codec *find(const char *name, size_t length, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strlen(codecs[i].name) == length && strncmp(codecs[i].name, name, length) == 0) return &codecs[i];
  }
  return NULL;
}

/* One of the first `count`, which `names` lists. */
static int parse(const char *option, const char *value, size_t count, const char *names,
                 respool_ipc_write_options *options) {
  const char *colon = strchr(value, ':');
  const struct codec *codec = find(value, colon ? (size_t)(colon - value) : strlen(value), count);
  uint64_t level = 0;
  bool good = codec && (!colon || (number_word(colon + 1, &level) && level >= 1 && level <= codec->most_level));
  if (!good) {
    return report_usage("%s takes %s, lz4 and zstd with a level if wanted (lz4:1 to lz4:12, zstd:1 to zstd:22), "
                        "not '%s'",
                        option, names, value);
  }
  if (!respool_compression_available(codec->compression)) {
    return report_usage("%s: this build has no %s compression", option, codec->name);
  }
  options->compression = codec->compression;
  options->compression_level = (int32_t)level;
  return -1;
}

int compression_parse(const char *option, const char *value, respool_ipc_write_options *options) {
  return parse(option, value, CODECS_OF_STREAMS, "none, lz4 or zstd", options);
}

int compression_parse_spool(const char *option, const char *value, respool_ipc_write_options *options) {
  return parse(option, value, CODECS, "none, lz4, zstd or adaptive", options);
}
