/* WASI functions as such: types, pointers, arguments, binding, process, clocks, random numbers, polling, streams. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "wasi.h"

static struct w2s_module *preview1;
static struct w2s_module *unstable;

/* ---- types ---- */

static void test_types(void) {
  struct world world = wasi_world(preview1, 0);
  struct world *w = &world;
  for (size_t k = 0; k < WASI_N_FUNCS; k++) {
    struct w2s_extern item;
    const struct w2s_valtype *params;
    const struct w2s_valtype *results;
    size_t n_params;
    size_t n_results;
    CHECK(w2s_wasi_function(w->wasi, "wasi_snapshot_preview1", 22, wasi_names[k], strlen(wasi_names[k]), &item) == 1);
    CHECK(item.kind == W2S_EXTERN_FUNC);
    CHECK(w2s_type_func(item.func->type, &params, &n_params, &results, &n_results));
    const char *shape = strcmp(wasi_shapes[k], "none") == 0 ? "" : wasi_shapes[k];
    if (k == WASI_proc_exit) shape = "i";
    CHECK(n_params == strlen(shape) && n_results == (k != WASI_proc_exit));
    for (size_t i = 0; i < n_params; i++) CHECK(params[i].code == (shape[i] == 'I' ? W2S_I64 : W2S_I32));
  }
  struct w2s_extern item;
  CHECK(w2s_wasi_function(w->wasi, "wasi_unstable", 13, "sock_accept", 11, &item) == 0);
  CHECK(w2s_wasi_function(w->wasi, "wasi_unstable", 13, "fd_write", 8, &item) == 1);
  CHECK(w2s_wasi_function(w->wasi, "wasi_snapshot_preview1", 22, "fd_writ", 7, &item) == 0);
  CHECK(w2s_wasi_function(w->wasi, "wasi_snapshot_preview2", 22, "fd_write", 8, &item) == 0);
  CHECK(w2s_wasi_function(w->wasi, "env", 3, "fd_write", 8, &item) == 0);
  w2s_store_delete(w->store);
}

/* ---- pointers ---- */

