/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios: each mode, named and not, mapped and read, with readers before, during and after. */
#include "play.h"

#define COUNTED(steps)             steps, sizeof(steps) / sizeof((steps)[0])
#define PACKED(steps, compression) COUNTED(steps), compression, false, 0, 0
#define STEPS(steps)               PACKED(steps, RESPOOL_COMPRESSION_NONE)
#define DICTIONARY_STEPS(steps)    COUNTED(steps), RESPOOL_COMPRESSION_NONE, true, 0, 0
#define ENCRYPTED(steps)           COUNTED(steps), RESPOOL_COMPRESSION_NONE, true, 0, 1
#define CHECKED(steps)             COUNTED(steps), RESPOOL_COMPRESSION_NONE, true, 1, 0

/* A stream that passes its limit, is flushed, and read by one who follows and one who comes late. */
static const struct step ordinary[] = {
    {OP_OPEN, 0}, {OP_APPEND, 2}, {OP_READ, 0}, {OP_APPEND, 4}, {OP_READ, 0}, {OP_FLUSH, 0}, {OP_APPEND, 3},
    {OP_OPEN, 0}, {OP_APPEND, 4}, {OP_READ, 0}, {OP_FINISH, 0}, {OP_OPEN, 0}, {OP_READ, 0},
};

/* Never over the limit, until somebody wants the memory back; then on. */
static const struct step under_pressure[] = {
    {OP_APPEND, 3},   {OP_OPEN, 0},   {OP_READ, 0},  {OP_SPILL, 2000}, {OP_APPEND, 3},
    {OP_LIMIT, 1000}, {OP_APPEND, 2}, {OP_READ, 0},  {OP_SPILL, 0},    {OP_LIMIT, 20000},
    {OP_APPEND, 3},   {OP_FINISH, 0}, {OP_SPILL, 0}, {OP_READ, 0},
};

/* Batches pulled from streams, with plain ones between. */
static const struct step from_streams[] = {
    {OP_OPEN, 0}, {OP_STREAM, 5}, {OP_READ, 0},   {OP_APPEND, 1}, {OP_STREAM, 6}, {OP_FLUSH, 0},
    {OP_READ, 0}, {OP_CLOSE, 0},  {OP_STREAM, 2}, {OP_OPEN, 0},   {OP_FINISH, 0}, {OP_READ, 0},
};

/* Readers come and go, and hold what they got across everything. */
static const struct step come_and_go[] = {
    {OP_APPEND, 6}, {OP_OPEN, 0}, {OP_READ, 0}, {OP_OPEN, 0},  {OP_APPEND, 3}, {OP_READ, 0}, {OP_CLOSE, 0},
    {OP_APPEND, 4}, {OP_OPEN, 0}, {OP_READ, 0}, {OP_CLOSE, 0}, {OP_FINISH, 0}, {OP_READ, 0},
};

enum { CHUNK = 4096, SMALL = 4000, LARGE = 60000 };

const struct scenario scenarios[] = {
    {"overflow, mapped", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false, false, false, SMALL, CHUNK, STEPS(ordinary)},
    {"overflow at once, read", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_READ, false, true, false, 0, CHUNK,
     STEPS(come_and_go)},
    {"overflow under pressure", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_AUTO, false, false, false, LARGE, CHUNK,
     STEPS(under_pressure)},
    {"overflow from streams", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false, true, false, SMALL, CHUNK,
     STEPS(from_streams)},
    {"on_limit, anonymous", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_MAP, false, false, false, SMALL, CHUNK,
     STEPS(ordinary)},
    {"on_limit, named, read", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_READ, true, false, false, SMALL, CHUNK,
     STEPS(ordinary)},
    {"on_limit, named, under pressure", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_MAP, true, false, false, LARGE, CHUNK,
     STEPS(under_pressure)},
    {"on_limit at once, from streams, synced", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_AUTO, true, false, true, 0, CHUNK,
     STEPS(from_streams)},
    {"all", RESPOOL_MODE_ALL, RESPOOL_REPLAY_READ, true, false, false, SMALL, CHUNK, STEPS(ordinary)},
    {"all, mapped, readers come and go", RESPOOL_MODE_ALL, RESPOOL_REPLAY_MAP, true, true, false, 0, CHUNK,
     STEPS(come_and_go)},
    {"all, under pressure", RESPOOL_MODE_ALL, RESPOOL_REPLAY_AUTO, true, false, false, LARGE, CHUNK,
     STEPS(under_pressure)},
    {"all, from streams, synced, large chunks", RESPOOL_MODE_ALL, RESPOOL_REPLAY_READ, true, false, true, SMALL, LARGE,
     STEPS(from_streams)},
    {"overflow, mapped, lz4", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false, false, false, SMALL, CHUNK,
     PACKED(ordinary, RESPOOL_COMPRESSION_LZ4)},
    {"all, read, zstd", RESPOOL_MODE_ALL, RESPOOL_REPLAY_READ, true, false, false, 0, CHUNK,
     PACKED(come_and_go, RESPOOL_COMPRESSION_ZSTD)},
    {"dictionaries, overflow, mapped", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false, false, false, SMALL, CHUNK,
     DICTIONARY_STEPS(ordinary)},
    {"dictionaries, on_limit, under pressure", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_READ, false, false, false, LARGE,
     CHUNK, DICTIONARY_STEPS(under_pressure)},
    {"dictionaries, all, zstd, readers come and go", RESPOOL_MODE_ALL, RESPOOL_REPLAY_READ, true, false, false, 0,
     CHUNK, COUNTED(come_and_go), RESPOOL_COMPRESSION_ZSTD, true, 0, 0},
    {"overflow, read, adaptive", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_READ, false, false, false, SMALL, CHUNK,
     PACKED(ordinary, RESPOOL_COMPRESSION_ADAPTIVE)},
    {"dictionaries, all, adaptive", RESPOOL_MODE_ALL, RESPOOL_REPLAY_MAP, true, false, false, 0, CHUNK,
     COUNTED(ordinary), RESPOOL_COMPRESSION_ADAPTIVE, true, 0, 0},
    {"checksums, overflow, mapped", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_MAP, false, false, false, SMALL, CHUNK,
     CHECKED(ordinary)},
    {"checksums, on_limit, read, under pressure", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_READ, false, false, false,
     LARGE, CHUNK, CHECKED(under_pressure)},
    {"encrypted, overflow", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_AUTO, false, false, false, SMALL, CHUNK,
     ENCRYPTED(ordinary)},
    {"encrypted, on_limit, readers come and go", RESPOOL_MODE_ON_LIMIT, RESPOOL_REPLAY_READ, false, true, false, 0,
     CHUNK, ENCRYPTED(come_and_go)},
    {"encrypted, lz4, under pressure", RESPOOL_MODE_OVERFLOW, RESPOOL_REPLAY_AUTO, false, false, false, LARGE, CHUNK,
     COUNTED(under_pressure), RESPOOL_COMPRESSION_LZ4, false, 0, 1},
};

const int scenario_count = sizeof scenarios / sizeof scenarios[0];
