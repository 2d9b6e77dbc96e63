/* An LZ77 compressor with a hash of four bytes, and its decompressor. */
#include "program.h"
enum { N = 1 << 20, HASH_LOG = 14, MIN_MATCH = 4 };
static uint8_t text[N], packed[N + N / 8 + 64], again[N];
static uint32_t heads[1 << HASH_LOG];
static uint32_t word_at(const uint8_t *p) {
  uint32_t w;
  memcpy(&w, p, 4);
  return w;
}
static uint8_t *put_length(uint8_t *to, size_t n) {
  while (n >= 255) {
    *to++ = 255;
    n -= 255;
  }
  *to++ = (uint8_t)n;
  return to;
}
static size_t compress(const uint8_t *in, size_t n, uint8_t *out) {
  uint8_t *to = out;
  size_t at = 0, start = 0;
  memset(heads, 0, sizeof heads);
  while (at + 12 < n) {
    const uint32_t hash = word_at(in + at) * 2654435761u >> (32 - HASH_LOG);
    const size_t candidate = heads[hash];
    heads[hash] = (uint32_t)at + 1;
    if (candidate == 0 || at + 1 - candidate > 65535 || word_at(in + candidate - 1) != word_at(in + at)) {
      at++;
      continue;
    }
    size_t from = candidate - 1, length = MIN_MATCH;
    while (at + length < n && in[from + length] == in[at + length]) length++;
    to = put_length(to, at - start);
    memcpy(to, in + start, at - start);
    to += at - start;
    const size_t distance = at - from;
    *to++ = (uint8_t)distance;
    *to++ = (uint8_t)(distance >> 8);
    to = put_length(to, length - MIN_MATCH);
    at += length;
    start = at;
  }
  to = put_length(to, n - start);
  memcpy(to, in + start, n - start);
  return (size_t)(to + (n - start) - out);
}
static size_t get_length(const uint8_t **from) {
  size_t n = 0;
  uint8_t byte;
  do {
    byte = *(*from)++;
    n += byte;
  } while (byte == 255);
  return n;
}
static size_t decompress(const uint8_t *in, size_t n, uint8_t *out) {
  const uint8_t *const end = in + n;
  size_t at = 0;
  for (;;) {
    size_t length = get_length(&in);
    memcpy(out + at, in, length);
    at += length;
    in += length;
    if (in >= end) return at;
    const size_t distance = in[0] | (size_t)in[1] << 8;
    in += 2;
    length = get_length(&in) + MIN_MATCH;
    for (size_t i = 0; i < length; i++, at++) out[at] = out[at - distance];
  }
}
int main(void) {
  uint64_t hash = 1469598103934665603u;
  for (uint32_t round = 0; round < 24; round++) {
    const size_t n = make_text((char *)text, N, round + 1);
    const size_t size = compress(text, n, packed);
    const size_t back = decompress(packed, size, again);
    if (back != n || memcmp(text, again, n) != 0) return 1;
    hash = hash_bytes(hash, &size, 4);
  }
  tell("lz", hash);
  return 0;
}
