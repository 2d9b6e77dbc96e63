/* Five-point stencil between two grids. */
#include "kernel.h"
enum { N = 500 };
static double a[N][N], b[N][N];
static void step(double (*to)[N], double (*from)[N]) {
  for (int i = 1; i < N - 1; i++) {
    for (int j = 1; j < N - 1; j++) {
      to[i][j] = 0.2 * (from[i][j] + from[i][j - 1] + from[i][j + 1] + from[i + 1][j] + from[i - 1][j]);
    }
  }
}
int main(void) {
  fill(&a[0][0], N, N, 7);
  memcpy(b, a, sizeof a);
  for (int round = 0; round < 200; round++) {
    step(b, a);
    step(a, b);
  }
  tell("jacobi2d", &a[0][0], N * N);
  return 0;
}
