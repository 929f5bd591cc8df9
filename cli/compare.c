/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two schemas have the same fields. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "metadata.h"
#include "types.h"

/* What is being compared: the path of names down to the field, for the message. */
struct comparison {
  char path[512];
  char *why;
  size_t why_size;
};

static const char *or_empty(const char *text) {
  return text ? text : "";
}

/* Whether the values of `key` are the same, or both missing. */
static bool same_metadata(const struct ArrowSchema *first, const struct ArrowSchema *other, const char *key) {
  struct metadata a = {0};
  struct metadata b = {0};
  bool in_first = metadata_find(&a, first->metadata, key);
  bool in_other = metadata_find(&b, other->metadata, key);
  if (!in_first || !in_other) return in_first == in_other;
  return a.value_length == b.value_length && memcmp(a.value, b.value, a.value_length) == 0;
}

static bool same_extension(const struct ArrowSchema *first, const struct ArrowSchema *other) {
  return same_metadata(first, other, "ARROW:extension:name") && same_metadata(first, other, "ARROW:extension:metadata");
}

static bool same_type(const struct ArrowSchema *first, const struct ArrowSchema *other) {
  int64_t flags = first->flags ^ other->flags;
  bool same = strcmp(first->format, other->format) == 0;
  return same && !(flags & ~(int64_t)ARROW_FLAG_NULLABLE) && !first->dictionary == !other->dictionary;
}

static bool differ(struct comparison *comparison, const char *is, const char *was) {
  snprintf(comparison->why, comparison->why_size, "field '%s' is %s but %s", comparison->path, is, was);
  return false;
}

static bool same_count(struct comparison *comparison, const struct ArrowSchema *first,
                       const struct ArrowSchema *other) {
  if (first->n_children == other->n_children) return true;
  const char *where = comparison->path;
  snprintf(comparison->why, comparison->why_size, "%s%s%s%" PRId64 " fields but %" PRId64, *where ? "field '" : "",
           where, *where ? "' has " : "has ", other->n_children, first->n_children);
  return false;
}

static bool same_field(struct comparison *comparison, const struct ArrowSchema *first, const struct ArrowSchema *other);

static bool same_child(struct comparison *comparison, const struct ArrowSchema *first, const struct ArrowSchema *other,
                       int64_t index) {
  const char *name = or_empty(other->name);
  const char *expected = or_empty(first->name);
  size_t length = strlen(comparison->path);
  snprintf(comparison->path + length, sizeof comparison->path - length, "%s%s", length ? "." : "", name);
  if (strcmp(name, expected) != 0) {
    snprintf(comparison->why, comparison->why_size, "field %" PRId64 " is named '%s' but '%s'", index + 1,
             comparison->path, expected);
    return false;
  }
  bool same = same_field(comparison, first, other);
  comparison->path[length] = '\0';
  return same;
}

static bool same_children(struct comparison *comparison, const struct ArrowSchema *first,
                          const struct ArrowSchema *other) {
  if (!same_count(comparison, first, other)) return false;
  for (int64_t i = 0; i < first->n_children; i++) {
    if (!same_child(comparison, first->children[i], other->children[i], i)) return false;
  }
  return true;
}

static bool same_field(struct comparison *comparison, const struct ArrowSchema *first,
                       const struct ArrowSchema *other) {
  if (!same_type(first, other)) {
    char is[128];
    char was[128];
    type_words(is, sizeof is, other);
    type_words(was, sizeof was, first);
    return differ(comparison, is, was);
  }
  if ((first->flags ^ other->flags) & ARROW_FLAG_NULLABLE) {
    bool nullable = other->flags & ARROW_FLAG_NULLABLE;
    return differ(comparison, nullable ? "nullable" : "not nullable", nullable ? "not nullable" : "nullable");
  }
  if (!same_extension(first, other)) return differ(comparison, "of one extension type", "of another");
  if (!same_children(comparison, first, other)) return false;
  return !first->dictionary || same_field(comparison, first->dictionary, other->dictionary);
}

bool type_same_fields(const struct ArrowSchema *first, const struct ArrowSchema *other, char *why, size_t why_size) {
  struct comparison comparison = {.why = why, .why_size = why_size};
  return same_children(&comparison, first, other);
}
