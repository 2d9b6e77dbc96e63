/* WASI preview 1 for embedders. pycparser-clean like abi.h.
 *
 * A context holds one program's view of the world: arguments, environment, descriptors, clocks, exit status. It belongs
 * to a store and follows its threading rule: one thread at a time, but for w2s_wasi_interrupt. Its functions are
 * imported like any others; each importing instance gets its own binding, so that pointers mean the caller's memory
 * (its export "memory", else its memory 0).
 *
 * Functions that return int32_t give 0 or a positive errno value of the host, unless they say otherwise.
 *
 * What the guest gets wrong: a pointer out of bounds traps with W2S_TRAP_MEMORY_OUT_OF_BOUNDS before anything happens
 * (one that is merely unaligned is fine); everything else is an errno of WASI. proc_exit unwinds to the innermost call with W2S_TRAP_EXIT.
 */
#ifndef WASM2SO_WASI_H
#define WASM2SO_WASI_H

#include "runtime.h"

struct w2s_wasi;
struct w2s_wasi_node; /* a file, directory or symbolic link in memory; owned by its context */

enum w2s_wasi_stream { W2S_WASI_STDIN = 0, W2S_WASI_STDOUT = 1, W2S_WASI_STDERR = 2 };

/* Of a preopened directory and everything opened through it. */
enum w2s_wasi_preopen_flag { W2S_WASI_READ_ONLY = 1 };

enum w2s_wasi_option {
  W2S_WASI_WALK_PATHS = 1 /* resolve host paths by walking components, as if the system had no openat2 */
};

enum w2s_wasi_clock { W2S_WASI_REALTIME = 0, W2S_WASI_MONOTONIC = 1, W2S_WASI_PROCESS_CPU = 2, W2S_WASI_THREAD_CPU = 3 };

/* What a node in memory is. */
enum w2s_wasi_node_kind { W2S_WASI_NODE_DIR = 3, W2S_WASI_NODE_FILE = 4, W2S_WASI_NODE_SYMLINK = 7 };

struct w2s_wasi_limits {
  uint32_t descriptors;    /* open at a time, standard streams included (EMFILE) */
  uint32_t iovecs;         /* of one read or write (EINVAL) */
  uint32_t subscriptions;  /* of one poll_oneoff (EINVAL) */
  uint32_t path_bytes;     /* of one path (ENAMETOOLONG) */
  uint64_t buffer_bytes;   /* of one growing output buffer (ENOSPC) */
  uint64_t node_bytes;     /* of all files in memory together (ENOSPC) */
  uint64_t nodes;          /* of all in-memory directories together (ENOSPC) */
};

/* One transfer of a stream served by the embedder: fill (stdin) or take (stdout, stderr) up to `n` bytes, n > 0.
 * Called outside of wasm, without any lock, and may call into wasm. Returns the number of bytes, 0 at the end of the
 * input, -errno, or W2S_WASI_RAISED. It may block, but then has to see to interruption itself. */
typedef int64_t (*w2s_wasi_transfer)(void *env, uint8_t *bytes, size_t n);

/* Results of callbacks. */
enum w2s_wasi_result {
  W2S_WASI_RAISED = -0x10000 /* the embedder holds an error: unwind with W2S_TRAP_HOST */
};

/* A new context with null streams, no arguments, no environment, no directories; NULL without memory or while another
 * thread works in the store. */
struct w2s_wasi *w2s_wasi_new(struct w2s_store *store);
/* Close all descriptors and drop all callbacks; later calls of its functions get EBADF or ENOSYS. Returns EBUSY, and
 * does nothing, while one of its functions runs. The memory of the context itself goes with the store, as functions
 * in tables and globals may still point to it; a store that is deleted closes its contexts. Exit status, buffers and
 * nodes stay readable until then. */
int32_t w2s_wasi_close(struct w2s_wasi *wasi);
void w2s_wasi_get_limits(const struct w2s_wasi *wasi, struct w2s_wasi_limits *limits);
void w2s_wasi_set_limits(struct w2s_wasi *wasi, const struct w2s_wasi_limits *limits);
void w2s_wasi_set_options(struct w2s_wasi *wasi, uint32_t options); /* enum w2s_wasi_option, combined */

/* Append an argument, or a variable as "NAME=value". EINVAL if there is a zero byte in it. */
int32_t w2s_wasi_add_arg(struct w2s_wasi *wasi, const char *bytes, size_t n);
int32_t w2s_wasi_add_env(struct w2s_wasi *wasi, const char *bytes, size_t n);

