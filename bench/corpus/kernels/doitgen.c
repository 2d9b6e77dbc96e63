/* Many small matrix products along one axis of a cube. */
#include "kernel.h"
enum { N = 90 };
static double a[N][N][N], c4[N][N], sum[N];
int main(void) {
  fill(&a[0][0][0], N * N, N, 80);
  fill(&c4[0][0], N, N, 81);
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) c4[i][j] /= N;
  }
  for (int round = 0; round < 5; round++) {
    for (int r = 0; r < N; r++) {
      for (int q = 0; q < N; q++) {
        for (int p = 0; p < N; p++) {
          sum[p] = 0;
          for (int s = 0; s < N; s++) sum[p] += a[r][q][s] * c4[s][p];
        }
        for (int p = 0; p < N; p++) a[r][q][p] = sum[p];
      }
    }
  }
  tell("doitgen", &a[0][0][0], N * N * N);
  return 0;
}
