/* Toeplitz systems: short loops that run forwards and backwards. */
#include "kernel.h"
enum { N = 3000 };
static double r[N], y[N], z[N];
int main(void) {
  for (int round = 0; round < 12; round++) {
    fill(r, 1, N, (uint32_t)(16 + round));
    for (int i = 0; i < N; i++) r[i] = r[i] / N;
    double alpha = -r[0], beta = 1.0;
    y[0] = -r[0];
    for (int k = 1; k < N; k++) {
      beta *= 1.0 - alpha * alpha;
      double sum = 0;
      for (int i = 0; i < k; i++) sum += r[k - i - 1] * y[i];
      alpha = -(r[k] + sum) / beta;
      for (int i = 0; i < k; i++) z[i] = y[i] + alpha * y[k - i - 1];
      memcpy(y, z, (size_t)k * sizeof *y);
      y[k] = alpha;
    }
  }
  tell("durbin", y, N);
  return 0;
}
