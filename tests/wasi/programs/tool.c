/* One guest for the tests of the host's side: `tool COMMAND ARGS...`. Every failure is reported by its errno. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int failed(const char *what) {
  printf("%s: errno %d\n", what, errno);
  return 1;
}

static int print_args(int argc, char **argv) {
  for (int i = 0; i < argc; i++) printf("[%s]\n", argv[i]);
  return 0;
}

static int print_env(int argc, char **argv) {
  (void)argc, (void)argv;
  for (char **at = environ; *at; at++) printf("[%s]\n", *at);
  return 0;
}

/* Standard input to standard output, by system calls of `argv[0]` bytes. */
static int cat(int argc, char **argv) {
  size_t size = argc > 0 ? strtoul(argv[0], NULL, 10) : 65536;
  char *block = malloc(size);
  for (ssize_t got; (got = read(0, block, size)) != 0;) {
    if (got < 0) return failed("read");
    for (ssize_t done = 0, n; done < got; done += n) {
      if ((n = write(1, block + done, (size_t)(got - done))) < 0) {
        fprintf(stderr, "write: errno %d\n", errno);
        return 1;
      }
    }
  }
  return 0;
}

static void at_exit(void) { fputs("exit handler\n", stderr); }

static __attribute__((noinline)) int deep(int depth, int status) {
  volatile char frame[32] = {0};
  if (depth == 0) exit(status);
  return deep(depth - 1, status) + frame[0];
}

/* exit STATUS DEPTH: leave from the bottom of a recursion, with unflushed output. */
static int leave(int argc, char **argv) {
  if (argc < 2) return 2;
  atexit(at_exit);
  printf("no newline");
  return deep(atoi(argv[1]), atoi(argv[0]));
}

static int trap(int argc, char **argv) {
  (void)argc, (void)argv;
  printf("before\n");
  fflush(stdout);
  __builtin_trap();
}

/* Call WASI for ever. */
static int spin(int argc, char **argv) {
  struct timespec now;
  (void)argc, (void)argv;
  printf("ready\n");
  fflush(stdout);
  for (;;) clock_gettime(CLOCK_MONOTONIC, &now);
}

static int sleep_for(int argc, char **argv) {
  double seconds = argc > 0 ? atof(argv[0]) : 1000;
  struct timespec want = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (time_t)seconds) * 1e9)};
  printf("ready\n");
  fflush(stdout);
  return nanosleep(&want, NULL) ? failed("nanosleep") : 0;
}

/* Wait until standard input can be read, for at most so many milliseconds. */
static int wait_input(int argc, char **argv) {
  struct pollfd one = {.fd = 0, .events = POLLIN};
  printf("ready\n");
  fflush(stdout);
  int n = poll(&one, 1, argc > 0 ? atoi(argv[0]) : -1);
  if (n < 0) return failed("poll");
  printf("poll %d %s\n", n, n && (one.revents & POLLIN) ? "in" : "none");
  return 0;
}

static int read_one(int argc, char **argv) {
  char byte;
  (void)argc, (void)argv;
  printf("ready\n");
  fflush(stdout);
  ssize_t n = read(0, &byte, 1);
  if (n < 0) return failed("read");
  printf("read %zd\n", n);
  return 0;
}

static int show(int argc, char **argv) {
  if (argc < 1) return 2;
  FILE *file = fopen(argv[0], "r");
  if (!file) return failed("open");
  for (int c; (c = fgetc(file)) != EOF;) putchar(c);
  fclose(file);
  return 0;
}

static int save(int argc, char **argv) {
  if (argc < 2) return 2;
  FILE *file = fopen(argv[0], "w");
  if (!file) return failed("open");
  if (fputs(argv[1], file) < 0 || fclose(file)) return failed("write");
  return 0;
}

static int order(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int list(int argc, char **argv) {
  DIR *dir = opendir(argc > 0 ? argv[0] : ".");
  char *names[1000];
  size_t n = 0;
  if (!dir) return failed("opendir");
  for (struct dirent *entry; n < 1000 && (errno = 0, entry = readdir(dir));) names[n++] = strdup(entry->d_name);
  if (errno) return failed("readdir");
  qsort(names, n, sizeof *names, order);
  for (size_t i = 0; i < n; i++) puts(names[i]);
  return 0;
}

/* fill PATH BYTES: write blocks of 4096 bytes until so many are written or one fails. */
static int fill(int argc, char **argv) {
  static char block[4096];
  if (argc < 2) return 2;
  long long want = atoll(argv[1]), done = 0;
  int fd = open(argv[0], O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (fd < 0) return failed("open");
  memset(block, 'x', sizeof block);
  while (done < want) {
    ssize_t n = write(fd, block, sizeof block);
    if (n < 0) break;
    done += n;
  }
  printf("%lld bytes, errno %d\n", done, done < want ? errno : 0);
  if (close(fd)) return failed("close");
  return 0;
}

/* many PATH N: open the file N times without closing it. */
static int many(int argc, char **argv) {
  if (argc < 2) return 2;
  for (int i = 0; i < atoi(argv[1]); i++) {
    if (open(argv[0], O_RDONLY) < 0) {
      printf("%d open, errno %d\n", i, errno);
      return 0;
    }
  }
  printf("all open\n");
  return 0;
}

/* hold DIR: open a folder, wait for a line of input, then try to use the folder. */
static int hold(int argc, char **argv) {
  if (argc < 1) return 2;
  int dir = open(argv[0], O_RDONLY | O_DIRECTORY);
  if (dir < 0) return failed("open");
  printf("ready\n");
  fflush(stdout);
  getchar();
  DIR *stream = fdopendir(dir);
  int n = 0;
  for (struct dirent *entry; stream && (entry = readdir(stream));) n += entry->d_name[0] != '.';
  printf("%d entries\n", n);
  errno = 0;
  int made = openat(dir, "new", O_WRONLY | O_CREAT, 0666);
  printf("create: %s %d\n", made < 0 ? "errno" : "ok", made < 0 ? errno : 0);
  return 0;
}

/* big PATH: a file beyond 4 GiB, without its blocks. */
static int big(int argc, char **argv) {
  const off_t far = ((off_t)5 << 30) + 7;
  char byte = 0;
  struct stat stat;
  if (argc < 1) return 2;
  int fd = open(argv[0], O_RDWR | O_CREAT | O_TRUNC, 0666);
  if (fd < 0) return failed("open");
  if (lseek(fd, far, SEEK_SET) != far) return failed("lseek");
  if (write(fd, "!", 1) != 1) return failed("write");
  if (fstat(fd, &stat)) return failed("fstat");
  if (pread(fd, &byte, 1, far) != 1 || byte != '!') return failed("pread");
  printf("%lld bytes\n", (long long)stat.st_size);
  return 0;
}

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} commands[] = {
    {"args", print_args}, {"big", big},   {"cat", cat},         {"env", print_env},    {"exit", leave},
    {"fill", fill},       {"hold", hold}, {"list", list},       {"many", many},        {"read", read_one},
    {"save", save},       {"show", show}, {"sleep", sleep_for}, {"spin", spin},        {"trap", trap},
    {"wait", wait_input},
};

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 2, argv + 2);
  }
  fprintf(stderr, "usage: tool COMMAND ARGS...\n");
  return 2;
}
