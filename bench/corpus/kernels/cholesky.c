/* L L^T = A for a symmetric positive definite A. */
#include "kernel.h"
enum { N = 520 };
static double a[N][N];
int main(void) {
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < N; i++) {
      for (int j = 0; j <= i; j++) a[i][j] = a[j][i] = seeded((uint32_t)(i * j), (uint32_t)(i + j + round));
      a[i][i] += N;
    }
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < i; j++) {
        double sum = a[i][j];
        for (int k = 0; k < j; k++) sum -= a[i][k] * a[j][k];
        a[i][j] = sum / a[j][j];
      }
      double sum = a[i][i];
      for (int k = 0; k < i; k++) sum -= a[i][k] * a[i][k];
      a[i][i] = sqrt(sum);
    }
  }
  tell("cholesky", &a[0][0], N * N);
  return 0;
}
