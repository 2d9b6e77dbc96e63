/* WASI contexts: what the embedder sets up. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store.h"
#include "wasi_call.h"
#include "wasi_node.h"

enum { N_STREAMS = 3 };

static const struct w2s_wasi_limits default_limits = {
    .descriptors = 1024,
    .iovecs = 1024,
    .subscriptions = 4096,
    .path_bytes = 4095,
    .buffer_bytes = (uint64_t)1 << 30,
    .node_bytes = (uint64_t)1 << 30,
    .nodes = 1000000,
};

/* The host's errno value for an error of WASI, of those that setting up can meet. */
static int32_t host_error(int wasi) {
  switch (wasi) {
    case W2SI_ESUCCESS: return 0;
    case W2SI_EMFILE: return EMFILE;
    case W2SI_ENOMEM: return ENOMEM;
    case W2SI_ENOTDIR: return ENOTDIR;
    case W2SI_ENOSPC: return ENOSPC;
    case W2SI_EEXIST: return EEXIST;
    case W2SI_EBADF: return EBADF;
    default: return EINVAL;
  }
}

struct w2s_wasi *w2s_wasi_new(struct w2s_store *store) {
  struct w2si_store *own = w2si_store(store);
  enum w2si_claim claim = w2si_claim(own, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return NULL;
  struct w2s_wasi *wasi = calloc(1, sizeof *wasi);
  if (wasi) {
    wasi->store = store;
    wasi->limits = default_limits;
    wasi->next_ino = 1;
    for (uint32_t stream = 0; stream < N_STREAMS; stream++) {
      if (w2s_wasi_stream_null(wasi, stream)) {
        wasi->next = NULL;
        w2si_wasi_free_all(wasi);
        w2si_unclaim(own, claim);
        return NULL;
      }
    }
    wasi->next = own->wasi;
    own->wasi = wasi;
  }
  w2si_unclaim(own, claim);
  return wasi;
}

static void close_all(struct w2s_wasi *wasi) {
  wasi->closed = 1;
  for (uint32_t fd = 0; fd < wasi->n_table; fd++) w2si_desc_close(wasi, fd);
  wasi->check = NULL;
}

int32_t w2s_wasi_close(struct w2s_wasi *wasi) {
  struct w2si_store *store = w2si_store(wasi->store);
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return EBUSY;
  int32_t status = wasi->running ? EBUSY : 0;
  if (!status) close_all(wasi);
  w2si_unclaim(store, claim);
  return status;
}

void w2si_wasi_free_all(struct w2s_wasi *wasi) {
  while (wasi) {
    struct w2s_wasi *next = wasi->next;
    close_all(wasi);
    w2si_nodes_free(wasi);
    while (wasi->funcs) {
      struct w2si_wasi_func *func = wasi->funcs;
      wasi->funcs = func->next;
      free(func);
    }
    free(wasi->table);
    free(wasi->args.bytes);
    free(wasi->env.bytes);
    free(wasi);
    wasi = next;
  }
}

void w2s_wasi_get_limits(const struct w2s_wasi *wasi, struct w2s_wasi_limits *limits) { *limits = wasi->limits; }

void w2s_wasi_set_limits(struct w2s_wasi *wasi, const struct w2s_wasi_limits *limits) { wasi->limits = *limits; }

void w2s_wasi_set_options(struct w2s_wasi *wasi, uint32_t options) { wasi->options = options; }

void w2s_wasi_set_check(struct w2s_wasi *wasi, int32_t (*check)(void *env), void *env) {
  wasi->check = check;
  wasi->check_env = env;
}

int32_t w2s_wasi_exit_status(const struct w2s_wasi *wasi, uint32_t *status) {
  if (wasi->exited) *status = wasi->exit_status;
  return wasi->exited;
}

/* ---- arguments and environment ---- */

static int32_t add_string(struct w2si_strings *strings, const char *bytes, size_t n) {
  if (n && memchr(bytes, 0, n)) return EINVAL;
  if (n > UINT32_MAX - 1 - strings->n_bytes) return ENOMEM; /* the guest counts in 32 bits */
  char *grown = realloc(strings->bytes, strings->n_bytes + n + 1);
  if (!grown) return ENOMEM;
  strings->bytes = grown;
  if (n) memcpy(grown + strings->n_bytes, bytes, n);
  grown[strings->n_bytes + n] = 0;
  strings->n_bytes += n + 1;
  strings->n++;
  return 0;
}

int32_t w2s_wasi_add_arg(struct w2s_wasi *wasi, const char *bytes, size_t n) { return add_string(&wasi->args, bytes, n); }

int32_t w2s_wasi_add_env(struct w2s_wasi *wasi, const char *bytes, size_t n) { return add_string(&wasi->env, bytes, n); }

/* ---- streams ---- */

/* Put `desc` in the place of a standard stream; takes it over. */
static int32_t set_stream(struct w2s_wasi *wasi, uint32_t stream, struct w2si_desc *desc,
                          struct w2s_wasi_node *buffer) {
  desc->rights &= ~(uint64_t)(stream == W2S_WASI_STDIN ? W2SI_RIGHT_FD_WRITE : W2SI_RIGHT_FD_READ);
  int failed = w2si_desc_set(wasi, stream, desc);
  if (failed) {
    w2si_desc_release(desc);
  } else {
    wasi->buffers[stream] = buffer;
  }
  return host_error(failed);
}

/* May a stream be set now? */
static int32_t check_stream(const struct w2s_wasi *wasi, uint32_t stream) {
  if (stream >= N_STREAMS) return EINVAL;
  return wasi->closed ? EBADF : 0;
}

int32_t w2s_wasi_stream_null(struct w2s_wasi *wasi, uint32_t stream) {
  struct w2si_desc *desc;
  int32_t status = check_stream(wasi, stream);
  if (!status) status = host_error(w2si_null_open(wasi, &desc));
  return status ? status : set_stream(wasi, stream, desc, NULL);
}

int32_t w2s_wasi_stream_fd(struct w2s_wasi *wasi, uint32_t stream, int32_t fd) {
  struct w2si_desc *desc;
  int32_t status = check_stream(wasi, stream);
  if (status) return status;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) return errno;
  status = host_error(w2si_host_open(wasi, own, 0, &desc));
  return status ? status : set_stream(wasi, stream, desc, NULL);
}

