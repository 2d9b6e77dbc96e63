/* Nine-point stencil in place: each step waits for the one before. */
#include "kernel.h"
enum { N = 400 };
static double a[N][N];
int main(void) {
  fill(&a[0][0], N, N, 8);
  for (int round = 0; round < 60; round++) {
    for (int i = 1; i < N - 1; i++) {
      for (int j = 1; j < N - 1; j++) {
        a[i][j] = (a[i - 1][j - 1] + a[i - 1][j] + a[i - 1][j + 1] + a[i][j - 1] + a[i][j] + a[i][j + 1] +
                   a[i + 1][j - 1] + a[i + 1][j] + a[i + 1][j + 1]) / 9.0;
      }
    }
  }
  tell("seidel2d", &a[0][0], N * N);
  return 0;
}
