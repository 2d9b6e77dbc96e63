/* A = Q R by columns: strides of a whole row. */
#include "kernel.h"
enum { M = 300, N = 260 };
static double a[M][N], q[M][N], r[N][N];
int main(void) {
  for (int round = 0; round < 4; round++) {
    fill(&a[0][0], M, N, (uint32_t)(40 + round));
    for (int k = 0; k < N; k++) {
      double norm = 0;
      for (int i = 0; i < M; i++) norm += a[i][k] * a[i][k];
      r[k][k] = sqrt(norm);
      for (int i = 0; i < M; i++) q[i][k] = a[i][k] / r[k][k];
      for (int j = k + 1; j < N; j++) {
        double dot = 0;
        for (int i = 0; i < M; i++) dot += q[i][k] * a[i][j];
        r[k][j] = dot;
        for (int i = 0; i < M; i++) a[i][j] -= q[i][k] * dot;
      }
    }
  }
  tell("gramschmidt", &r[0][0], N * N);
  return 0;
}