/* A stream over a file in memory. */
static int32_t set_node(struct w2s_wasi *wasi, uint32_t stream, struct w2s_wasi_node *node, uint32_t fdflags,
                        struct w2s_wasi_node *buffer) {
  struct w2si_desc *desc;
  int32_t status = host_error(w2si_node_open(wasi, node, fdflags, &desc));
  return status ? status : set_stream(wasi, stream, desc, buffer);
}

int32_t w2s_wasi_stream_bytes(struct w2s_wasi *wasi, uint32_t stream, const uint8_t *bytes, size_t n) {
  struct w2s_wasi_node *node;
  int32_t status = check_stream(wasi, stream);
  if (!status && stream != W2S_WASI_STDIN) status = EINVAL;
  if (!status) status = host_error(w2si_node_new_file(wasi, UINT64_MAX, bytes, n, &node));
  return status ? status : set_node(wasi, stream, node, 0, NULL);
}

int32_t w2s_wasi_stream_buffer(struct w2s_wasi *wasi, uint32_t stream, uint32_t other) {
  int32_t status = check_stream(wasi, stream);
  if (!status && (stream == W2S_WASI_STDIN || other >= N_STREAMS)) status = EINVAL;
  if (status) return status;
  struct w2s_wasi_node *node = other == stream ? NULL : wasi->buffers[other];
  if (!node) status = host_error(w2si_node_new_file(wasi, wasi->limits.buffer_bytes, NULL, 0, &node));
  return status ? status : set_node(wasi, stream, node, W2SI_FDFLAG_APPEND, node);
}

int32_t w2s_wasi_stream_content(const struct w2s_wasi *wasi, uint32_t stream, const uint8_t **bytes, size_t *n) {
  if (stream >= N_STREAMS || !wasi->buffers[stream]) return EINVAL;
  *bytes = w2s_wasi_node_content(wasi->buffers[stream], n);
  return 0;
}

