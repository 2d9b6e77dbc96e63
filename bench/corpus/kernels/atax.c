/* y = A^T (A x), and the like for the transposed. */
#include "kernel.h"
enum { N = 900 };
static double a[N][N], x[N], y[N], t[N];
int main(void) {
  fill(&a[0][0], N, N, 5);
  fill(x, 1, N, 6);
  for (int round = 0; round < 60; round++) {
    memset(y, 0, sizeof y);
    for (int i = 0; i < N; i++) {
      double sum = 0;
      for (int j = 0; j < N; j++) sum += a[i][j] * x[j];
      t[i] = sum;
      for (int j = 0; j < N; j++) y[j] += a[i][j] * sum;
    }
    for (int j = 0; j < N; j++) x[j] = y[j] / (1.0 + fabs(y[j]));
  }
  tell("atax", y, N);
  return 0;
}
