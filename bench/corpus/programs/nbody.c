/* Bodies that attract each other: square roots and divisions in a chain. */
#include <math.h>
#include "program.h"
enum { N = 8 };
struct body {
  double x, y, z, vx, vy, vz, mass;
};
static struct body bodies[N];
int main(void) {
  uint32_t seed = 3;
  for (int i = 0; i < N; i++) {
    bodies[i] = (struct body){next_random(&seed) % 1000 / 50.0, next_random(&seed) % 1000 / 50.0, next_random(&seed) % 1000 / 50.0,
                              next_random(&seed) % 100 / 500.0, next_random(&seed) % 100 / 500.0, next_random(&seed) % 100 / 500.0,
                              1.0 + i};
  }
  for (int step = 0; step < 300000; step++) {
    for (int i = 0; i < N; i++) {
      for (int j = i + 1; j < N; j++) {
        const double dx = bodies[i].x - bodies[j].x, dy = bodies[i].y - bodies[j].y, dz = bodies[i].z - bodies[j].z;
        const double d2 = dx * dx + dy * dy + dz * dz + 0.01, pull = 0.001 / (d2 * sqrt(d2));
        bodies[i].vx -= dx * bodies[j].mass * pull;
        bodies[i].vy -= dy * bodies[j].mass * pull;
        bodies[i].vz -= dz * bodies[j].mass * pull;
        bodies[j].vx += dx * bodies[i].mass * pull;
        bodies[j].vy += dy * bodies[i].mass * pull;
        bodies[j].vz += dz * bodies[i].mass * pull;
      }
    }
    for (int i = 0; i < N; i++) {
      bodies[i].x += 0.001 * bodies[i].vx;
      bodies[i].y += 0.001 * bodies[i].vy;
      bodies[i].z += 0.001 * bodies[i].vz;
    }
  }
  tell("nbody", hash_bytes(1469598103934665603u, bodies, sizeof bodies));
  return 0;
}
