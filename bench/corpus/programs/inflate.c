/* DEFLATE (RFC 1951): a simple compressor with fixed Huffman codes, and a full decompressor; then PNG's filters. */
#include "program.h"
enum { N = 1 << 20, WIDTH = 1024 };
static uint8_t image[N], packed[2 * N], again[N], raw[N];
static uint64_t bits;
static unsigned n_bits;
static uint8_t *to;
static void put(uint32_t value, unsigned n) {
  bits |= (uint64_t)value << n_bits;
  n_bits += n;
  while (n_bits >= 8) {
    *to++ = (uint8_t)bits;
    bits >>= 8;
    n_bits -= 8;
  }
}
static void put_code(uint32_t code, unsigned n) {
  uint32_t turned = 0;
  for (unsigned i = 0; i < n; i++) turned |= (code >> i & 1) << (n - 1 - i);
  put(turned, n);
}
static void put_symbol(unsigned s) {
  if (s < 144) put_code(0x30 + s, 8);
  else if (s < 256) put_code(0x190 + s - 144, 9);
  else if (s < 280) put_code(s - 256, 7);
  else put_code(0xc0 + s - 280, 8);
}
static const uint16_t length_base[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t dist_base[] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t dist_extra[] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
static size_t deflate(const uint8_t *in, size_t n, uint8_t *out) {
  static uint32_t heads[1 << 13];
  memset(heads, 0, sizeof heads);
  to = out;
  bits = n_bits = 0;
  put(3, 3);
  for (size_t at = 0; at < n;) {
    size_t length = 0, distance = 0;
    if (at + 4 < n) {
      uint32_t word;
      memcpy(&word, in + at, 4);
      const uint32_t hash = word * 2654435761u >> 19;
      const size_t from = heads[hash];
      heads[hash] = (uint32_t)at + 1;
      if (from && at + 1 - from <= 32768) {
        distance = at + 1 - from;
        while (length < 258 && at + length < n && in[from - 1 + length] == in[at + length]) length++;
      }
    }
    if (length < 4) {
      put_symbol(in[at++]);
      continue;
    }
    unsigned l = 28, d = 29;
    while (length_base[l] > length) l--;
    while (dist_base[d] > distance) d--;
    put_symbol(257 + l);
    put((uint32_t)(length - length_base[l]), length_extra[l]);
    put_code(d, 5);
    put((uint32_t)(distance - dist_base[d]), dist_extra[d]);
    at += length;
  }
  put_symbol(256);
  put(0, 7);
  return (size_t)(to - out);
}
struct huffman {
  uint16_t count[16], symbol[288];
};
static const uint8_t *from;
static unsigned take(unsigned n) {
  while (n_bits < n) {
    bits |= (uint64_t)*from++ << n_bits;
    n_bits += 8;
  }
  const unsigned value = (unsigned)(bits & ((1u << n) - 1));
  bits >>= n;
  n_bits -= n;
  return value;
}
static void build(struct huffman *h, const uint8_t *lengths, int n) {
  uint16_t offset[16];
  memset(h->count, 0, sizeof h->count);
  for (int i = 0; i < n; i++) h->count[lengths[i]]++;
  h->count[0] = 0;
  offset[1] = 0;
  for (int i = 1; i < 15; i++) offset[i + 1] = (uint16_t)(offset[i] + h->count[i]);
  for (int i = 0; i < n; i++) {
    if (lengths[i]) h->symbol[offset[lengths[i]]++] = (uint16_t)i;
  }
}
static unsigned decode(const struct huffman *h) {
  int code = 0, first = 0, index = 0;
  for (int length = 1; length <= 15; length++) {
    code |= (int)take(1);
    const int count = h->count[length];
    if (code - count < first) return h->symbol[index + code - first];
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  abort();
}
static size_t inflate(const uint8_t *in, uint8_t *out) {
  struct huffman literals, distances;
  uint8_t lengths[288];
  size_t at = 0;
  memset(lengths, 8, 144);
  memset(lengths + 144, 9, 112);
  memset(lengths + 256, 7, 24);
  memset(lengths + 280, 8, 8);
  build(&literals, lengths, 288);
  memset(lengths, 5, 30);
  build(&distances, lengths, 30);
  from = in;
  bits = n_bits = 0;
  take(3);
  for (;;) {
    const unsigned symbol = decode(&literals);
    if (symbol < 256) {
      out[at++] = (uint8_t)symbol;
    } else if (symbol == 256) {
      return at;
    } else {
      const unsigned length = length_base[symbol - 257] + take(length_extra[symbol - 257]);
      const unsigned d = decode(&distances);
      const size_t distance = dist_base[d] + take(dist_extra[d]);
      for (unsigned i = 0; i < length; i++, at++) out[at] = out[at - distance];
    }
  }
}
static uint8_t paeth(int a, int b, int c) {
  const int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
  return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}
static void unfilter(uint8_t *p) {
  for (int y = 1; y < N / WIDTH; y++) {
    uint8_t *row = p + y * WIDTH, *up = row - WIDTH;
    for (int x = 4; x < WIDTH; x++) row[x] = (uint8_t)(row[x] + paeth(row[x - 4], up[x], up[x - 4]));
  }
}
int main(void) {
  uint64_t hash = 1469598103934665603u;
  for (uint32_t i = 0; i < N; i++) image[i] = (uint8_t)((i % WIDTH / 16 * 7) ^ (i / WIDTH / 8 * 3) ^ (i % 61 == 0 ? i >> 3 : 0));
  const size_t size = deflate(image, N, packed);
  for (int round = 0; round < 8; round++) {
    if (inflate(packed, again) != N || memcmp(image, again, N) != 0) return 1;
    memcpy(raw, again, N);
    unfilter(raw);
    hash = hash_bytes(hash, raw + N / 2, 4096);
  }
  tell("inflate", hash_bytes(hash, &size, 4));
  return 0;
}
