/* Scalar multiplication on Curve25519 (RFC 7748), 16-bit limbs in 64-bit words. */
#include "program.h"
typedef int64_t field[16];
static const field A24 = {0xdb41, 1};
static void carry(field o) {
  for (int i = 0; i < 16; i++) {
    const int64_t c = o[i] >> 16;
    o[i] -= c << 16;
    if (i < 15) {
      o[i + 1] += c;
    } else {
      o[0] += 38 * c;
    }
  }
}
static void add(field o, const field a, const field b) {
  for (int i = 0; i < 16; i++) o[i] = a[i] + b[i];
}
static void sub(field o, const field a, const field b) {
  for (int i = 0; i < 16; i++) o[i] = a[i] - b[i];
}
static void mul(field o, const field a, const field b) {
  int64_t t[31] = {0};
  for (int i = 0; i < 16; i++) {
    for (int j = 0; j < 16; j++) t[i + j] += a[i] * b[j];
  }
  for (int i = 0; i < 15; i++) t[i] += 38 * t[i + 16];
  memcpy(o, t, sizeof(field));
  carry(o);
  carry(o);
}
static void swap(field a, field b, int64_t bit) {
  const int64_t mask = -bit;
  for (int i = 0; i < 16; i++) {
    const int64_t t = mask & (a[i] ^ b[i]);
    a[i] ^= t;
    b[i] ^= t;
  }
}
static void invert(field o, const field in) {
  field c;
  memcpy(c, in, sizeof c);
  for (int i = 253; i >= 0; i--) {
    mul(c, c, c);
    if (i != 2 && i != 4) mul(c, c, in);
  }
  memcpy(o, c, sizeof c);
}
static void pack(uint8_t *out, const field in) {
  field t, m;
  memcpy(t, in, sizeof t);
  carry(t);
  carry(t);
  carry(t);
  for (int round = 0; round < 2; round++) {
    m[0] = t[0] - 0xffed;
    for (int i = 1; i < 15; i++) {
      m[i] = t[i] - 0xffff - ((m[i - 1] >> 16) & 1);
      m[i - 1] &= 0xffff;
    }
    m[15] = t[15] - 0x7fff - ((m[14] >> 16) & 1);
    m[14] &= 0xffff;
    swap(t, m, 1 - ((m[15] >> 16) & 1));
  }
  for (int i = 0; i < 16; i++) {
    out[2 * i] = (uint8_t)t[i];
    out[2 * i + 1] = (uint8_t)(t[i] >> 8);
  }
}
static void scalar_mult(uint8_t *out, const uint8_t *scalar, const uint8_t *point) {
  uint8_t n[32];
  field x, a = {1}, b, c = {0}, d = {1}, e, f;
  memcpy(n, scalar, 32);
  n[0] &= 248;
  n[31] = (uint8_t)((n[31] & 127) | 64);
  for (int i = 0; i < 16; i++) x[i] = point[2 * i] + ((int64_t)point[2 * i + 1] << 8);
  x[15] &= 0x7fff;
  memcpy(b, x, sizeof b);
  for (int i = 254; i >= 0; i--) {
    const int64_t bit = (n[i >> 3] >> (i & 7)) & 1;
    swap(a, b, bit);
    swap(c, d, bit);
    add(e, a, c);
    sub(a, a, c);
    add(c, b, d);
    sub(b, b, d);
    mul(d, e, e);
    mul(f, a, a);
    mul(a, c, a);
    mul(c, b, e);
    add(e, a, c);
    sub(a, a, c);
    mul(b, a, a);
    sub(c, d, f);
    mul(a, c, A24);
    add(a, a, d);
    mul(c, c, a);
    mul(a, d, f);
    mul(d, b, x);
    mul(b, e, e);
    swap(a, b, bit);
    swap(c, d, bit);
  }
  invert(c, c);
  mul(a, a, c);
  pack(out, a);
}
int main(void) {
  uint8_t scalar[32] = {9}, point[32] = {9}, out[32];
  for (int i = 0; i < 120; i++) {
    scalar_mult(out, scalar, point);
    memcpy(point, scalar, 32);
    memcpy(scalar, out, 32);
  }
  tell("x25519", hash_bytes(1469598103934665603u, out, 32));
  return 0;
}
