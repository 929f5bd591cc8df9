/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM by libcrypto: see cipher.h. Its context is what stands for struct cipher. */
#include "store/cipher.h"

#include "os/secret.h"
#include "support/alloc.h"
#include "support/error.h"

#include <string.h>

int respool_encryption_available(void) {
  return cipher_available() ? 1 : 0;
}

respool_status cipher_need(respool_error *error) {
  if (cipher_available()) return RESPOOL_OK;
  return error_set(error, RESPOOL_UNSUPPORTED, "there is no encryption: this build was made without libcrypto, or %s",
                   "libcrypto has no AES-256-GCM here");
}

#ifndef RESPOOL_HAVE_CRYPTO

bool cipher_available(void) {
  return false;
}

/* Nobody comes here: cipher_need() was asked before. */

respool_status cipher_key_open(struct cipher_key **key, respool_error *error) {
  (void)key;
  return cipher_need(error);
}

void cipher_key_close(struct cipher_key *key) {
  (void)key;
}

respool_status cipher_open(const struct cipher_key *key, struct cipher **cipher, respool_error *error) {
  (void)key;
  (void)cipher;
  return cipher_need(error);
}

void cipher_close(struct cipher *cipher) {
  (void)cipher;
}

respool_status cipher_begin(struct cipher *cipher, uint64_t number, respool_error *error) {
  (void)cipher;
  (void)number;
  return cipher_need(error);
}

respool_status cipher_add(struct cipher *cipher, const uint8_t *from, size_t length, uint8_t *to,
                          respool_error *error) {
  (void)cipher;
  (void)from;
  (void)length;
  (void)to;
  return cipher_need(error);
}

respool_status cipher_end(struct cipher *cipher, uint8_t tag[CIPHER_TAG], respool_error *error) {
  (void)cipher;
  (void)tag;
  return cipher_need(error);
}

respool_status cipher_decrypt(const struct cipher_key *key, uint64_t number, const uint8_t tag[CIPHER_TAG],
                              const uint8_t *from, int64_t length, uint8_t *to, bool *genuine, respool_error *error) {
  (void)key;
  (void)number;
  (void)tag;
  (void)from;
  (void)length;
  (void)to;
  (void)genuine;
  return cipher_need(error);
}

#else

#include <openssl/err.h>
#include <openssl/evp.h>

enum { KEY_BYTES = 32, NONCE_BYTES = 12, STEP = 1 << 30 };

struct cipher_key {
  struct os_secret secret;
  const EVP_CIPHER *method;
  EVP_CIPHER *fetched; /* the same, where it is ours to give back */
};

/* ---- The library ------------------------------------------------------------------------------------- */

#if OPENSSL_VERSION_NUMBER >= 0x30000000L

/* Looked up once, since that takes longer than a small message. */
static bool find_method(struct cipher_key *key) {
  ERR_set_mark(); /* the program may use the library too, and look at its errors */
  key->method = key->fetched = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
  ERR_pop_to_mark();
  return key->method != NULL;
}

static void leave_method(struct cipher_key *key) {
  EVP_CIPHER_free(key->fetched);
}

#else

static bool find_method(struct cipher_key *key) {
  key->method = EVP_aes_256_gcm();
  return key->method != NULL;
}

static void leave_method(struct cipher_key *key) {
  (void)key;
}

#endif

bool cipher_available(void) {
  struct cipher_key key = {0};
  bool found = find_method(&key);
  if (found) leave_method(&key);
  return found;
}

/* With valid arguments only memory can be wanting. */
__attribute__((cold)) static respool_status refuse(respool_error *error) {
  return error_set(error, RESPOOL_NO_MEMORY, "libcrypto could not encrypt or decrypt: it may be short of memory");
}

static void make_nonce(uint64_t number, uint8_t nonce[NONCE_BYTES]) {
  memset(nonce, 0, NONCE_BYTES);
  memcpy(nonce + NONCE_BYTES - sizeof number, &number, sizeof number);
}

/* ---- Keys -------------------------------------------------------------------------------------------- */

respool_status cipher_key_open(struct cipher_key **key, respool_error *error) {
  struct cipher_key *made = mem_zalloc(sizeof *made);
  if (made == NULL) return error_no_memory(error);
  respool_status status = os_secret_open(KEY_BYTES, &made->secret, error);
  if (status == RESPOOL_OK) status = os_random(made->secret.bytes, KEY_BYTES, error);
  if (status == RESPOOL_OK && (mem_refused() || !find_method(made))) status = refuse(error);
  if (status != RESPOOL_OK) {
    os_secret_close(&made->secret);
    mem_free(made);
    return status;
  }
  *key = made;
  return RESPOOL_OK;
}

