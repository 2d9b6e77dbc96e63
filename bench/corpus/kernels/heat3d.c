/* Seven-point stencil in three dimensions. */
#include "kernel.h"
enum { N = 64 };
static double a[N][N][N], b[N][N][N];
static void step(double (*to)[N][N], double (*from)[N][N]) {
  for (int i = 1; i < N - 1; i++) {
    for (int j = 1; j < N - 1; j++) {
      for (int k = 1; k < N - 1; k++) {
        to[i][j][k] = 0.125 * (from[i + 1][j][k] - 2.0 * from[i][j][k] + from[i - 1][j][k]) +
                      0.125 * (from[i][j + 1][k] - 2.0 * from[i][j][k] + from[i][j - 1][k]) +
                      0.125 * (from[i][j][k + 1] - 2.0 * from[i][j][k] + from[i][j][k - 1]) + from[i][j][k];
      }
    }
  }
}
int main(void) {
  fill(&a[0][0][0], N * N, N, 9);
  memcpy(b, a, sizeof a);
  for (int round = 0; round < 120; round++) {
    step(b, a);
    step(a, b);
  }
  tell("heat3d", &a[0][0][0], N * N * N);
  return 0;
}
