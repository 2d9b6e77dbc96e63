/* Dynamic programming over two strings, one row at a time. */
#include "kernel.h"
enum { N = 6000 };
static uint8_t a[N], b[N];
static int32_t row[N + 1];
static double out[1];
int main(void) {
  for (int i = 0; i < N; i++) a[i] = (uint8_t)(seeded((uint32_t)i, 14) * 8.0);
  for (int i = 0; i < N; i++) b[i] = (uint8_t)(seeded((uint32_t)i, 15) * 8.0);
  for (int j = 0; j <= N; j++) row[j] = j;
  for (int i = 1; i <= N; i++) {
    int32_t corner = row[0];
    row[0] = i;
    for (int j = 1; j <= N; j++) {
      int32_t best = corner + (a[i - 1] != b[j - 1]);
      corner = row[j];
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  out[0] = row[N];
  tell("edit_distance", out, 1);
  return 0;
}
