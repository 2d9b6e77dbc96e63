/* WASI contexts, descriptors and calls.
 *
 * Results of everything here that can fail are errors of WASI (enum w2si_errno), or negative: w2si_unwind(trap code), for
 * the entry to trap with once everything is cleaned up. Nothing in between unwinds.
 */
#ifndef W2SI_WASI_CORE_H
#define W2SI_WASI_CORE_H

#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include "../include/wasm2so/wasi.h"
#include "wasi_abi.h"

struct w2si_desc;
struct w2si_wasi_func;

static inline int w2si_unwind(uint32_t trap) { return -1 - (int)trap; }

/* The error of WASI for an errno value of the host (wasi_errno.c). */
int w2si_errno(int host);

/* ---- what descriptors do -------------------------------------------------------------------------------- */

struct w2si_stat {
  uint64_t dev;
  uint64_t ino;
  uint64_t nlink;
  uint64_t size;
  uint64_t atim; /* nanoseconds since 1970 */
  uint64_t mtim;
  uint64_t ctim;
  uint32_t filetype; /* enum w2si_filetype */
};

/* A transfer. */
struct w2si_io {
  struct iovec *iov; /* host addresses; the transfer may change the array */
  int n;
  uint64_t bytes; /* sum of the lengths */
  int64_t offset; /* of fd_pread and fd_pwrite; -1: at the descriptor's position */
};

/* A path of the guest: copied, without zero bytes inside, terminated. */
struct w2si_path {
  const char *bytes;
  size_t n;
};

struct w2si_open {
  uint32_t oflags;
  uint32_t fdflags;
  uint8_t follow; /* symbolic links as the last component */
  uint8_t read;
  uint8_t write;
};

/* What there is to wait for: a host descriptor, or nothing (`fd` < 0) because it never blocks. */
struct w2si_ready {
  int fd;
  uint64_t bytes; /* known to be available where it never blocks */
};

/* A directory entry. */
struct w2si_entry {
  uint64_t next; /* cookie of the one after it */
  uint64_t ino;
  const char *name; /* valid until the directory is touched again */
  uint32_t n;
  uint32_t filetype;
};

/* The operations of one kind of descriptor. NULL: not for this kind. Rights have been checked. */
struct w2si_ops {
  void (*destroy)(struct w2si_desc *desc);
  int (*read)(struct w2si_desc *desc, const struct w2si_io *io, size_t *done);
  int (*write)(struct w2si_desc *desc, const struct w2si_io *io, size_t *done);
  int (*seek)(struct w2si_desc *desc, int64_t delta, uint32_t whence, uint64_t *at);
  int (*stat)(struct w2si_desc *desc, struct w2si_stat *out);
  int (*set_size)(struct w2si_desc *desc, uint64_t bytes);
  int (*set_times)(struct w2si_desc *desc, const struct timespec times[2]); /* as for utimensat */
  int (*allocate)(struct w2si_desc *desc, uint64_t offset, uint64_t bytes);
  int (*advise)(struct w2si_desc *desc, uint64_t offset, uint64_t bytes, uint32_t advice);
  int (*sync)(struct w2si_desc *desc, int data_only);
  int (*set_flags)(struct w2si_desc *desc, uint32_t fdflags);
  int (*ready)(struct w2si_desc *desc, int for_write, struct w2si_ready *out);
  int (*entry)(struct w2si_desc *desc, uint64_t cookie, struct w2si_entry *out); /* n == 0: no more */

  /* Directories. `out` is new, with type and flags set and no rights. */
  int (*open)(struct w2si_desc *dir, const struct w2si_path *path, const struct w2si_open *how, struct w2si_desc **out);
  int (*make_dir)(struct w2si_desc *dir, const struct w2si_path *path);
  int (*stat_at)(struct w2si_desc *dir, const struct w2si_path *path, int follow, struct w2si_stat *out);
  int (*set_times_at)(struct w2si_desc *dir, const struct w2si_path *path, int follow, const struct timespec times[2]);
  int (*read_link)(struct w2si_desc *dir, const struct w2si_path *path, uint8_t *to, size_t n, size_t *used);
  int (*remove_dir)(struct w2si_desc *dir, const struct w2si_path *path);
  int (*unlink)(struct w2si_desc *dir, const struct w2si_path *path);
  int (*symlink)(struct w2si_desc *dir, const struct w2si_path *target, const struct w2si_path *path);
  /* Both directories are of this kind. */
  int (*link)(struct w2si_desc *dir, const struct w2si_path *path, struct w2si_desc *to, const struct w2si_path *new_path);
  int (*rename)(struct w2si_desc *dir, const struct w2si_path *path, struct w2si_desc *to,
                const struct w2si_path *new_path);
};

/* An open descriptor. Calls in progress hold references, so that it outlives being closed by what they call. */
struct w2si_desc {
  const struct w2si_ops *ops;
  struct w2s_wasi *wasi;
  uint32_t refs;
  uint8_t filetype;  /* enum w2si_filetype */
  uint8_t no_seek;   /* a stream */
  uint8_t read_only; /* opened through a read-only directory */
  uint8_t is_socket;
  uint32_t fdflags;  /* enum w2si_fdflags; NONBLOCK is never passed on to the host */
  uint64_t rights;
  uint64_t inheriting;
  char *name;        /* a preopened directory's, or NULL */
  size_t n_name;
};

/* ---- contexts ------------------------------------------------------------------------------------------- */

/* A list of zero-terminated strings, one behind the other. */
struct w2si_strings {
  char *bytes;
  size_t n_bytes; /* terminators included */
  size_t n;
};

