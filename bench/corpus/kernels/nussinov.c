/* Dynamic programming over intervals: the most pairs that a sequence can form. */
#include "kernel.h"
enum { N = 900 };
static int32_t table[N][N];
static uint8_t sequence[N];
static double out[N];
static int32_t most(int32_t a, int32_t b) { return a > b ? a : b; }
int main(void) {
  for (int i = 0; i < N; i++) sequence[i] = (uint8_t)(seeded((uint32_t)i, 13) * 4.0);
  for (int i = N - 1; i >= 0; i--) {
    for (int j = i + 1; j < N; j++) {
      int32_t best = most(table[i][j - 1], i + 1 < N ? table[i + 1][j] : 0);
      if (i + 1 < N) {
        const int pairs = i < j - 1 && sequence[i] + sequence[j] == 3;
        best = most(best, table[i + 1][j - 1] + pairs);
      }
      for (int k = i + 1; k < j; k++) best = most(best, table[i][k] + table[k + 1][j]);
      table[i][j] = best;
    }
  }
  for (int i = 0; i < N; i++) out[i] = table[i][N - 1];
  tell("nussinov", out, N);
  return 0;
}
