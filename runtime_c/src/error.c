/* Error records and trap texts. */
#define _GNU_SOURCE 1

#include "errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *w2s_trap_message(uint32_t code) {
  static const char *const texts[] = {
      [W2S_TRAP_STACK_OVERFLOW] = "call stack exhausted",
      [W2S_TRAP_MEMORY_OUT_OF_BOUNDS] = "out of bounds memory access",
      [W2S_TRAP_HEAP_MISALIGNED] = "unaligned atomic",
      [W2S_TRAP_TABLE_OUT_OF_BOUNDS] = "out of bounds table access",
      [W2S_TRAP_INDIRECT_CALL_TO_NULL] = "uninitialized element",
      [W2S_TRAP_BAD_SIGNATURE] = "indirect call type mismatch",
      [W2S_TRAP_INTEGER_OVERFLOW] = "integer overflow",
      [W2S_TRAP_INTEGER_DIVISION_BY_ZERO] = "integer divide by zero",
      [W2S_TRAP_BAD_CONVERSION_TO_INTEGER] = "invalid conversion to integer",
      [W2S_TRAP_UNREACHABLE] = "unreachable",
      [W2S_TRAP_INTERRUPT] = "interrupted",
      [W2S_TRAP_OUT_OF_FUEL] = "all fuel consumed",
      [W2S_TRAP_NULL_REFERENCE] = "null reference",
      [W2S_TRAP_CAST_FAILURE] = "cast failure",
      [W2S_TRAP_ARRAY_OUT_OF_BOUNDS] = "out of bounds array access",
      [W2S_TRAP_UNDEFINED_ELEMENT] = "undefined element",
      [W2S_TRAP_HOST] = "host function failed",
      [W2S_TRAP_EXIT] = "the program exited",
      [W2S_TRAP_WAIT_ON_UNSHARED] = "expected shared memory",
      [W2S_TRAP_OUT_OF_MEMORY] = "out of memory",
  };
  return code < sizeof texts / sizeof texts[0] ? texts[code] : "unknown trap";
}

/* Bytes of the UTF-8 sequence that `lead` begins; 1 for anything that is not a lead byte. */
static size_t sequence_bytes(uint8_t lead) {
  if (lead >= 0xf0 && lead < 0xf8) return 4;
  if (lead >= 0xe0) return lead < 0xf0 ? 3 : 1;
  return lead >= 0xc2 ? 2 : 1;
}

/* Can a terminal or a log reader be fooled by this sequence: controls C0 and C1, line separators, bidi marks? */
static int is_unsafe(const uint8_t *at, size_t n) {
  if (n == 1) return at[0] < 0x20 || at[0] >= 0x7f;
  if (n == 2) return at[0] == 0xc2 && at[1] < 0xa0;
  if (n == 3 && at[0] == 0xe2) {
    return (at[1] == 0x80 && at[2] >= 0x8b && at[2] <= 0xaf) || (at[1] == 0x81 && at[2] >= 0xa0);
  }
  return n == 3 && at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf;
}

/* Copy `n` bytes with unsafe characters replaced by '?', stopping before a character that does not fit into
 * `room` bytes. Returns the number of bytes read and leaves the number written in `*written`. */
static size_t clean(char *to, size_t room, const uint8_t *from, size_t n, size_t *written) {
  size_t at = 0;
  size_t out = 0;
  while (at < n) {
    size_t len = sequence_bytes(from[at]);
    size_t good = 1;
    while (good < len && at + good < n && (from[at + good] & 0xc0) == 0x80) good++;
    int bad = good < len || is_unsafe(from + at, len);
    size_t need = bad ? 1 : len;
    if (out + need > room) break;
    if (bad) {
      to[out] = '?';
    } else {
      memcpy(to + out, from + at, len);
    }
    out += need;
    at += bad ? good : len;
  }
  *written = out;
  return at;
}

struct w2si_name w2si_name(const uint8_t *bytes, size_t n) {
  struct w2si_name name;
  size_t written;
  size_t room = sizeof name.text - 6; /* two quotes, "...", and the end */
  name.text[0] = '"';
  size_t read = clean(name.text + 1, room, bytes, n, &written);
  snprintf(name.text + 1 + written, sizeof name.text - 1 - written, read < n ? "...\"" : "\"");
  return name;
}

void w2si_ok(struct w2s_error *error) {
  if (!error) return;
  error->status = W2S_OK;
  error->trap = 0;
  error->index = -1;
  error->message[0] = 0;
}

int32_t w2si_fail(struct w2s_error *error, int32_t status, const char *format, ...) {
  if (!error) return status;
  char text[1024];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  size_t bytes = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
  size_t written;
  w2si_ok(error);
  error->status = status;
  clean(error->message, sizeof error->message - 1, (const uint8_t *)text, bytes, &written);
  error->message[written] = 0;
  return status;
}

int32_t w2si_fail_trap(struct w2s_error *error, uint32_t code) {
  w2si_fail(error, W2S_ERR_TRAP, "%s", w2s_trap_message(code));
  if (error) error->trap = code;
  return W2S_ERR_TRAP;
}