struct w2si_fake_clock {
  uint64_t now;
  uint64_t step;
  int on;
};

enum { W2SI_N_CLOCKS = 4 };

struct w2s_wasi {
  struct w2s_store *store;
  struct w2s_wasi *next; /* all contexts of the store */
  struct w2si_wasi_func *funcs;
  struct w2s_wasi_limits limits;
  uint32_t options; /* enum w2s_wasi_option */
  uint32_t running; /* calls in progress */
  struct w2si_strings args;
  struct w2si_strings env;

  struct w2si_desc **table; /* by guest descriptor; NULL: free */
  uint32_t n_table;
  uint32_t n_open;
  uint8_t closed;
  uint8_t exited;
  uint8_t seeded;
  uint32_t exit_status;
  struct w2s_wasi_node *buffers[3]; /* of the standard streams that are kept in memory */

  uint64_t node_bytes; /* used by files in memory */
  uint64_t n_nodes;
  uint64_t next_ino;
  struct w2s_wasi_node *nodes; /* all of them */

  uint64_t random[4];
  struct w2si_fake_clock clocks[W2SI_N_CLOCKS];

  int32_t (*check)(void *env);
  void *check_env;
  atomic_int interrupt;
  uint32_t n_calls;    /* for w2si_check_at_times */
  uint64_t checked_at; /* ms of the coarse clock */
};

/* Free a context whose store goes. */
void w2si_wasi_free_all(struct w2s_wasi *wasi);

/* ---- the descriptor table (wasi_table.c) ---- */

/* Make `desc` the lowest free descriptor and take the caller's reference. On failure the caller keeps it. */
int w2si_desc_add(struct w2s_wasi *wasi, struct w2si_desc *desc, uint32_t *fd);
/* Is there room for another? EMFILE early spares an open that would have to be undone. */
int w2si_desc_room(const struct w2s_wasi *wasi);
/* Put `desc` at `fd`, which may be open, and take the caller's reference. */
int w2si_desc_set(struct w2s_wasi *wasi, uint32_t fd, struct w2si_desc *desc);
/* The open descriptor without a reference of its own, or NULL. */
struct w2si_desc *w2si_desc_at(const struct w2s_wasi *wasi, uint32_t fd);
int w2si_desc_close(struct w2s_wasi *wasi, uint32_t fd);
int w2si_desc_renumber(struct w2s_wasi *wasi, uint32_t from, uint32_t to);
void w2si_desc_release(struct w2si_desc *desc);
/* What is wrong if `desc` lacks one of these rights; 0 if it has all. */
int w2si_desc_need(const struct w2si_desc *desc, uint64_t rights);

/* ---- waiting (wasi_wait.c) ---- */

struct pollfd;
enum { W2SI_WAIT_SLICE_MS = 50 };
/* To be called at least once per slice: 0, or how to unwind. */
int w2si_check(struct w2s_wasi *wasi);
/* For every call: checks once per slice, so that a program that calls without ever blocking can be interrupted too. */
int w2si_check_at_times(struct w2s_wasi *wasi);
/* poll(2) for at most a slice, and `timeout` ns. 0 and the number that are ready in `*n_ready`, an error, or how to unwind. */
int w2si_wait_slice(struct w2s_wasi *wasi, struct pollfd *fds, uint32_t n, uint64_t timeout, int *n_ready);
/* Wait until `fd` is ready for `events`. */
int w2si_wait_fd(struct w2s_wasi *wasi, int fd, short events);

/* ---- kinds of descriptors; each makes one with a single reference and no rights, or returns an error ---- */

int w2si_null_open(struct w2s_wasi *wasi, struct w2si_desc **out);
int w2si_calls_open(struct w2s_wasi *wasi, w2s_wasi_transfer transfer, void *env, void (*finalize)(void *env),
                    struct w2si_desc **out);
/* Of a host descriptor, which it takes over, even if it fails. `is_own`: the open file is nobody else's, so that its
 * flags may be changed. Directories become directories. */
int w2si_host_open(struct w2s_wasi *wasi, int fd, int is_own, struct w2si_desc **out);
int w2si_node_open(struct w2s_wasi *wasi, struct w2s_wasi_node *node, uint32_t fdflags, struct w2si_desc **out);

/* A zeroed descriptor of `bytes` bytes that begins with a w2si_desc. */
void *w2si_desc_new(struct w2s_wasi *wasi, const struct w2si_ops *ops, size_t bytes, uint32_t filetype);

/* ---- small things ---- */

uint64_t w2si_now(struct w2s_wasi *wasi, uint32_t clock);
static inline uint64_t w2si_ns(const struct timespec *time) {
  return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

static inline void w2si_put16(uint8_t *to, uint16_t value) { memcpy(to, &value, sizeof value); }
static inline void w2si_put32(uint8_t *to, uint32_t value) { memcpy(to, &value, sizeof value); }
static inline void w2si_put64(uint8_t *to, uint64_t value) { memcpy(to, &value, sizeof value); }
static inline uint16_t w2si_get16(const uint8_t *from) {
  uint16_t value;
  memcpy(&value, from, sizeof value);
  return value;
}
static inline uint32_t w2si_get32(const uint8_t *from) {
  uint32_t value;
  memcpy(&value, from, sizeof value);
  return value;
}
static inline uint64_t w2si_get64(const uint8_t *from) {
  uint64_t value;
  memcpy(&value, from, sizeof value);
  return value;
}

#endif
