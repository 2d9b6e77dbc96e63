// A scene of shapes behind virtual functions, sorted and summed again and again.
#include "program.h"

namespace {
struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
  virtual double edge() const = 0;
  virtual void grow(double by) = 0;
};
struct Circle final : Shape {
  double r;
  explicit Circle(double r) : r(r) {}
  double area() const override { return 3.141592653589793 * r * r; }
  double edge() const override { return 2 * 3.141592653589793 * r; }
  void grow(double by) override { r += by; }
};
struct Rectangle : Shape {
  double a, b;
  Rectangle(double a, double b) : a(a), b(b) {}
  double area() const override { return a * b; }
  double edge() const override { return 2 * (a + b); }
  void grow(double by) override { a += by; b += by / 2; }
};
struct Square final : Rectangle {
  explicit Square(double a) : Rectangle(a, a) {}
  double edge() const override { return 4 * a; }
};
struct Triangle final : Shape {
  double base, height;
  Triangle(double base, double height) : base(base), height(height) {}
  double area() const override { return base * height / 2; }
  double edge() const override { return base + 2 * height; }
  void grow(double by) override { height += by; }
};
Shape *make(uint32_t *seed) {
  const double a = 1 + next_random(seed) % 100, b = 1 + next_random(seed) % 100;
  switch (next_random(seed) & 3) {
    case 0: return new Circle(a);
    case 1: return new Rectangle(a, b);
    case 2: return new Square(b);
    default: return new Triangle(a, b);
  }
}
constexpr int N = 3000;
Shape *shapes[N];
}  // namespace

int main() {
  uint32_t seed = 99;
  for (Shape *&shape : shapes) shape = make(&seed);
  double total = 0;
  for (int round = 0; round < 1500; round++) {
    for (Shape *shape : shapes) {
      total += shape->area() / shape->edge();
      if ((round & 7) == 0) shape->grow(0.125);
    }
    for (int i = round & 1; i + 1 < N; i += 2) {
      if (shapes[i]->area() > shapes[i + 1]->area()) {
        Shape *const first = shapes[i];
        shapes[i] = shapes[i + 1];
        shapes[i + 1] = first;
      }
    }
  }
  for (Shape *shape : shapes) delete shape;
  tell("virtual", hash_bytes(1469598103934665603u, &total, sizeof total));
  return 0;
}
