/* Correlation matrix of columns. */
#include "kernel.h"
enum { M = 320, N = 300 };
static double data[N][M], corr[M][M], mean[M], dev[M];
int main(void) {
  for (int round = 0; round < 5; round++) {
    fill(&data[0][0], N, M, (uint32_t)(60 + round));
    for (int j = 0; j < M; j++) {
      mean[j] = dev[j] = 0;
      for (int i = 0; i < N; i++) mean[j] += data[i][j];
      mean[j] /= N;
      for (int i = 0; i < N; i++) dev[j] += (data[i][j] - mean[j]) * (data[i][j] - mean[j]);
      dev[j] = sqrt(dev[j] / N) + 0.1;
    }
    for (int i = 0; i < N; i++) {
      for (int j = 0; j < M; j++) data[i][j] = (data[i][j] - mean[j]) / (sqrt((double)N) * dev[j]);
    }
    for (int i = 0; i < M; i++) {
      for (int j = i; j < M; j++) {
        double sum = 0;
        for (int k = 0; k < N; k++) sum += data[k][i] * data[k][j];
        corr[i][j] = corr[j][i] = sum;
      }
    }
  }
  tell("correlation", &corr[0][0], M * M);
  return 0;
}
