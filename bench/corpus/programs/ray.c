/* A ray tracer of spheres with shadows and reflections. */
#include <math.h>
#include "program.h"
enum { WIDTH = 640, HEIGHT = 480, SPHERES = 40 };
struct vec {
  double x, y, z;
};
struct sphere {
  struct vec centre;
  double radius, shine, colour;
};
static struct sphere spheres[SPHERES];
static uint8_t image[WIDTH * HEIGHT];
static struct vec add(struct vec a, struct vec b) { return (struct vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static struct vec sub(struct vec a, struct vec b) { return (struct vec){a.x - b.x, a.y - b.y, a.z - b.z}; }
static struct vec scale(struct vec a, double s) { return (struct vec){a.x * s, a.y * s, a.z * s}; }
static double dot(struct vec a, struct vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static struct vec unit(struct vec a) { return scale(a, 1.0 / sqrt(dot(a, a))); }
static double hit(const struct sphere *s, struct vec origin, struct vec way) {
  const struct vec oc = sub(origin, s->centre);
  const double b = dot(oc, way), c = dot(oc, oc) - s->radius * s->radius, d = b * b - c;
  if (d < 0) return -1;
  const double t = -b - sqrt(d);
  return t > 1e-6 ? t : -b + sqrt(d);
}
static const struct sphere *nearest(struct vec origin, struct vec way, double *t) {
  const struct sphere *found = NULL;
  *t = 1e30;
  for (int i = 0; i < SPHERES; i++) {
    const double at = hit(&spheres[i], origin, way);
    if (at > 1e-6 && at < *t) {
      *t = at;
      found = &spheres[i];
    }
  }
  return found;
}
static double trace(struct vec origin, struct vec way, int depth) {
  const struct vec light = unit((struct vec){1, 2, -1.5});
  double t, ignored;
  const struct sphere *s = nearest(origin, way, &t);
  if (!s) return 0.2 + 0.3 * way.y * way.y;
  const struct vec at = add(origin, scale(way, t)), normal = unit(sub(at, s->centre));
  double bright = 0.1;
  const double facing = dot(normal, light);
  if (facing > 0 && !nearest(add(at, scale(normal, 1e-4)), light, &ignored)) bright += facing * s->colour;
  if (depth && s->shine > 0) {
    const struct vec back = sub(way, scale(normal, 2 * dot(way, normal)));
    bright += s->shine * trace(add(at, scale(normal, 1e-4)), back, depth - 1);
  }
  return bright;
}
int main(void) {
  uint32_t seed = 17;
  for (int i = 0; i < SPHERES; i++) {
    spheres[i] = (struct sphere){{(double)(next_random(&seed) % 100) / 10 - 5, (double)(next_random(&seed) % 60) / 10 - 3,
                                  (double)(next_random(&seed) % 80) / 10 + 4},
                                 0.4 + (double)(next_random(&seed) % 10) / 10, (double)(i % 3) / 4, 0.9};
  }
  for (int y = 0; y < HEIGHT; y++) {
    for (int x = 0; x < WIDTH; x++) {
      const struct vec way = unit((struct vec){(x - WIDTH / 2) / (double)WIDTH, (HEIGHT / 2 - y) / (double)WIDTH, 0.8});
      const double bright = trace((struct vec){0, 0, -4}, way, 4);
      image[y * WIDTH + x] = (uint8_t)(bright > 1 ? 255 : bright * 255);
    }
  }
  tell("ray", hash_bytes(1469598103934665603u, image, sizeof image));
  return 0;
}
