/* Kernels that vectorise, for bench/simd.py: one function each, `rounds` times over data of its own, giving a checksum.
 * The same file is compiled to wasm with vector instructions and to native code. */
#include <stdint.h>

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name)))
#else
#define EXPORT(name) __attribute__((visibility("default")))
#endif

static uint32_t checksum(const void *data, int bytes) {
  const uint8_t *p = data;
  uint32_t h = 2166136261u;
  for (int i = 0; i < bytes; i++) h = (h ^ p[i]) * 16777619u;
  return h;
}

/* ---- matrix multiply ---- */

enum { N = 128 };
static float left[N][N], right[N][N], product[N][N];

EXPORT(matmul) uint32_t matmul(int rounds) {
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      left[i][j] = (float)((i * 7 + j * 3) % 11) * 0.25f;
      right[i][j] = (float)((i * 5 + j) % 13) * 0.5f;
      product[i][j] = 0;
    }
  for (int r = 0; r < rounds; r++)
    for (int i = 0; i < N; i++)
      for (int k = 0; k < N; k++) {
        const float x = left[i][k];
        for (int j = 0; j < N; j++) product[i][j] += x * right[k][j];
      }
  return checksum(product, sizeof product);
}

/* ---- stencil: five points of a grid, there and back ---- */

enum { W = 256, H = 256 };
static double grid[2][H][W];

static void smooth(double (*restrict to)[W], double (*restrict from)[W]) {
  for (int y = 1; y < H - 1; y++)
    for (int x = 1; x < W - 1; x++)
      to[y][x] = 0.2 * (from[y][x] + from[y][x - 1] + from[y][x + 1] + from[y - 1][x] + from[y + 1][x]);
}

EXPORT(stencil) uint32_t stencil(int rounds) {
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) grid[0][y][x] = grid[1][y][x] = (double)((x * y) % 17);
  for (int r = 0; r < rounds; r++) {
    smooth(grid[1], grid[0]);
    smooth(grid[0], grid[1]);
  }
  return checksum(grid[0], sizeof grid[0]);
}

/* ---- sha256 of four messages side by side: every word is a vector of four ---- */

typedef uint32_t u32x4 __attribute__((vector_size(16)));

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static u32x4 digest[8], block[16];

static inline u32x4 rotr(u32x4 x, int n) { return (x >> n) | (x << (32 - n)); }

static void sha256_block(u32x4 *state, const u32x4 *message) {
  u32x4 w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = message[i];
  for (int i = 16; i < 64; i++) {
    const u32x4 s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
    const u32x4 s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  for (int i = 0; i < 8; i++) s[i] = state[i];
  for (int i = 0; i < 64; i++) {
    const u32x4 e = s[4], a = s[0];
    const u32x4 t1 = s[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + K[i] + w[i];
    const u32x4 t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    s[7] = s[6], s[6] = s[5], s[5] = e, s[4] = s[3] + t1;
    s[3] = s[2], s[2] = s[1], s[1] = a, s[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) state[i] += s[i];
}

EXPORT(sha256) uint32_t sha256(int rounds) {
  for (uint32_t i = 0; i < 8; i++) digest[i] = (u32x4){0x6a09e667 + i, 0xbb67ae85 + i, 0x3c6ef372 + i, 0xa54ff53a + i};
  for (uint32_t i = 0; i < 16; i++) block[i] = (u32x4){i, i * 3, i * 5, i * 7};
  for (int r = 0; r < rounds; r++) sha256_block(digest, block);
  return checksum(digest, sizeof digest);
}

/* ---- n-body: the pull of all bodies on each, four at a time ---- */

enum { BODIES = 256 };
static float px[BODIES], py[BODIES], pz[BODIES], vx[BODIES], vy[BODIES], vz[BODIES], mass[BODIES];

static void pull(int i) {
  float ax = 0, ay = 0, az = 0;
  typedef float f32x4 __attribute__((vector_size(16)));
  f32x4 sx = {0}, sy = {0}, sz = {0};
  for (int j = 0; j < BODIES; j += 4) {
    const f32x4 dx = *(f32x4 *)&px[j] - px[i], dy = *(f32x4 *)&py[j] - py[i], dz = *(f32x4 *)&pz[j] - pz[i];
    const f32x4 d2 = dx * dx + dy * dy + dz * dz + 0.01f;
    const f32x4 pull = *(f32x4 *)&mass[j] / (d2 * d2);
    sx += dx * pull, sy += dy * pull, sz += dz * pull;
  }
  for (int k = 0; k < 4; k++) ax += sx[k], ay += sy[k], az += sz[k];
  vx[i] += ax * 0.001f, vy[i] += ay * 0.001f, vz[i] += az * 0.001f;
}

EXPORT(nbody) uint32_t nbody(int rounds) {
  for (int i = 0; i < BODIES; i++) {
    px[i] = (float)(i % 7), py[i] = (float)(i % 11), pz[i] = (float)(i % 13);
    vx[i] = vy[i] = vz[i] = 0, mass[i] = 1.0f + (float)(i % 3);
  }
  for (int r = 0; r < rounds; r++) {
    for (int i = 0; i < BODIES; i++) pull(i);
    for (int i = 0; i < BODIES; i++) px[i] += vx[i] * 0.001f, py[i] += vy[i] * 0.001f, pz[i] += vz[i] * 0.001f;
  }
  return checksum(px, sizeof px);
}

/* ---- sum of absolute differences of bytes: saturation, narrow lanes ---- */

enum { PIXELS = 1 << 16 };
static uint8_t before[PIXELS], after[PIXELS];

EXPORT(differences) uint32_t differences(int rounds) {
  for (int i = 0; i < PIXELS; i++) before[i] = (uint8_t)(i * 7), after[i] = (uint8_t)(i * 13 + 5);
  uint32_t total = 0;
  for (int r = 0; r < rounds; r++) {
    uint32_t sum = 0;
    for (int i = 0; i < PIXELS; i++) {
      const uint8_t x = before[i], y = after[i];
      sum += x > y ? x - y : y - x;
    }
    before[r % PIXELS]++;
    total = total * 31 + sum;
  }
  return total;
}
