/* A program for WASI: walks directories, and prints either the tree or the lines that hold a word.
 *
 *   tree [-w WORD] [DIR...]     DIR is the current directory unless given; without -w, sizes are printed
 *   tree -w WORD -              filters standard input
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PATH = 4096, MAX_ENTRIES = 10000 };

static struct {
  const char *word; /* NULL: print the tree */
  unsigned long directories, files, lines;
  unsigned long long bytes;
  int failed;
} state;

static void complain(const char *path) {
  fprintf(stderr, "tree: %s: %s\n", path, strerror(errno));
  state.failed = 1;
}

/* Print the lines of a stream that hold the word, with their numbers. */
static void filter(FILE *stream, const char *path) {
  char *line = NULL;
  size_t room = 0;
  for (unsigned long number = 1; getline(&line, &room, stream) >= 0; number++) {
    if (!strstr(line, state.word)) continue;
    line[strcspn(line, "\n")] = 0;
    printf("%s:%lu: %s\n", path, number, line);
    state.lines++;
  }
  if (ferror(stream)) complain(path);
  free(line);
}

static void visit_file(const char *path, const char *name, long long bytes, int depth) {
  state.files++;
  state.bytes += (unsigned long long)bytes;
  if (!state.word) {
    printf("%*s%s  %lld\n", 2 * depth, "", name, bytes);
    return;
  }
  FILE *stream = fopen(path, "r");
  if (!stream) {
    complain(path);
    return;
  }
  filter(stream, path);
  fclose(stream);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The names in a directory, sorted; returns how many, or -1. */
static int list(const char *path, char **names) {
  DIR *dir = opendir(path);
  int n = 0;
  if (!dir) return -1;
  errno = 0;
  for (struct dirent *entry; n < MAX_ENTRIES && (entry = readdir(dir));) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) names[n++] = strdup(entry->d_name);
  }
  if (errno) n = -1;
  closedir(dir);
  if (n > 0) qsort(names, (size_t)n, sizeof *names, by_name);
  return n;
}

static void visit(const char *path, const char *name, int depth) {
  struct stat status;
  if (lstat(path, &status)) {
    complain(path);
    return;
  }
  if (!S_ISDIR(status.st_mode)) {
    if (S_ISREG(status.st_mode)) visit_file(path, name, status.st_size, depth);
    return;
  }
  state.directories++;
  if (!state.word) printf("%*s%s/\n", 2 * depth, "", name);
  char **names = malloc(MAX_ENTRIES * sizeof *names);
  int n = list(path, names);
  if (n < 0) complain(path);
  for (int i = 0; i < n; i++) {
    char child[MAX_PATH];
    if (snprintf(child, sizeof child, "%s/%s", path, names[i]) < (int)sizeof child) visit(child, names[i], depth + 1);
    free(names[i]);
  }
  free(names);
}

int main(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "w:")) != -1;) {
    if (option != 'w') {
      fprintf(stderr, "usage: tree [-w WORD] [DIR...]\n");
      return 2;
    }
    state.word = optarg;
  }
  if (optind == argc) visit(".", ".", 0);
  for (int i = optind; i < argc; i++) {
    if (state.word && strcmp(argv[i], "-") == 0) {
      filter(stdin, "-");
    } else {
      visit(argv[i], argv[i], 0);
    }
  }
  if (state.word) return state.failed ? 2 : state.lines == 0; /* as grep does */
  printf("%lu directories, %lu files, %llu bytes\n", state.directories, state.files, state.bytes);
  return state.failed ? 2 : 0;
}
