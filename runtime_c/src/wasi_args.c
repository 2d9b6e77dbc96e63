/* From a call's raw arguments to checked ones: everything that points into guest memory is checked, and structures that
 * are looked at twice are copied first (invariant I16). */
#define _GNU_SOURCE 1

#include <stdlib.h>

#include "wasi_call.h"

enum { INLINE_PATH = 256, INLINE_IOVECS = 16, N_PATHS = 2, N_DESCS = 2 };

/* What a call holds while it runs. */
struct held {
  struct w2si_desc *descs[N_DESCS];
  void *heap[N_PATHS + 1];
  int n_descs;
  int n_heap;
  int n_paths;
  char paths[N_PATHS][INLINE_PATH];
  struct iovec iov[INLINE_IOVECS];
};

static uint64_t size_of(struct w2s_memory *memory) {
  return memory ? __atomic_load_n(&memory->bytes, __ATOMIC_RELAXED) : 0;
}

uint8_t *w2si_guest(const struct w2si_call *call, uint64_t at, uint64_t n) {
  static uint8_t nothing;
  uint64_t size = size_of(call->memory);
  if (n == 0) return call->memory ? call->memory->base : &nothing; /* not looked at, wherever it points */
  if (n > size || at > size - n) return NULL;
  return call->memory->base + at;
}

static int out_of_bounds(void) { return w2si_unwind(W2S_TRAP_MEMORY_OUT_OF_BOUNDS); }

static int take_at(const struct w2si_call *call, struct w2si_arg *arg, uint64_t at, uint64_t n) {
  arg->at = w2si_guest(call, at, n);
  arg->n = n;
  return arg->at ? 0 : out_of_bounds();
}

/* Inline room if it suffices, else memory that is freed after the call; NULL if there is none. */
static void *room(struct held *held, void *place, size_t have, size_t want) {
  if (want <= have) return place;
  void *heap = malloc(want);
  if (heap) held->heap[held->n_heap++] = heap;
  return heap;
}

static int take_path(const struct w2si_call *call, struct held *held, struct w2si_arg *arg, uint64_t at, uint64_t n) {
  const uint8_t *from = w2si_guest(call, at, n);
  if (!from) return out_of_bounds();
  if (n == 0) return W2SI_ENOENT;
  if (n > call->wasi->limits.path_bytes) return W2SI_ENAMETOOLONG;
  char *copy = room(held, held->paths[held->n_paths], INLINE_PATH, (size_t)n + 1);
  if (!copy) return W2SI_ENOMEM;
  held->n_paths++;
  memcpy(copy, from, (size_t)n);
  copy[n] = 0;
  if (memchr(copy, 0, (size_t)n)) return W2SI_EINVAL;
  arg->path = (struct w2si_path){.bytes = copy, .n = (size_t)n};
  return 0;
}

static int take_iovecs(const struct w2si_call *call, struct held *held, struct w2si_arg *arg, uint64_t at, uint64_t n) {
  if (n > call->wasi->limits.iovecs) return W2SI_EINVAL;
  const uint8_t *from = w2si_guest(call, at, n * W2SI_IOVEC_BYTES);
  if (!from) return out_of_bounds();
  struct iovec *iov = room(held, held->iov, sizeof held->iov, (size_t)n * sizeof *iov);
  if (!iov) return W2SI_ENOMEM;
  arg->iov = iov;
  arg->n = 0;
  arg->bytes = 0;
  for (uint64_t i = 0; i < n; i++, from += W2SI_IOVEC_BYTES) {
    uint32_t start = w2si_get32(from);
    uint32_t bytes = w2si_get32(from + 4);
    uint8_t *base = w2si_guest(call, start, bytes);
    if (!base) return out_of_bounds();
    if (bytes == 0) continue;
    iov[arg->n++] = (struct iovec){.iov_base = base, .iov_len = bytes};
    arg->bytes += bytes;
  }
  return arg->bytes > UINT32_MAX ? W2SI_EINVAL : 0; /* the result would not fit */
}

static int take_desc(const struct w2si_call *call, struct held *held, struct w2si_arg *arg, uint64_t fd,
                     const struct w2si_row *row) {
  struct w2si_desc *desc = w2si_desc_at(call->wasi, (uint32_t)fd);
  if (!desc) return W2SI_EBADF;
  int denied = w2si_desc_need(desc, held->n_descs ? row->rights2 : row->rights);
  if (denied) return denied;
  desc->refs++;
  held->descs[held->n_descs++] = desc;
  arg->desc = desc;
  arg->n = fd;
  return 0;
}

static uint64_t bytes_of(uint32_t param, uint32_t unstable) {
  switch (param) {
    case W2SI_PARAM_OUT16: return 2;
    case W2SI_PARAM_OUT32: return 4;
    case W2SI_PARAM_OUT64: return 8;
    case W2SI_PARAM_PRESTAT: return W2SI_PRESTAT_BYTES;
    case W2SI_PARAM_FDSTAT: return W2SI_FDSTAT_BYTES;
    default: return unstable ? W2SI_UNSTABLE_FILESTAT_BYTES : W2SI_FILESTAT_BYTES;
  }
}

/* One argument that is no descriptor. */
static int take(const struct w2si_call *call, struct held *held, uint32_t param, const uint64_t *values,
                struct w2si_arg *arg) {
  arg->n = values[0];
  switch (param) {
    case W2SI_PARAM_FD:
    case W2SI_PARAM_U32:
    case W2SI_PARAM_U64:
    case W2SI_PARAM_AT: return 0;
    case W2SI_PARAM_PATH: return take_path(call, held, arg, values[0], values[1]);
    case W2SI_PARAM_BYTES: return take_at(call, arg, values[0], values[1]);
    case W2SI_PARAM_IOVECS: return take_iovecs(call, held, arg, values[0], values[1]);
    default: return take_at(call, arg, values[0], bytes_of(param, call->unstable));
  }
}

static int is_pair(uint32_t param) {
  return param == W2SI_PARAM_PATH || param == W2SI_PARAM_BYTES || param == W2SI_PARAM_IOVECS;
}

/* Fill `args`. A pointer out of bounds traps whatever else is wrong; then descriptors count, then the rest. */
static int take_all(const struct w2si_call *call, const struct w2si_wasi_func *func, const uint64_t *values,
                    struct held *held, struct w2si_arg *args) {
  int wrong = 0;
  for (size_t i = 0; func->params[i]; i++) {
    int failed = take(call, held, func->params[i], values, &args[i]);
    if (failed < 0) return failed;
    if (!wrong) wrong = failed;
    values += is_pair(func->params[i]) ? 2 : 1;
  }
  for (size_t i = 0; func->params[i]; i++) {
    int failed = func->params[i] == W2SI_PARAM_FD ? take_desc(call, held, &args[i], args[i].n, func->row) : 0;
    if (failed) return failed;
  }
  return wrong;
}

int w2si_wasi_dispatch(struct w2si_wasi_func *func, const uint64_t *values) {
  struct held held;
  struct w2si_arg args[W2SI_MAX_PARAMS];
  struct w2si_call call = {.wasi = func->wasi, .memory = func->memory, .unstable = func->unstable};
  held.n_descs = held.n_heap = held.n_paths = 0;
  call.wasi->running++;
  int result = w2si_check_at_times(call.wasi);
  if (result == 0) result = take_all(&call, func, values, &held, args);
  if (result == 0) result = func->row->run(&call, args);
  while (held.n_descs) w2si_desc_release(held.descs[--held.n_descs]);
  while (held.n_heap) free(held.heap[--held.n_heap]);
  call.wasi->running--;
  return result;
}
