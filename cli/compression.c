/* SPDX-License-Identifier: Apache-2.0 */
/* --compress: how bodies are compressed. */
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
              {"zstd", RESPOOL_COMPRESSION_ZSTD, 22}};

static const struct codec *find(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
    if (strlen(codecs[i].name) == length && strncmp(codecs[i].name, name, length) == 0) return &codecs[i];
  }
  return NULL;
}

int compression_parse(const char *option, const char *value, respool_ipc_write_options *options) {
  const char *colon = strchr(value, ':');
  const struct codec *codec = find(value, colon ? (size_t)(colon - value) : strlen(value));
  uint64_t level = 0;
  bool good = codec && (!colon || (number_word(colon + 1, &level) && level >= 1 && level <= codec->most_level));
  if (!good) {
    return report_usage("%s takes none, lz4 or zstd, with a level if wanted (lz4:1 to lz4:12, zstd:1 to zstd:22), "
                        "not '%s'",
                        option, value);
  }
  if (!respool_compression_available(codec->compression)) {
    return report_usage("%s: this build has no %s compression", option, codec->name);
  }
  options->compression = codec->compression;
  options->compression_level = (int32_t)level;
  return -1;
}
