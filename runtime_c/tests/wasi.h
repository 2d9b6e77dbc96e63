/* A program for the WASI tests: calls by name, and a few conveniences over guest memory. */
#ifndef W2S_TEST_WASI_H
#define W2S_TEST_WASI_H

#include <dirent.h>
#include <stdlib.h>

#include "../include/wasm2so/wasi.h"
#include "../src/wasi_abi.h"
#include "guest.h"
#include "wasi_list.h"

struct world {
  struct w2s_store *store;
  struct w2s_wasi *wasi;
  struct w2s_instance *instance;
  uint8_t *memory; /* two pages */
};

enum { MEMORY_BYTES = 2 << 16, AT_PATH = 0x1000, AT_PATH2 = 0x3000, AT_IOV = 0x5000, AT_OUT = 0x6000, AT_DATA = 0x8000 };

static const char *const wasi_names[] = {
#define WASI_NAME(name, shape) #name,
    WASI_FUNCS(WASI_NAME)};
static const char *const wasi_shapes[] = {
#define WASI_SHAPE_TEXT(name, shape) #shape,
    WASI_FUNCS(WASI_SHAPE_TEXT)};

static inline struct w2s_module *wasi_open(const char *folder, const char *variant) {
  char name[40];
  snprintf(name, sizeof name, "wasi_%s", variant);
  char path[300];
  struct w2s_error error;
  struct w2s_module *module = NULL;
  snprintf(path, sizeof path, "%s/%s.so", folder, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0);
  if (w2s_module_open(fd, path, &module, &error) != W2S_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  close(fd);
  return module;
}

/* Instantiate the module over the world's context. */
static inline struct w2s_instance *wasi_instantiate(struct world *w, struct w2s_module *module, const char *name) {
  struct w2s_extern imports[WASI_N_FUNCS];
  struct w2s_error error;
  struct w2s_instance *instance = NULL;
  size_t n = strcmp(name, "wasi_unstable") == 0 ? WASI_N_FUNCS - 1 : WASI_N_FUNCS;
  for (size_t k = 0; k < n; k++) {
    CHECK(w2s_wasi_function(w->wasi, name, strlen(name), wasi_names[k], strlen(wasi_names[k]), &imports[k]) == 1);
  }
  if (w2s_instantiate(w->store, module, imports, n, &instance, &error) != W2S_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  return instance;
}

static inline struct world wasi_world_of(struct w2s_module *module, const char *name, uint32_t options) {
  struct world w = {.store = w2s_store_new()};
  struct w2s_extern item;
  w.wasi = w2s_wasi_new(w.store);
  CHECK(w.wasi);
  w2s_wasi_set_options(w.wasi, options);
  w.instance = wasi_instantiate(&w, module, name);
  uint32_t n = strcmp(name, "wasi_unstable") == 0 ? WASI_N_FUNCS - 1 : WASI_N_FUNCS;
  CHECK(w2s_instance_export(w.instance, 2 * n, &item) == W2S_OK && item.kind == W2S_EXTERN_MEMORY);
  w.memory = item.memory->base;
  CHECK(item.memory->bytes == MEMORY_BYTES);
  return w;
}

static inline struct world wasi_world(struct w2s_module *module, uint32_t options) {
  return wasi_world_of(module, "wasi_snapshot_preview1", options);
}

/* Call through native code, or directly; the errno, or -1 - trap code. */
static inline int64_t wasi_call(struct world *w, uint32_t export, const uint64_t *args, size_t n) {
  union w2s_value values[10];
  struct w2s_error error;
  for (size_t k = 0; k < n; k++) values[k].i64 = args[k];
  int32_t status = w2s_call(w->store, guest_func(w->instance, export), values, &error);
  if (status == W2S_OK) return values[0].i32;
  CHECK(status == W2S_ERR_TRAP);
  return -1 - (int64_t)error.trap;
}

#define ARGS(...) (const uint64_t[]){0, ##__VA_ARGS__} + 1, sizeof((const uint64_t[]){0, ##__VA_ARGS__}) / sizeof(uint64_t) - 1
/* CALL(fd_close, 3) with a `w` in scope. */
#define CALL(name, ...) wasi_call(w, WASI_EXPORT_OWN + WASI_##name, ARGS(__VA_ARGS__))
enum { TRAP_BOUNDS = -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS, TRAP_EXIT = -1 - W2S_TRAP_EXIT, TRAP_HOST = -1 - W2S_TRAP_HOST,
       TRAP_INTERRUPT = -1 - W2S_TRAP_INTERRUPT };

static inline void expect_at(int64_t got, int64_t want, const char *what, const char *file, int line) {
  if (got == want) return;
  fprintf(stderr, "%s:%d: %s: got %lld, expected %lld\n", file, line, what, (long long)got, (long long)want);
  exit(1);
}
#define EXPECT(want, call) expect_at((call), (want), #call, __FILE__, __LINE__)

static inline uint32_t get32(const struct world *w, uint32_t at) {
  uint32_t value;
  memcpy(&value, w->memory + at, sizeof value);
  return value;
}
static inline uint64_t get64(const struct world *w, uint32_t at) {
  uint64_t value;
  memcpy(&value, w->memory + at, sizeof value);
  return value;
}
static inline void put32(struct world *w, uint32_t at, uint32_t value) { memcpy(w->memory + at, &value, sizeof value); }
static inline void put64(struct world *w, uint32_t at, uint64_t value) { memcpy(w->memory + at, &value, sizeof value); }

/* A string in guest memory; its length. */
static inline uint32_t put_text(struct world *w, uint32_t at, const char *text) {
  memcpy(w->memory + at, text, strlen(text));
  return (uint32_t)strlen(text);
}
/* For path parameters: address and length. */
#define PATH(text) AT_PATH, put_text(w, AT_PATH, text)
#define PATH2(text) AT_PATH2, put_text(w, AT_PATH2, text)

static inline void put_iovec(struct world *w, uint32_t nth, uint32_t at, uint32_t bytes) {
  put32(w, AT_IOV + nth * 8, at);
  put32(w, AT_IOV + nth * 8 + 4, bytes);
}

enum { ALL_RIGHTS = (1 << 30) - 1 };

/* path_open with all rights; the errno, with the descriptor in `*fd`. */
static inline int64_t open_at(struct world *w, uint32_t dir, const char *path, uint32_t lookup, uint32_t oflags,
                              uint64_t rights, uint32_t fdflags, uint32_t *fd) {
  int64_t result = CALL(path_open, dir, lookup, PATH(path), oflags, rights, ALL_RIGHTS, fdflags, AT_OUT);
  *fd = result == 0 ? get32(w, AT_OUT) : UINT32_MAX;
  return result;
}

static inline uint32_t must_open(struct world *w, uint32_t dir, const char *path, uint32_t oflags, uint32_t fdflags) {
  uint32_t fd;
  uint64_t rights = oflags & W2SI_OFLAG_DIRECTORY ? ALL_RIGHTS & ~(uint64_t)W2SI_RIGHT_FD_WRITE : ALL_RIGHTS;
  EXPECT(0, open_at(w, dir, path, W2SI_LOOKUP_FOLLOW, oflags, rights, fdflags, &fd));
  return fd;
}

/* Write a text; the errno, with the count in AT_OUT. */
static inline int64_t write_text(struct world *w, uint32_t fd, const char *text) {
  put_iovec(w, 0, AT_DATA, put_text(w, AT_DATA, text));
  return CALL(fd_write, fd, AT_IOV, 1, AT_OUT);
}

/* Read and compare. */
static inline int reads(struct world *w, uint32_t fd, const char *text) {
  put_iovec(w, 0, AT_DATA, 4096);
  EXPECT(0, CALL(fd_read, fd, AT_IOV, 1, AT_OUT));
  return get32(w, AT_OUT) == strlen(text) && memcmp(w->memory + AT_DATA, text, strlen(text)) == 0;
}

static inline void make_file(struct world *w, uint32_t dir, const char *path, const char *text) {
  uint32_t fd = must_open(w, dir, path, W2SI_OFLAG_CREAT | W2SI_OFLAG_TRUNC, 0);
  EXPECT(0, write_text(w, fd, text));
  EXPECT(0, CALL(fd_close, fd));
}

/* Open descriptors of the process. */
static inline int wasi_count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  CHECK(dir);
  while (readdir(dir)) n++;
  closedir(dir);
  return n;
}

static inline void wasi_remove_folder(const char *folder) {
  char command[100];
  snprintf(command, sizeof command, "rm -rf %s", folder);
  CHECK(system(command) == 0);
}

#endif
