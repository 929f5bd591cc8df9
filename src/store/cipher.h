/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encryption: AES-256-GCM, by libcrypto, which a build may lack. Messages, of less than 64 GiB, are told apart by a
 * number, which must never be used twice with one key. May call: os, support.
 */
#ifndef RESPOOL_STORE_CIPHER_H
#define RESPOOL_STORE_CIPHER_H

#include "respool/respool.h"

#include <stdbool.h>

enum { CIPHER_TAG = 16 };

bool cipher_available(void);

/* RESPOOL_UNSUPPORTED where it is not. */
respool_status cipher_need(respool_error *error);

/* A key, random and known to nobody, which is wiped on closing. It is not changed, so any thread may use it. */
struct cipher_key;
respool_status cipher_key_open(struct cipher_key **key, respool_error *error);
void cipher_key_close(struct cipher_key *key);

/* Encrypts one message after another. It holds the key in another form, which is wiped on closing. */
struct cipher;
respool_status cipher_open(const struct cipher_key *key, struct cipher **cipher, respool_error *error);
void cipher_close(struct cipher *cipher);
respool_status cipher_begin(struct cipher *cipher, uint64_t number, respool_error *error);
respool_status cipher_add(struct cipher *cipher, const uint8_t *from, size_t length, uint8_t *to, respool_error *error);
respool_status cipher_end(struct cipher *cipher, uint8_t tag[CIPHER_TAG], respool_error *error);

/*
 * Decrypt a whole message; `to` may be `from`. `*genuine`: it is what was encrypted under this number; if not, what is
 * at `to` is of no use.
 */
respool_status cipher_decrypt(const struct cipher_key *key, uint64_t number, const uint8_t tag[CIPHER_TAG],
                              const uint8_t *from, int64_t length, uint8_t *to, bool *genuine, respool_error *error);

#endif
