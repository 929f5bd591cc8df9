/* SPDX-License-Identifier: Apache-2.0 */
/* The random options of a program: whatever a spool can be given is drawn here. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array)         ((int64_t)(sizeof(array) / sizeof((array)[0])))
#define CHOOSE(random, from) ((from)[kit_random_below((random), COUNT(from))])

/* Every type that is stored in a way of its own, for half of the programs; the others draw their schema. */
static const char usual_fields[] =
    "{id:int64!,text:utf8,items:list<item:int32>,flag:bool,word:dictionary(c)<:struct<a:dictionary(s)<:utf8>>>,"
    "some:dense_union(0,1)<a:int8,b:utf8_view>}";

static void draw_schema(program *p, kit_random *random) {
  if (kit_random_chance(random, 0.5)) {
    kit_schema_parse(usual_fields, &p->schema);
    return;
  }
  char *text = kit_schema_random_text(random, 4, 2);
  kit_schema_parse(text, &p->schema);
  free(text);
}

/* A pool with a file in it that an earlier spool has written other things to. */
static respool_pool *open_used_pool(const char *directory) {
  respool_pool *pool = NULL;
  kit_spool s;
  CHECK_OK(respool_pool_create(NULL, &pool, kit_error()));
  respool_options options = kit_options(0, RESPOOL_MODE_OVERFLOW, directory);
  options.pool = pool;
  kit_spool_open(&s, "{number:int32}", &options);
  for (int32_t i = 0; i < 4; i++) {
    struct ArrowArray array;
    kit_batch_filled(1 << 16, i, &array);
    kit_append(s.writer, &array);
  }
  CHECK_OK(respool_writer_flush(s.writer, kit_error()));
  kit_spool_close(&s);
  return pool;
}

static void draw_pool(program *p, kit_random *random) {
  if (!kit_random_chance(random, 0.4)) return;
  if (p->plan.pool == NULL) p->pool = open_used_pool(p->plan.directory);
  p->options.pool = p->plan.pool != NULL ? p->plan.pool : p->pool;
}

static void draw_place(program *p, kit_random *random) {
  static atomic_llong number;
  bool named = p->options.mode == RESPOOL_MODE_ALL ||
               (p->options.mode == RESPOOL_MODE_ON_LIMIT && kit_random_chance(random, 0.5));
  if (named) {
    char name[40];
    snprintf(name, sizeof name, "spool-%lld", atomic_fetch_add(&number, 1));
    p->options.path = kit_join(p->path, p->plan.directory, name);
  } else {
    p->options.directory = p->plan.directory;
  }
}

/* What is done where the disk is full: most programs meet that with nothing. */
static void draw_fullness(program *p, kit_random *random) {
  static const int64_t budgets[] = {4096, 20000, 100000, 1 << 20};
  static const int64_t caps[] = {100, 10000, 100000};
  static const int64_t times[] = {1, 100000, 2000000};
  if (kit_random_chance(random, 0.15)) p->options.disk_budget = CHOOSE(random, budgets);
  if (kit_random_chance(random, 0.15)) p->options.memory_cap = CHOOSE(random, caps);
  if (kit_random_chance(random, 0.15)) p->options.full_timeout = CHOOSE(random, times);
  p->more_directories[0] = p->plan.directory;
  if (p->options.path == NULL && kit_random_chance(random, 0.15)) p->options.more_directories = p->more_directories;
}

static void draw_compression(respool_options *options, kit_random *random) {
  static const int32_t codecs[] = {RESPOOL_COMPRESSION_NONE, RESPOOL_COMPRESSION_NONE, RESPOOL_COMPRESSION_LZ4,
                                   RESPOOL_COMPRESSION_ZSTD, RESPOOL_COMPRESSION_ADAPTIVE};
  int32_t codec = CHOOSE(random, codecs);
  if (respool_compression_available(codec)) options->compression = codec;
}

/* What may be another with each spool that goes on with a file. */
static void draw_changing(program *p, kit_random *random) {
  static const int64_t limits[] = {0, 0, 700, 6000, 40000, 1 << 20, RESPOOL_NO_LIMIT};
  static const int64_t chunks[] = {4096, 4097, 16384, 1 << 20};
  p->options.memory_limit = CHOOSE(random, limits);
  p->options.write_chunk = CHOOSE(random, chunks);
  p->options.replay = (int32_t)kit_random_below(random, 3);
  p->options.defer_release = kit_random_chance(random, 0.3);
  p->options.sync_on_finish = kit_random_chance(random, 0.2);
  p->options.checksums = kit_random_chance(random, 0.4);
  bool may_encrypt = p->options.path == NULL && p->options.replay != RESPOOL_REPLAY_MAP;
  p->options.encryption = may_encrypt && respool_encryption_available() && kit_random_chance(random, 0.4);
  draw_compression(&p->options, random);
  draw_fullness(p, random);
  p->drops_behind = p->plan.until == NULL && kit_random_chance(random, 0.15);
}

void options_draw(program *p, kit_random *random) {
  draw_schema(p, random);
  respool_options_init(&p->options, sizeof p->options);
  p->options.mode = (int32_t)kit_random_between(random, RESPOOL_MODE_OVERFLOW, RESPOOL_MODE_ALL);
  draw_place(p, random);
  draw_pool(p, random);
  draw_changing(p, random);
}

void options_draw_again(program *p, kit_random *random) {
  const char *path = p->options.path;
  respool_pool *pool = p->options.pool;
  respool_options_init(&p->options, sizeof p->options);
  p->options.mode = (int32_t)kit_random_between(random, RESPOOL_MODE_ON_LIMIT, RESPOOL_MODE_ALL);
  p->options.path = path;
  p->options.pool = pool;
  p->options.reopen = 1;
  draw_changing(p, random);
}

bool options_may_refuse(const program *p) {
  return p->plan.faults || p->options.disk_budget != RESPOOL_NO_LIMIT;
}