int32_t w2s_wasi_stream_calls(struct w2s_wasi *wasi, uint32_t stream, w2s_wasi_transfer transfer, void *env,
                              void (*finalize)(void *env)) {
  struct w2si_desc *desc;
  int32_t status = check_stream(wasi, stream);
  if (!status) status = host_error(w2si_calls_open(wasi, transfer, env, finalize, &desc));
  return status ? status : set_stream(wasi, stream, desc, NULL);
}

/* ---- further descriptors ---- */

/* Add a descriptor at the next free place from 3 on; takes it over. */
static int32_t add_desc(struct w2s_wasi *wasi, struct w2si_desc *desc) {
  uint32_t fd = N_STREAMS;
  int failed = w2si_desc_room(wasi);
  while (w2si_desc_at(wasi, fd)) fd++;
  if (!failed) failed = w2si_desc_set(wasi, fd, desc);
  if (failed) w2si_desc_release(desc);
  return host_error(failed);
}

static int32_t preopen(struct w2s_wasi *wasi, struct w2si_desc *desc, const char *name, size_t n, uint32_t flags) {
  desc->name = n && !memchr(name, 0, n) ? malloc(n) : NULL;
  if (!desc->name) {
    w2si_desc_release(desc);
    return n && !memchr(name, 0, n) ? ENOMEM : EINVAL;
  }
  memcpy(desc->name, name, n);
  desc->n_name = n;
  desc->rights = W2SI_RIGHTS_DIR;
  desc->inheriting = W2SI_RIGHTS_DIR | W2SI_RIGHTS_FILE | W2SI_RIGHTS_SOCKET;
  if (flags & W2S_WASI_READ_ONLY) {
    desc->read_only = 1;
    desc->rights &= ~(uint64_t)W2SI_RIGHTS_CHANGE;
    desc->inheriting &= ~(uint64_t)W2SI_RIGHTS_CHANGE;
  }
  return add_desc(wasi, desc);
}

/* A duplicate would share its reading position with the embedder's, so the directory is opened anew. */
int32_t w2s_wasi_preopen_fd(struct w2s_wasi *wasi, int32_t fd, const char *name, size_t n, uint32_t flags) {
  struct w2si_desc *desc;
  if (wasi->closed) return EBADF;
  int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0 && errno == EACCES) own = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return errno;
  int32_t status = host_error(w2si_host_open(wasi, own, 1, &desc));
  return status ? status : preopen(wasi, desc, name, n, flags);
}

int32_t w2s_wasi_add_fd(struct w2s_wasi *wasi, int32_t fd) {
  struct w2si_desc *desc;
  if (wasi->closed) return EBADF;
  int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) return errno;
  int32_t status = host_error(w2si_host_open(wasi, own, 0, &desc));
  if (status) return status;
  if (desc->filetype != W2SI_FILETYPE_DIRECTORY) return add_desc(wasi, desc);
  w2si_desc_release(desc);
  return EISDIR;
}

int32_t w2s_wasi_preopen_memory(struct w2s_wasi *wasi, const char *name, size_t n, uint32_t flags,
                                struct w2s_wasi_node **root) {
  struct w2si_desc *desc;
  if (wasi->closed) return EBADF;
  int32_t status = host_error(w2si_node_new_root(wasi, root));
  if (!status) status = host_error(w2si_node_open(wasi, *root, 0, &desc));
  return status ? status : preopen(wasi, desc, name, n, flags);
}

int32_t w2s_wasi_node_add(struct w2s_wasi *wasi, struct w2s_wasi_node *dir, const char *name, size_t n, uint32_t kind,
                          const uint8_t *bytes, size_t n_bytes, struct w2s_wasi_node **out) {
  struct w2s_wasi_node *node;
  int32_t status = host_error(w2si_node_add(wasi, dir, name, n, kind, bytes, n_bytes, &node));
  if (!status && out) *out = node;
  return status;
}
