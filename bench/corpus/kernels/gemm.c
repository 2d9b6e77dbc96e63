/* C = 1.5 A B + 1.2 C. */
#include "kernel.h"
enum { N = 340 };
static double a[N][N], b[N][N], c[N][N];
static void gemm(void) {
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) c[i][j] *= 1.2;
    for (int k = 0; k < N; k++) {
      for (int j = 0; j < N; j++) c[i][j] += 1.5 * a[i][k] * b[k][j];
    }
  }
}
int main(void) {
  fill(&a[0][0], N, N, 1);
  fill(&b[0][0], N, N, 2);
  for (int round = 0; round < 6; round++) gemm();
  tell("gemm", &c[0][0], N * N);
  return 0;
}
