/* A = L U in place, without pivoting. */
#include "kernel.h"
enum { N = 400 };
static double a[N][N];
int main(void) {
  for (int round = 0; round < 6; round++) {
    fill(&a[0][0], N, N, (uint32_t)round);
    for (int i = 0; i < N; i++) a[i][i] += N;
    for (int k = 0; k < N; k++) {
      for (int i = k + 1; i < N; i++) {
        const double f = a[i][k] /= a[k][k];
        for (int j = k + 1; j < N; j++) a[i][j] -= f * a[k][j];
      }
    }
  }
  tell("lu", &a[0][0], N * N);
  return 0;
}
