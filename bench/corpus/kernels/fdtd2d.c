/* Electric and magnetic fields on staggered grids. */
#include "kernel.h"
enum { N = 320 };
static double ex[N][N], ey[N][N], hz[N][N];
int main(void) {
  fill(&ex[0][0], N, N, 10);
  fill(&ey[0][0], N, N, 11);
  fill(&hz[0][0], N, N, 12);
  for (int round = 0; round < 220; round++) {
    for (int j = 0; j < N; j++) ey[0][j] = round;
    for (int i = 1; i < N; i++) {
      for (int j = 0; j < N; j++) ey[i][j] -= 0.5 * (hz[i][j] - hz[i - 1][j]);
    }
    for (int i = 0; i < N; i++) {
      for (int j = 1; j < N; j++) ex[i][j] -= 0.5 * (hz[i][j] - hz[i][j - 1]);
    }
    for (int i = 0; i < N - 1; i++) {
      for (int j = 0; j < N - 1; j++) hz[i][j] -= 0.7 * (ex[i][j + 1] - ex[i][j] + ey[i + 1][j] - ey[i][j]);
    }
  }
  tell("fdtd2d", &hz[0][0], N * N);
  return 0;
}
