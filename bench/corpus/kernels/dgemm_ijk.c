/* Matrix product with the inner product innermost: strided loads. */
#include "kernel.h"
enum { N = 260 };
static double a[N][N], b[N][N], c[N][N];
int main(void) {
  fill(&a[0][0], N, N, 3);
  fill(&b[0][0], N, N, 4);
  for (int round = 0; round < 8; round++) {
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) {
        double sum = c[i][j] * 0.5;
        for (int k = 0; k < N; k++) sum += a[i][k] * b[k][j];
        c[i][j] = sum;
      }
    }
  }
  tell("dgemm_ijk", &c[0][0], N * N);
  return 0;
}
