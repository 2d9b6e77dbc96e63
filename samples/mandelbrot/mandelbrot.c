/* A program: draws the Mandelbrot set and hands each line to the host. */
__attribute__((import_module("env"), import_name("put_line"))) void put_line(const char *text, int bytes);

enum { WIDTH = 64, HEIGHT = 24, LIMIT = 1000 };

static int escape_time(double cx, double cy) {
  double x = 0, y = 0;
  int n = 0;
  while (n < LIMIT && x * x + y * y < 4) {
    double next = x * x - y * y + cx;
    y = 2 * x * y + cy;
    x = next;
    n++;
  }
  return n;
}

__attribute__((export_name("main"))) int main_(void) {
  static const char shades[] = " .:-=+*#%@";
  char line[WIDTH];
  int inside = 0;
  for (int row = 0; row < HEIGHT; row++) {
    for (int column = 0; column < WIDTH; column++) {
      int n = escape_time(-2.2 + 3.2 * column / WIDTH, -1.2 + 2.4 * row / HEIGHT);
      inside += n == LIMIT;
      line[column] = n == LIMIT ? '@' : shades[n % 9];
    }
    put_line(line, WIDTH);
  }
  return inside;
}
