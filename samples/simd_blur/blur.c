/* A 3x3 blur of an image of bytes, weights 1 2 1 / 2 4 2 / 1 2 1: pixel by pixel, and sixteen pixels at a time. The
 * outermost pixels stay as they are. */
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(name)))

extern uint8_t __heap_base[];

/* Where the image goes; the result is written behind it, at a multiple of 16 bytes. */
EXPORT("image") uint8_t *image(void) { return (uint8_t *)(((uintptr_t)__heap_base + 15) & ~(uintptr_t)15); }

static uint8_t *result_of(uint32_t width, uint32_t height) { return image() + ((width * height + 15) & ~15u); }

static uint8_t blurred(const uint8_t *at, uint32_t width) {
  const uint8_t *above = at - width, *below = at + width;
  const uint32_t corners = above[-1] + above[1] + below[-1] + below[1];
  const uint32_t edges = above[0] + below[0] + at[-1] + at[1];
  return (uint8_t)((corners + 2 * edges + 4 * at[0] + 8) >> 4);
}

static void copy_border(uint8_t *to, const uint8_t *from, uint32_t width, uint32_t height) {
  for (uint32_t x = 0; x < width; x++) {
    to[x] = from[x];
    to[(height - 1) * width + x] = from[(height - 1) * width + x];
  }
  for (uint32_t y = 0; y < height; y++) {
    to[y * width] = from[y * width];
    to[y * width + width - 1] = from[y * width + width - 1];
  }
}

EXPORT("blur_scalar") uint8_t *blur_scalar(uint32_t width, uint32_t height) {
  const uint8_t *from = image();
  uint8_t *to = result_of(width, height);
  copy_border(to, from, width, height);
  for (uint32_t y = 1; y + 1 < height; y++) {
#pragma clang loop vectorize(disable) interleave(disable)
    for (uint32_t x = 1; x + 1 < width; x++) to[y * width + x] = blurred(from + y * width + x, width);
  }
  return to;
}

/* Sixteen bytes as two vectors of eight 16-bit lanes, in which sums of up to 16 * 255 fit. */
typedef struct {
  v128_t low, high;
} wide;

static inline wide widen(const uint8_t *at) {
  const v128_t pixels = wasm_v128_load(at);
  return (wide){wasm_u16x8_extend_low_u8x16(pixels), wasm_u16x8_extend_high_u8x16(pixels)};
}

static inline wide sum(wide a, wide b) {
  return (wide){wasm_i16x8_add(a.low, b.low), wasm_i16x8_add(a.high, b.high)};
}

static inline wide twice(wide a) { return sum(a, a); }

/* left + 2 * middle + right of a row. */
static inline wide row(const uint8_t *at) { return sum(sum(widen(at - 1), widen(at + 1)), twice(widen(at))); }

static inline v128_t sixteenth(v128_t lanes) { return wasm_u16x8_shr(wasm_i16x8_add(lanes, wasm_u16x8_splat(8)), 4); }

static inline v128_t sixteen_blurred(const uint8_t *at, uint32_t width) {
  const wide all = sum(sum(row(at - width), row(at + width)), twice(row(at)));
  return wasm_u8x16_narrow_i16x8(sixteenth(all.low), sixteenth(all.high));
}

EXPORT("blur_vector") uint8_t *blur_vector(uint32_t width, uint32_t height) {
  const uint8_t *from = image();
  uint8_t *to = result_of(width, height);
  copy_border(to, from, width, height);
  for (uint32_t y = 1; y + 1 < height; y++) {
    uint32_t x = 1;
    for (; x + 17 < width; x += 16) wasm_v128_store(to + y * width + x, sixteen_blurred(from + y * width + x, width));
    for (; x + 1 < width; x++) to[y * width + x] = blurred(from + y * width + x, width);
  }
  return to;
}