/* Standard streams. A stream can be set again; the last setting counts. Host descriptors are duplicated. */
int32_t w2s_wasi_stream_null(struct w2s_wasi *wasi, uint32_t stream);
int32_t w2s_wasi_stream_fd(struct w2s_wasi *wasi, uint32_t stream, int32_t fd); /* inherit: 0, 1 or 2 */
/* stdin reads a copy of these bytes. */
int32_t w2s_wasi_stream_bytes(struct w2s_wasi *wasi, uint32_t stream, const uint8_t *bytes, size_t n);
/* stdout or stderr is kept in memory. If `other` is a stream with a buffer and not `stream`, both share that one. */
int32_t w2s_wasi_stream_buffer(struct w2s_wasi *wasi, uint32_t stream, uint32_t other);
/* What a buffered stream holds; valid until the next call into wasm. Returns EINVAL if it has no buffer. */
int32_t w2s_wasi_stream_content(const struct w2s_wasi *wasi, uint32_t stream, const uint8_t **bytes, size_t *n);
/* Served by the embedder. `finalize` may be NULL; it runs when the stream is set again or the context closed. */
int32_t w2s_wasi_stream_calls(struct w2s_wasi *wasi, uint32_t stream, w2s_wasi_transfer transfer, void *env,
                              void (*finalize)(void *env));

/* The next free descriptor (from 3 on) is the directory behind host descriptor `fd` (duplicated), known to the guest as
 * `name`. ENOTDIR if it is none. */
int32_t w2s_wasi_preopen_fd(struct w2s_wasi *wasi, int32_t fd, const char *name, size_t n, uint32_t flags);
/* Likewise an empty directory in memory; `*root` receives it, to be filled. */
int32_t w2s_wasi_preopen_memory(struct w2s_wasi *wasi, const char *name, size_t n, uint32_t flags,
                                struct w2s_wasi_node **root);
/* Likewise a host descriptor that is no directory: a listening socket, say. */
int32_t w2s_wasi_add_fd(struct w2s_wasi *wasi, int32_t fd);

/* Make an entry of a directory in memory. `name` is one component. `bytes` is a file's content (copied) or a symbolic
 * link's target, and not used for directories. EEXIST, EINVAL, ENOSPC (a limit), ENOMEM. `*out` may be NULL. */
int32_t w2s_wasi_node_add(struct w2s_wasi *wasi, struct w2s_wasi_node *dir, const char *name, size_t n, uint32_t kind,
                          const uint8_t *bytes, size_t n_bytes, struct w2s_wasi_node **out);
/* The nth entry of a directory in memory, in the order of creation; ENOENT behind the last. Pointers stay valid until
 * the next call into wasm. */
int32_t w2s_wasi_node_entry(const struct w2s_wasi_node *dir, size_t nth, const char **name, size_t *n,
                            struct w2s_wasi_node **entry);
uint32_t w2s_wasi_node_kind_of(const struct w2s_wasi_node *node); /* enum w2s_wasi_node_kind */
/* A file's content or a symbolic link's target; valid until the next call into wasm. */
const uint8_t *w2s_wasi_node_content(const struct w2s_wasi_node *node, size_t *n);

/* Reproducible runs: random_get gives a fixed sequence; a clock begins at `start` nanoseconds and gains `step` with each
 * reading. Sleeping on such a clock takes no time and moves it on. */
void w2s_wasi_set_seed(struct w2s_wasi *wasi, uint64_t seed);
int32_t w2s_wasi_set_clock(struct w2s_wasi *wasi, uint32_t clock, uint64_t start, uint64_t step);

/* `check` is called at least every 50 ms while a function blocks, and whenever a system call was interrupted by a
 * signal, outside of wasm and without any lock. Non-zero: the embedder holds an error; unwind with W2S_TRAP_HOST.
 * Without one, the store's poll (w2s_store_set_poll) serves. */
void w2s_wasi_set_check(struct w2s_wasi *wasi, int32_t (*check)(void *env), void *env);
/* From any thread, and from signal handlers: the function that blocks now, else the next one that would block, unwinds
 * with W2S_TRAP_INTERRUPT. */
void w2s_wasi_interrupt(struct w2s_wasi *wasi);

/* Did the program call proc_exit? 1 and its status, or 0. */
int32_t w2s_wasi_exit_status(const struct w2s_wasi *wasi, uint32_t *status);

/* The function `name` of module "wasi_snapshot_preview1" or "wasi_unstable". 1 and a function of its exact type, 0 if
 * there is no such function, or -1 without memory. */
int32_t w2s_wasi_function(struct w2s_wasi *wasi, const char *module, size_t n_module, const char *name, size_t n_name,
                          struct w2s_extern *out);

#endif
