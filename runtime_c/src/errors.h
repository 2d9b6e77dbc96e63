/* Error records: messages are cut to fit and never carry control characters of a guest. */
#ifndef W2SI_ERRORS_H
#define W2SI_ERRORS_H

#include "../include/wasm2so/runtime.h"
#include "arch.h"

/* A guest-made name in quotes, cut and cleaned for messages. */
struct w2si_name {
  char text[112];
};

/* Fill `error` (if not NULL) and return `status`. */
int32_t w2si_fail(struct w2s_error *error, int32_t status, const char *format, ...) W2SI_PRINTF(3, 4);
/* Fill `error` (if not NULL) with trap `code` and return W2S_ERR_TRAP. */
int32_t w2si_fail_trap(struct w2s_error *error, uint32_t code);
/* Clear an error record (if not NULL) before an operation. */
void w2si_ok(struct w2s_error *error);
struct w2si_name w2si_name(const uint8_t *bytes, size_t n);

#endif
