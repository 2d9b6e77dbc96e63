/* Shortest paths between all pairs of nodes. */
#include "kernel.h"
enum { N = 420 };
static int32_t path[N][N];
static double out[N];
int main(void) {
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < N; j++) path[i][j] = (int32_t)(seeded((uint32_t)(i + round), (uint32_t)j) * 1000.0) + 1;
    }
    for (int k = 0; k < N; k++) {
      for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
          const int32_t through = path[i][k] + path[k][j];
          path[i][j] = path[i][j] < through ? path[i][j] : through;
        }
      }
    }
  }
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N; j++) out[i] += path[i][j];
  }
  tell("floyd_warshall", out, N);
  return 0;
}
