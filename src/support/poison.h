/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling the address sanitizer, where it is built in, which bytes of a block nobody may touch: memory that is handed
 * out again and again is larger than what it holds, and a step behind that would go unseen. May call: nothing.
 */
#ifndef RESPOOL_SUPPORT_POISON_H
#define RESPOOL_SUPPORT_POISON_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RESPOOL_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define RESPOOL_POISON 1
#endif

#ifdef RESPOOL_POISON
#include <sanitizer/asan_interface.h>
#endif

/* Of `capacity` bytes the first `size` may be touched. */
static inline void poison_behind(const void *bytes, size_t size, size_t capacity) {
#ifdef RESPOOL_POISON
  __asan_unpoison_memory_region(bytes, capacity);
  __asan_poison_memory_region((const char *)bytes + size, capacity - size);
#else
  (void)bytes;
  (void)size;
  (void)capacity;
#endif
}

#endif
