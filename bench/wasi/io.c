/* Work for bench/wasi.py, compiled natively and for WASI. Each command prints the nanoseconds it took.
 *
 *   io write PATH MIB BLOCK    io read PATH BLOCK    io calls NAME N PATH
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long long write_file(const char *path, long mib, size_t block) {
  char *bytes = malloc(block);
  memset(bytes, 'x', block);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0) fail(path);
  long long start = now();
  for (long long left = (long long)mib << 20; left > 0;) {
    ssize_t n = write(fd, bytes, block);
    if (n <= 0) fail("write");
    left -= n;
  }
  long long end = now();
  if (close(fd)) fail("close");
  return end - start;
}

static long long read_file(const char *path, size_t block) {
  char *bytes = malloc(block);
  unsigned sum = 0;
  int fd = open(path, O_RDONLY);
  if (fd < 0) fail(path);
  long long start = now();
  for (ssize_t n; (n = read(fd, bytes, block)) != 0;) {
    if (n < 0) fail("read");
    sum += (unsigned char)bytes[n - 1];
  }
  long long end = now();
  if (!sum) fail("empty");
  return end - start;
}

static void call_once(const char *name, int fd, const char *path, struct timespec *at, struct stat *status) {
  char byte;
  switch (name[0]) {
    case 'c': clock_gettime(CLOCK_MONOTONIC, at); break;
    case 'f':
      if (fstat(fd, status)) fail("fstat");
      break;
    case 'p':
      if (pread(fd, &byte, 1, 0) != 1) fail("pread");
      break;
    case 's':
      if (stat(path, status)) fail("stat");
      break;
    default: fail("name");
  }
}

static long long small_calls(const char *name, long n, const char *path) {
  struct timespec at;
  struct stat status;
  int fd = open(path, O_RDONLY);
  if (fd < 0) fail(path);
  long long start = now();
  for (long i = 0; i < n; i++) call_once(name, fd, path, &at, &status);
  return now() - start;
}

int main(int argc, char **argv) {
  if (argc == 5 && strcmp(argv[1], "write") == 0) {
    printf("%lld\n", write_file(argv[2], atol(argv[3]), strtoul(argv[4], NULL, 10)));
  } else if (argc == 4 && strcmp(argv[1], "read") == 0) {
    printf("%lld\n", read_file(argv[2], strtoul(argv[3], NULL, 10)));
  } else if (argc == 5 && strcmp(argv[1], "calls") == 0) {
    printf("%lld\n", small_calls(argv[2], atol(argv[3]), argv[4]));
  } else {
    fprintf(stderr, "usage: io write PATH MIB BLOCK | read PATH BLOCK | calls NAME N PATH\n");
    return 2;
  }
  return 0;
}