void cipher_key_close(struct cipher_key *key) {
  if (key == NULL) return;
  leave_method(key);
  os_secret_close(&key->secret);
  mem_free(key);
}

/* ---- Encrypting -------------------------------------------------------------------------------------- */

respool_status cipher_open(const struct cipher_key *key, struct cipher **cipher, respool_error *error) {
  EVP_CIPHER_CTX *context = mem_refused() ? NULL : EVP_CIPHER_CTX_new();
  if (context == NULL) return error_no_memory(error);
  ERR_set_mark();
  bool good = EVP_EncryptInit_ex(context, key->method, NULL, key->secret.bytes, NULL) == 1;
  ERR_pop_to_mark();
  if (!good) {
    EVP_CIPHER_CTX_free(context);
    return refuse(error);
  }
  *cipher = (struct cipher *)context;
  return RESPOOL_OK;
}

void cipher_close(struct cipher *cipher) {
  EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)cipher); /* which wipes what it holds */
}

respool_status cipher_begin(struct cipher *cipher, uint64_t number, respool_error *error) {
  uint8_t nonce[NONCE_BYTES];
  make_nonce(number, nonce);
  ERR_set_mark();
  bool good = EVP_EncryptInit_ex((EVP_CIPHER_CTX *)cipher, NULL, NULL, NULL, nonce) == 1;
  ERR_pop_to_mark();
  return good ? RESPOOL_OK : refuse(error);
}

respool_status cipher_add(struct cipher *cipher, const uint8_t *from, size_t length, uint8_t *to,
                          respool_error *error) {
  bool good = true;
  ERR_set_mark();
  while (length > 0 && good) {
    int step = length < STEP ? (int)length : STEP, made;
    good = EVP_EncryptUpdate((EVP_CIPHER_CTX *)cipher, to, &made, from, step) == 1;
    from += step;
    to += step;
    length -= (size_t)step;
  }
  ERR_pop_to_mark();
  return good ? RESPOOL_OK : refuse(error);
}

respool_status cipher_end(struct cipher *cipher, uint8_t tag[CIPHER_TAG], respool_error *error) {
  EVP_CIPHER_CTX *context = (EVP_CIPHER_CTX *)cipher;
  uint8_t none[EVP_MAX_BLOCK_LENGTH];
  int made;
  ERR_set_mark();
  bool good = EVP_EncryptFinal_ex(context, none, &made) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, CIPHER_TAG, tag) == 1;
  ERR_pop_to_mark();
  return good ? RESPOOL_OK : refuse(error);
}

/* ---- Decrypting -------------------------------------------------------------------------------------- */

static bool decrypt_all(EVP_CIPHER_CTX *context, const uint8_t *from, int64_t length, uint8_t *to) {
  while (length > 0) {
    int step = length < STEP ? (int)length : STEP, made;
    if (EVP_DecryptUpdate(context, to, &made, from, step) != 1) return false;
    from += step;
    to += step;
    length -= step;
  }
  return true;
}

static bool decrypt(EVP_CIPHER_CTX *context, const struct cipher_key *key, uint64_t number, const uint8_t *tag,
                    const uint8_t *from, int64_t length, uint8_t *to, bool *genuine) {
  uint8_t nonce[NONCE_BYTES], expected[CIPHER_TAG], none[EVP_MAX_BLOCK_LENGTH];
  int made;
  make_nonce(number, nonce);
  memcpy(expected, tag, CIPHER_TAG); /* the library does not take it as const */
  if (EVP_DecryptInit_ex(context, key->method, NULL, key->secret.bytes, nonce) != 1) return false;
  if (!decrypt_all(context, from, length, to)) return false;
  if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, CIPHER_TAG, expected) != 1) return false;
  *genuine = EVP_DecryptFinal_ex(context, none, &made) == 1;
  return true;
}

/* With a context of its own, so that the key is in ordinary memory no longer than this takes. */
respool_status cipher_decrypt(const struct cipher_key *key, uint64_t number, const uint8_t tag[CIPHER_TAG],
                              const uint8_t *from, int64_t length, uint8_t *to, bool *genuine, respool_error *error) {
  EVP_CIPHER_CTX *context = mem_refused() ? NULL : EVP_CIPHER_CTX_new();
  if (context == NULL) return error_no_memory(error);
  ERR_set_mark();
  bool good = decrypt(context, key, number, tag, from, length, to, genuine);
  ERR_pop_to_mark();
  EVP_CIPHER_CTX_free(context);
  return good ? RESPOOL_OK : refuse(error);
}

#endif