/* Every pointer of every function: outside of memory, just across its end, and around 2^32. */
static void test_pointers(struct world *w) {
  const uint32_t end = MEMORY_BYTES;
  static const uint32_t bad[] = {MEMORY_BYTES - 1, MEMORY_BYTES, 0x7fffffff, 0xfffffff9, 0xffffffff};
  w2s_wasi_add_arg(w->wasi, "a", 1);
  w2s_wasi_add_env(w->wasi, "A=b", 3);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const uint32_t p = bad[i];
    EXPECT(TRAP_BOUNDS, CALL(args_get, p, 0));
    EXPECT(TRAP_BOUNDS, CALL(args_get, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(environ_get, p, 0));
    EXPECT(TRAP_BOUNDS, CALL(environ_get, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(args_sizes_get, p, 0));
    EXPECT(TRAP_BOUNDS, CALL(args_sizes_get, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(environ_sizes_get, p, 0));
    EXPECT(TRAP_BOUNDS, CALL(environ_sizes_get, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(clock_res_get, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(clock_time_get, 0, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_fdstat_get, 1, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_filestat_get, 1, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_prestat_get, 1, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_prestat_dir_name, 1, p, 8));
    EXPECT(TRAP_BOUNDS, CALL(fd_read, 0, p, 1, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(fd_read, 0, AT_IOV, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_write, 1, p, 1, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(fd_write, 1, AT_IOV, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_pread, 0, p, 1, 0, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(fd_pread, 0, AT_IOV, 0, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_pwrite, 1, p, 1, 0, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(fd_pwrite, 1, AT_IOV, 0, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_readdir, 3, p, 8, 0, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(fd_readdir, 3, 0, 8, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_seek, 1, 0, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(fd_tell, 1, p));
    EXPECT(TRAP_BOUNDS, CALL(path_create_directory, 3, p, 2));
    EXPECT(TRAP_BOUNDS, CALL(path_filestat_get, 3, 0, p, 2, 0));
    EXPECT(TRAP_BOUNDS, CALL(path_filestat_get, 3, 0, PATH("."), p));
    EXPECT(TRAP_BOUNDS, CALL(path_filestat_set_times, 3, 0, p, 2, 0, 0, 0));
    EXPECT(TRAP_BOUNDS, CALL(path_link, 3, 0, p, 2, 3, PATH("x")));
    EXPECT(TRAP_BOUNDS, CALL(path_link, 3, 0, PATH("x"), 3, p, 2));
    EXPECT(TRAP_BOUNDS, CALL(path_open, 3, 0, p, 2, 0, 0, 0, 0, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(path_open, 3, 0, PATH("x"), W2SI_OFLAG_CREAT, 0, 0, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(path_readlink, 3, p, 2, 0, 0, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(path_readlink, 3, PATH("x"), p, 2, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(path_readlink, 3, PATH("x"), 0, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(path_remove_directory, 3, p, 2));
    EXPECT(TRAP_BOUNDS, CALL(path_rename, 3, p, 2, 3, PATH("x")));
    EXPECT(TRAP_BOUNDS, CALL(path_rename, 3, PATH("x"), 3, p, 2));
    EXPECT(TRAP_BOUNDS, CALL(path_symlink, p, 2, 3, PATH("x")));
    EXPECT(TRAP_BOUNDS, CALL(path_symlink, PATH("x"), 3, p, 2));
    EXPECT(TRAP_BOUNDS, CALL(path_unlink_file, 3, p, 2));
    EXPECT(TRAP_BOUNDS, CALL(poll_oneoff, p, 0, 1, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(poll_oneoff, 0, p, 1, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(poll_oneoff, 0, 0, 1, p));
    EXPECT(TRAP_BOUNDS, CALL(random_get, p, 2));
    EXPECT(TRAP_BOUNDS, CALL(sock_accept, 4, 0, p));
    EXPECT(TRAP_BOUNDS, CALL(sock_recv, 1, p, 1, 0, AT_OUT, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(sock_recv, 1, AT_IOV, 0, 0, p, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(sock_recv, 1, AT_IOV, 0, 0, AT_OUT, p));
    EXPECT(TRAP_BOUNDS, CALL(sock_send, 1, p, 1, 0, AT_OUT));
    EXPECT(TRAP_BOUNDS, CALL(sock_send, 1, AT_IOV, 0, 0, p));
    put_iovec(w, 0, p, 2);
    EXPECT(TRAP_BOUNDS, CALL(fd_write, 1, AT_IOV, 1, AT_OUT));
    put_iovec(w, 0, p, 0); /* an empty piece may point anywhere */
    EXPECT(0, CALL(fd_write, 1, AT_IOV, 1, AT_OUT));
  }
  EXPECT(0, CALL(clock_time_get, 0, 0, end - 8));
  EXPECT(0, CALL(random_get, end, 0));
  EXPECT(TRAP_BOUNDS, CALL(random_get, end, 1));
  EXPECT(TRAP_BOUNDS, CALL(random_get, 0, 0xffffffff));
}

static void test_iovecs(struct world *w) {
  struct w2s_wasi_limits limits;
  put_iovec(w, 0, 0, MEMORY_BYTES);
  put_iovec(w, 1, 1, MEMORY_BYTES);
  EXPECT(TRAP_BOUNDS, CALL(fd_write, 1, AT_IOV, 2, AT_OUT));
  EXPECT(W2SI_EINVAL, CALL(fd_write, 1, 0, 1025, AT_OUT));
  EXPECT(W2SI_EINVAL, CALL(fd_write, 1, 0, 0xffffffff, AT_OUT));
  for (uint32_t i = 0; i < 1024; i++) {
    put32(w, AT_DATA + i * 8, 0);
    put32(w, AT_DATA + i * 8 + 4, MEMORY_BYTES);
  }
  EXPECT(0, CALL(fd_write, 1, AT_DATA, 1024, AT_OUT));
  CHECK(get32(w, AT_OUT) == 1024u * MEMORY_BYTES);
  w2s_wasi_get_limits(w->wasi, &limits);
  limits.iovecs = 3;
  w2s_wasi_set_limits(w->wasi, &limits);
  EXPECT(W2SI_EINVAL, CALL(fd_write, 1, AT_IOV, 4, AT_OUT));
  EXPECT(0, CALL(fd_write, 1, AT_IOV, 0, AT_OUT));
  CHECK(get32(w, AT_OUT) == 0);
}

/* A sum that needs more than 32 bits cannot be reported. */
static void test_iovec_sum(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  struct w2s_wasi_limits limits;
  w2s_wasi_get_limits(w->wasi, &limits);
  limits.iovecs = 1 << 16;
  w2s_wasi_set_limits(w->wasi, &limits);
  /* zeros as an array of empty pieces, but with whole memories at its end */
  memset(w->memory, 0, MEMORY_BYTES);
  for (uint32_t i = 0; i < MEMORY_BYTES / 8; i++) put32(w, i * 8 + 4, MEMORY_BYTES / 2);
  put32(w, 0, 0);
  const uint32_t n = MEMORY_BYTES / 8;
  put32(w, 4, 0);
  EXPECT(0, CALL(fd_write, 1, 0, n, AT_OUT)); /* 2^14 pieces of 2^16 less one piece: below 2^32 */
  CHECK((uint64_t)get32(w, AT_OUT) == (uint64_t)(n - 1) * (MEMORY_BYTES / 2));
  for (uint32_t i = 0; i < n; i++) put32(w, i * 8 + 4, MEMORY_BYTES);
  put32(w, AT_OUT, 0);
  for (uint32_t i = 0; i < n; i++) put32(w, i * 8, 0);
  EXPECT(0, CALL(fd_write, 1, 0, n, AT_OUT));
  w2s_store_delete(w->store);
}

/* ---- process ---- */

static void test_process(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  uint32_t status = 77;
  CHECK(w2s_wasi_add_arg(w->wasi, "prog", 4) == 0 && w2s_wasi_add_arg(w->wasi, "", 0) == 0);
  CHECK(w2s_wasi_add_arg(w->wasi, "a b", 3) == 0 && w2s_wasi_add_arg(w->wasi, "a\0b", 3) == EINVAL);
  CHECK(w2s_wasi_add_env(w->wasi, "K=v", 3) == 0);
  EXPECT(0, CALL(args_sizes_get, 0, 4));
  CHECK(get32(w, 0) == 3 && get32(w, 4) == 10);
  EXPECT(0, CALL(args_get, 0x100, 0x200));
  CHECK(get32(w, 0x100) == 0x200 && get32(w, 0x104) == 0x205 && get32(w, 0x108) == 0x206);
  CHECK(memcmp(w->memory + 0x200, "prog\0\0a b", 10) == 0);
  EXPECT(TRAP_BOUNDS, CALL(args_get, 0, MEMORY_BYTES - 9));
  EXPECT(0, CALL(args_get, 0, MEMORY_BYTES - 10));
  EXPECT(0, CALL(environ_sizes_get, 0, 4));
  CHECK(get32(w, 0) == 1 && get32(w, 4) == 4);
  EXPECT(0, CALL(environ_get, 0x100, 0x200));
  CHECK(memcmp(w->memory + 0x200, "K=v", 4) == 0);
  EXPECT(0, CALL(sched_yield));
  EXPECT(0, CALL(proc_raise, 0));
  EXPECT(W2SI_ENOTSUP, CALL(proc_raise, 9));
  EXPECT(W2SI_EINVAL, CALL(proc_raise, 31));
  CHECK(w2s_wasi_exit_status(w->wasi, &status) == 0 && status == 77);
  EXPECT(TRAP_EXIT, CALL(proc_exit, 0xfffffffe));
  CHECK(w2s_wasi_exit_status(w->wasi, &status) == 1 && status == 0xfffffffe);
  /* called by the host itself, without wasm in between */
  EXPECT(TRAP_EXIT, wasi_call(w, WASI_proc_exit, ARGS(5)));
  CHECK(w2s_wasi_exit_status(w->wasi, &status) == 1 && status == 5);
  EXPECT(0, wasi_call(w, WASI_environ_sizes_get, ARGS(0, 4)));
  CHECK(get32(w, 4) == 4);
  w2s_store_delete(w->store);
}

/* Two instances of one context have memories of their own; the context's own functions have none. */
static void test_binding(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  struct world second = world;
  struct w2s_extern item;
  second.instance = wasi_instantiate(w, module, "wasi_snapshot_preview1");
  CHECK(w2s_instance_export(second.instance, WASI_EXPORT_MEMORY, &item) == W2S_OK);
  second.memory = item.memory->base;
  put32(w, 0, 0);
  put32(&second, 0, 0);
  w2s_wasi_add_arg(w->wasi, "x", 1);
  EXPECT(0, wasi_call(&second, WASI_EXPORT_OWN + WASI_args_sizes_get, ARGS(0, 4)));
  CHECK(get32(w, 0) == 0 && get32(&second, 0) == 1);
  EXPECT(0, wasi_call(w, WASI_args_sizes_get, ARGS(0, 4)));
  CHECK(get32(w, 0) == 1);
  union w2s_value values[2] = {{.i32 = 0}, {.i32 = 4}};
  struct w2s_error error;
  CHECK(w2s_wasi_function(w->wasi, "wasi_snapshot_preview1", 22, "args_sizes_get", 14, &item) == 1);
  CHECK(w2s_call(w->store, item.func, values, &error) == W2S_ERR_TRAP && error.trap == W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  CHECK(w2s_wasi_close(w->wasi) == 0);
  EXPECT(W2SI_EBADF, CALL(fd_close, 1));
  EXPECT(W2SI_EBADF, CALL(fd_write, 1, AT_IOV, 0, AT_OUT));
  CHECK(w2s_wasi_stream_null(w->wasi, 1) == EBADF);
  w2s_store_delete(w->store);
}

/* ---- clocks, random numbers ---- */

static void test_clocks(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  for (uint32_t clock = 0; clock < 4; clock++) {
    EXPECT(0, CALL(clock_res_get, clock, 0));
    CHECK(get64(w, 0) > 0);
    EXPECT(0, CALL(clock_time_get, clock, 0, 0));
    EXPECT(0, CALL(clock_time_get, clock, 1000, 8));
    CHECK(get64(w, 8) >= get64(w, 0) && get64(w, 8) - get64(w, 0) < 1000000000);
  }
  EXPECT(0, CALL(clock_time_get, 0, 0, 0));
  CHECK(get64(w, 0) / 1000000000 - (uint64_t)time(NULL) + 2 < 4);
  EXPECT(W2SI_EINVAL, CALL(clock_time_get, 4, 0, 0));
  EXPECT(W2SI_EINVAL, CALL(clock_res_get, 0xffffffff, 0));
  CHECK(w2s_wasi_set_clock(w->wasi, W2S_WASI_REALTIME, 1000, 7) == 0 && w2s_wasi_set_clock(w->wasi, 9, 0, 0) == EINVAL);
  EXPECT(0, CALL(clock_time_get, 0, 0, 0));
  EXPECT(0, CALL(clock_time_get, 0, 0, 8));
  CHECK(get64(w, 0) == 1000 && get64(w, 8) == 1007);
  EXPECT(0, CALL(clock_res_get, 0, 0));
  CHECK(get64(w, 0) == 7);
  w2s_store_delete(w->store);
}

static void test_random(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  uint8_t before[64];
  EXPECT(0, CALL(random_get, 0, MEMORY_BYTES));
  CHECK(get64(w, 0) != get64(w, 8) && get64(w, MEMORY_BYTES - 8) != get64(w, MEMORY_BYTES - 16));
  w2s_wasi_set_seed(w->wasi, 42);
  EXPECT(0, CALL(random_get, 0, 61));
  memcpy(before, w->memory, 61);
  EXPECT(0, CALL(random_get, 0, 61));
  CHECK(memcmp(before, w->memory, 61) != 0);
  w2s_wasi_set_seed(w->wasi, 42);
  EXPECT(0, CALL(random_get, 0, 61));
  CHECK(memcmp(before, w->memory, 61) == 0);
  w2s_store_delete(w->store);
}

/* ---- polling ---- */

static void put_clock(struct world *w, uint32_t at, uint64_t userdata, uint32_t clock, uint64_t timeout, uint32_t flags) {
  memset(w->memory + at, 0, 48);
  put64(w, at, userdata);
  put32(w, at + 16, clock);
  put64(w, at + 24, timeout);
  put32(w, at + 40, flags);
}

static void put_fd(struct world *w, uint32_t at, uint64_t userdata, uint8_t type, uint32_t fd) {
  memset(w->memory + at, 0, 48);
  put64(w, at, userdata);
  w->memory[at + 8] = type;
  put32(w, at + 16, fd);
}

/* Is event `nth` this one, without a hangup? */
static int is_event(const struct world *w, uint32_t nth, uint64_t userdata, uint32_t error, uint32_t type) {
  uint32_t at = AT_OUT + nth * 32;
  return get64(w, at) == userdata && get32(w, at + 8) == (error | type << 16);
}

static uint64_t monotonic(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void test_poll(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  int pipes[2];
  struct timespec now;
  CHECK(pipe(pipes) == 0 && w2s_wasi_stream_fd(w->wasi, 0, pipes[0]) == 0 && w2s_wasi_stream_fd(w->wasi, 1, pipes[1]) == 0);
  EXPECT(W2SI_EINVAL, CALL(poll_oneoff, 0, AT_OUT, 0, 0x500));
  EXPECT(W2SI_EINVAL, CALL(poll_oneoff, 0, AT_OUT, 4097, 0x500));
  uint64_t start = monotonic();
  put_clock(w, 0, 11, 1, 120000000, 0);
  put_fd(w, 48, 12, W2SI_EVENT_READ, 0);
  EXPECT(0, CALL(poll_oneoff, 0, AT_OUT, 2, 0x500));
  CHECK(get32(w, 0x500) == 1 && is_event(w, 0, 11, 0, W2SI_EVENT_CLOCK));
  CHECK(monotonic() - start >= 120000000 && monotonic() - start < 2000000000);
  /* everything that is ready is told, in the order asked */
  CHECK(write(pipes[1], "abc", 3) == 3);
  put_clock(w, 0, 11, 0, 0, 0);
  put_fd(w, 96, 13, W2SI_EVENT_WRITE, 1);
  put_fd(w, 144, 14, W2SI_EVENT_READ, 99);
  put_fd(w, 192, 15, W2SI_EVENT_READ, 1);
  put_clock(w, 240, 16, 1, UINT64_MAX, 0);
  put_clock(w, 288, 17, 2, 0, 0);
  put_fd(w, 336, 18, W2SI_EVENT_WRITE, 2);
  EXPECT(0, CALL(poll_oneoff, 0, AT_OUT, 8, 0x500));
  CHECK(get32(w, 0x500) == 7 && is_event(w, 0, 11, 0, W2SI_EVENT_CLOCK) && is_event(w, 1, 12, 0, W2SI_EVENT_READ));
  CHECK(get64(w, AT_OUT + 32 + 16) == 3 && is_event(w, 2, 13, 0, W2SI_EVENT_WRITE));
  CHECK(is_event(w, 3, 14, W2SI_EBADF, W2SI_EVENT_READ) && is_event(w, 4, 15, W2SI_EBADF, W2SI_EVENT_READ));
  CHECK(is_event(w, 5, 17, W2SI_EINVAL, W2SI_EVENT_CLOCK) && is_event(w, 6, 18, 0, W2SI_EVENT_WRITE));
  /* an absolute time that has passed, and one to come */
  clock_gettime(CLOCK_REALTIME, &now);
  put_clock(w, 0, 1, 0, (uint64_t)now.tv_sec * 1000000000, W2SI_CLOCK_ABSTIME);
  EXPECT(0, CALL(poll_oneoff, 0, AT_OUT, 1, 0x500));
  put_clock(w, 0, 1, 1, monotonic() + 30000000, W2SI_CLOCK_ABSTIME);
  start = monotonic();
  EXPECT(0, CALL(poll_oneoff, 0, AT_OUT, 1, 0x500));
  CHECK(monotonic() - start >= 20000000);
  put_clock(w, 0, 1, 0, 0, 2);
  EXPECT(0, CALL(poll_oneoff, 0, AT_OUT, 1, 0x500));
  CHECK(is_event(w, 0, 1, W2SI_EINVAL, W2SI_EVENT_CLOCK));
  put_fd(w, 0, 1, 3, 0);
  EXPECT(W2SI_EINVAL, CALL(poll_oneoff, 0, AT_OUT, 1, 0x500));
  /* hangup */
  EXPECT(0, CALL(fd_close, 1));
  close(pipes[1]);
  put_iovec(w, 0, AT_DATA, 3);
  EXPECT(0, CALL(fd_read, 0, AT_IOV, 1, AT_OUT));
  put_fd(w, 0, 1, W2SI_EVENT_READ, 0);
  EXPECT(0, CALL(poll_oneoff, 0, AT_OUT, 1, 0x500));
  CHECK(is_event(w, 0, 1, 0, W2SI_EVENT_READ) && get32(w, AT_OUT + 24) == W2SI_EVENT_HANGUP);
  /* a fake clock does not wait */
  w2s_wasi_set_clock(w->wasi, W2S_WASI_MONOTONIC, 50, 0);
  put_clock(w, 0, 9, 1, UINT64_C(3600000000000), 0);
  start = monotonic();
  EXPECT(0, CALL(poll_oneoff, 0, AT_OUT, 1, 0x500));
  EXPECT(0, CALL(clock_time_get, 1, 0, 0));
  CHECK(get64(w, 0) == UINT64_C(3600000000050) && monotonic() - start < 2000000000);
  close(pipes[0]);
  w2s_store_delete(w->store);
}

/* ---- streams ---- */

struct served {
  char text[64];
  size_t n;
  int64_t result; /* instead, if negative */
  int finalized;
  struct world *world;
};

static int64_t serve_read(void *env, uint8_t *bytes, size_t n) {
  struct served *served = env;
  if (served->result < 0) return served->result;
  size_t part = n < served->n ? n : served->n;
  memcpy(bytes, served->text, part);
  memmove(served->text, served->text + part, served->n - part);
  served->n -= part;
  return (int64_t)part;
}

static int64_t serve_write(void *env, uint8_t *bytes, size_t n) {
  struct served *served = env;
  struct world *w = served->world;
  if (served->result < 0) return served->result;
  /* in the middle of a call, the program goes on elsewhere, and closes what is being written to */
  if (w) {
    served->world = NULL;
    CHECK(w2s_wasi_close(w->wasi) == EBUSY);
    EXPECT(0, CALL(fd_close, 1));
    CHECK(!served->finalized);
  }
  memcpy(served->text + served->n, bytes, n);
  served->n += n;
  return (int64_t)n;
}

static void finalize(void *env) { ((struct served *)env)->finalized++; }

static void test_streams(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  struct served in = {.text = "hello", .n = 5};
  struct served out = {.n = 0};
  const uint8_t *content;
  size_t n;
  CHECK(reads(w, 0, ""));
  EXPECT(0, write_text(w, 1, "nothing"));
  EXPECT(W2SI_EBADF, write_text(w, 0, "x"));
  EXPECT(W2SI_EBADF, CALL(fd_read, 1, AT_IOV, 1, AT_OUT));
  EXPECT(0, CALL(fd_seek, 1, 5, 0, 0));
  CHECK(w2s_wasi_stream_bytes(w->wasi, 0, (const uint8_t *)"some input", 10) == 0);
  CHECK(w2s_wasi_stream_bytes(w->wasi, 1, (const uint8_t *)"some input", 10) == EINVAL);
  CHECK(w2s_wasi_stream_null(w->wasi, 3) == EINVAL && w2s_wasi_stream_fd(w->wasi, 1, 12345) == EBADF);
  CHECK(reads(w, 0, "some input") && reads(w, 0, ""));
  CHECK(w2s_wasi_stream_content(w->wasi, 1, &content, &n) == EINVAL);
  CHECK(w2s_wasi_stream_buffer(w->wasi, 1, 1) == 0 && w2s_wasi_stream_buffer(w->wasi, 2, 1) == 0);
  EXPECT(0, write_text(w, 1, "one "));
  EXPECT(0, write_text(w, 2, "two "));
  EXPECT(0, write_text(w, 1, "three"));
  CHECK(w2s_wasi_stream_content(w->wasi, 2, &content, &n) == 0 && n == 13 && memcmp(content, "one two three", 13) == 0);
  struct w2s_wasi_limits limits;
  w2s_wasi_get_limits(w->wasi, &limits);
  limits.buffer_bytes = 6;
  w2s_wasi_set_limits(w->wasi, &limits);
  CHECK(w2s_wasi_stream_buffer(w->wasi, 1, 1) == 0);
  EXPECT(0, write_text(w, 1, "12345"));
  EXPECT(W2SI_ENOSPC, write_text(w, 1, "67"));
  EXPECT(0, write_text(w, 1, "6"));
  CHECK(w2s_wasi_stream_content(w->wasi, 1, &content, &n) == 0 && n == 6);
  /* served by the embedder */
  CHECK(w2s_wasi_stream_calls(w->wasi, 0, serve_read, &in, finalize) == 0);
  CHECK(w2s_wasi_stream_calls(w->wasi, 1, serve_write, &out, finalize) == 0);
  CHECK(reads(w, 0, "hello") && reads(w, 0, ""));
  put_iovec(w, 0, AT_DATA, put_text(w, AT_DATA, "in two "));
  put_iovec(w, 1, AT_DATA + 100, put_text(w, AT_DATA + 100, "pieces"));
  EXPECT(0, CALL(fd_write, 1, AT_IOV, 2, AT_OUT));
  CHECK(get32(w, AT_OUT) == 13 && out.n == 13 && memcmp(out.text, "in two pieces", 13) == 0);
  EXPECT(W2SI_ESPIPE, CALL(fd_seek, 1, 0, 0, AT_OUT));
  out.result = -ENOSPC;
  EXPECT(W2SI_ENOSPC, write_text(w, 1, "x"));
  out.result = W2S_WASI_RAISED;
  EXPECT(TRAP_HOST, write_text(w, 1, "x"));
  in.result = -EIO;
  EXPECT(W2SI_EIO, CALL(fd_read, 0, AT_IOV, 1, AT_OUT));
  out.result = 0;
  out.world = w;
  EXPECT(0, write_text(w, 1, "!"));
  CHECK(out.finalized == 1 && out.n == 14);
  EXPECT(W2SI_EBADF, write_text(w, 1, "x"));
  w2s_store_delete(w->store);
  CHECK(in.finalized == 1 && out.finalized == 1);
}

/* ---- sockets ---- */

static void test_sockets(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  CHECK(w2s_wasi_add_fd(w->wasi, pair[0]) == 0);
  close(pair[0]);
  put_iovec(w, 0, AT_DATA, put_text(w, AT_DATA, "ping"));
  EXPECT(0, CALL(sock_send, 3, AT_IOV, 1, 0, AT_OUT));
  EXPECT(W2SI_EINVAL, CALL(sock_send, 3, AT_IOV, 1, 1, AT_OUT));
  char got[8];
  CHECK(get32(w, AT_OUT) == 4 && read(pair[1], got, 8) == 4 && memcmp(got, "ping", 4) == 0);
  CHECK(write(pair[1], "pong", 4) == 4);
  EXPECT(0, CALL(sock_recv, 3, AT_IOV, 1, W2SI_RI_PEEK, AT_OUT, AT_OUT + 4));
  EXPECT(0, CALL(sock_recv, 3, AT_IOV, 1, W2SI_RI_WAITALL, AT_OUT, AT_OUT + 4));
  CHECK(get32(w, AT_OUT) == 4 && get32(w, AT_OUT + 4) == 0 && memcmp(w->memory + AT_DATA, "pong", 4) == 0);
  EXPECT(W2SI_EINVAL, CALL(sock_recv, 3, AT_IOV, 1, 4, AT_OUT, AT_OUT + 4));
  EXPECT(W2SI_ENOTSOCK, CALL(sock_recv, 0, AT_IOV, 1, 0, AT_OUT, AT_OUT + 4));
  EXPECT(W2SI_ENOTSOCK, CALL(sock_send, 1, AT_IOV, 1, 0, AT_OUT));
  EXPECT(W2SI_ENOTSOCK, CALL(sock_shutdown, 1, W2SI_SD_RD));
  EXPECT(W2SI_ENOTSOCK, CALL(sock_accept, 1, 0, AT_OUT));
  EXPECT(W2SI_EBADF, CALL(sock_shutdown, 9, W2SI_SD_RD));
  EXPECT(W2SI_EINVAL, CALL(sock_shutdown, 3, 0));
  EXPECT(W2SI_EINVAL, CALL(sock_accept, 3, 0, AT_OUT)); /* it does not listen */
  EXPECT(0, CALL(fd_fdstat_set_flags, 3, W2SI_FDFLAG_NONBLOCK));
  EXPECT(W2SI_EAGAIN, CALL(fd_read, 3, AT_IOV, 1, AT_OUT));
  EXPECT(0, CALL(sock_shutdown, 3, W2SI_SD_WR));
  EXPECT(W2SI_EPIPE, write_text(w, 3, "x"));
  CHECK(read(pair[1], got, 8) == 0);
  close(pair[1]);
  w2s_store_delete(w->store);
}

/* ---- wasi_unstable ---- */

static void test_unstable(void) {
  struct world world = wasi_world_of(unstable, "wasi_unstable", 0);
  struct world *w = &world;
  const uint32_t own = WASI_N_FUNCS - 1;
  CHECK(w2s_wasi_stream_bytes(w->wasi, 0, (const uint8_t *)"0123456789", 10) == 0);
  memset(w->memory, 0xff, 128);
  EXPECT(0, wasi_call(w, own + WASI_fd_filestat_get, ARGS(0, 0)));
  CHECK(w->memory[16] == W2SI_FILETYPE_REGULAR_FILE && get32(w, 20) == 0 && get64(w, 24) == 10);
  CHECK(get64(w, 40) == get64(w, 48) && w->memory[56] == 0xff);
  EXPECT(0, wasi_call(w, own + WASI_fd_filestat_get, ARGS(0, MEMORY_BYTES - 56)));
  EXPECT(0, wasi_call(w, own + WASI_fd_seek, ARGS(0, 7, 2, 0))); /* set */
  CHECK(get64(w, 0) == 7);
  EXPECT(0, wasi_call(w, own + WASI_fd_seek, ARGS(0, 1, 0, 0))); /* cur */
  CHECK(get64(w, 0) == 8);
  EXPECT(0, wasi_call(w, own + WASI_fd_seek, ARGS(0, (uint64_t)-1, 1, 0))); /* end */
  CHECK(get64(w, 0) == 9);
  EXPECT(W2SI_EINVAL, wasi_call(w, own + WASI_fd_seek, ARGS(0, 0, 3, 0)));
  memset(w->memory, 0, 112);
  put64(w, 0, 5);
  put64(w, 16, 77); /* an identifier, ignored */
  put32(w, 24, W2S_WASI_MONOTONIC);
  put64(w, 32, 1000000);
  put64(w, 56, 6);
  w->memory[64] = W2SI_EVENT_READ;
  put32(w, 72, 0);
  EXPECT(0, wasi_call(w, own + WASI_poll_oneoff, ARGS(0, AT_OUT, 2, 0x500)));
  CHECK(get32(w, 0x500) == 1 && is_event(w, 0, 6, 0, W2SI_EVENT_READ) && get64(w, AT_OUT + 16) == 1);
  EXPECT(TRAP_BOUNDS, wasi_call(w, own + WASI_poll_oneoff, ARGS(MEMORY_BYTES - 55, AT_OUT, 1, 0x500)));
  w2s_store_delete(w->store);
}

/* A descriptor number is an index of the guest's table and nothing else. */
static void test_numbers(struct w2s_module *module) {
  struct world world = wasi_world(module, 0);
  struct world *w = &world;
  for (uint32_t fd = 3; fd < 40; fd++) {
    EXPECT(W2SI_EBADF, CALL(fd_fdstat_get, fd, 0));
    EXPECT(W2SI_EBADF, CALL(fd_close, fd));
  }
  EXPECT(W2SI_EBADF, CALL(fd_close, 0xffffffff));
  EXPECT(W2SI_EBADF, CALL(fd_prestat_get, 0, 0));
  EXPECT(W2SI_EBADF, CALL(fd_renumber, 0, 3));
  EXPECT(W2SI_EBADF, CALL(fd_renumber, 3, 0));
  EXPECT(0, CALL(fd_renumber, 0, 0));
  EXPECT(0, CALL(fd_renumber, 0, 2));
  EXPECT(W2SI_EBADF, CALL(fd_fdstat_get, 0, 0));
  EXPECT(0, CALL(fd_fdstat_get, 2, 0));
  CHECK(w->memory[0] == W2SI_FILETYPE_CHARACTER_DEVICE && !(get64(w, 8) & W2SI_RIGHT_FD_WRITE));
  EXPECT(0, CALL(fd_close, 2));
  EXPECT(W2SI_EBADF, CALL(fd_close, 2));
  w2s_store_delete(w->store);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  preview1 = wasi_open(argv[1], "PREVIEW1");
  unstable = wasi_open(argv[1], "UNSTABLE");
  struct world world = wasi_world(preview1, 0);
  struct w2s_wasi_node *root;
  CHECK(w2s_wasi_preopen_memory(world.wasi, "/", 1, 0, &root) == 0);
  test_types();
  test_pointers(&world);
  test_iovecs(&world);
  test_iovec_sum(preview1);
  test_process(preview1);
  test_binding(preview1);
  test_clocks(preview1);
  test_random(preview1);
  test_poll(preview1);
  test_streams(preview1);
  test_sockets(preview1);
  test_unstable();
  test_numbers(preview1);
  w2s_store_delete(world.store);
  w2s_module_release(preview1);
  w2s_module_release(unstable);
  return 0;
}
