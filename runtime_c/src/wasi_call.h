/* Calls of WASI functions: rows, arguments, the functions themselves. */
#ifndef W2SI_WASI_CALL_H
#define W2SI_WASI_CALL_H

#include "instance.h"
#include "wasi_core.h"

/* What a parameter is, by its word in a row. */
enum w2si_param {
  W2SI_PARAM_END,
  W2SI_PARAM_U32,     /* "u32" */
  W2SI_PARAM_U64,     /* "u64" */
  W2SI_PARAM_AT,      /* "at": an address that the function checks itself, because its extent is not in the signature */
  W2SI_PARAM_FD,      /* "fd": open, with the row's next rights */
  W2SI_PARAM_PATH,    /* "path": (address, bytes) */
  W2SI_PARAM_BYTES,   /* "bytes": (address, bytes) of a buffer */
  W2SI_PARAM_IOVECS,  /* "iovecs": (address, count) */
  W2SI_PARAM_OUT16,   /* ">u16" and so on: an address to write a result of that size to */
  W2SI_PARAM_OUT32,
  W2SI_PARAM_OUT64,
  W2SI_PARAM_PRESTAT,
  W2SI_PARAM_FDSTAT,
  W2SI_PARAM_FILESTAT
};

enum { W2SI_MAX_PARAMS = 9, W2SI_MAX_SLOTS = 9 };

/* A checked argument. */
struct w2si_arg {
  union {
    struct w2si_desc *desc; /* FD */
    uint8_t *at;            /* BYTES and results: host address */
    struct iovec *iov;      /* IOVECS */
    struct w2si_path path;  /* PATH */
  };
  uint64_t n; /* the number; of buffers the length, of IOVECS the count */
  uint64_t bytes; /* IOVECS: all together */
};

/* A call in progress. */
struct w2si_call {
  struct w2s_wasi *wasi;
  struct w2s_memory *memory; /* the caller's, or NULL if it has none */
  uint32_t unstable;         /* called as wasi_unstable */
};

typedef int (*w2si_wasi_run)(struct w2si_call *call, const struct w2si_arg *args);

/* One function. */
struct w2si_row {
  const char *name;
  const char *params; /* words, see enum w2si_param */
  uint64_t rights;    /* of the first descriptor */
  uint64_t rights2;   /* of the second */
  w2si_wasi_run run;
  uint8_t not_in_unstable;
  uint8_t no_result;
};

/* A WASI function. Its funcref points to one: to the context's own (without a memory), or, from an importing
 * instance's context, to that instance's. */
struct w2si_wasi_func {
  struct w2s_host_func host; /* host.call is the array call; not in the store's list of host functions */
  struct w2s_wasi *wasi;
  const struct w2si_row *row;
  struct w2s_memory *memory;
  uint32_t unstable;
  uint8_t params[W2SI_MAX_PARAMS + 1]; /* enum w2si_param, ended */
  struct w2si_wasi_func *next;
};

/* The row of a function, or NULL (wasi_rows.c). */
const struct w2si_row *w2si_wasi_row(const char *name, size_t n, int unstable);

/* The host address of `n` bytes of the caller's memory, or NULL if they are not all inside. */
uint8_t *w2si_guest(const struct w2si_call *call, uint64_t at, uint64_t n);

/* Check the arguments in `values` by the row, run, and clean up (wasi_args.c). */
int w2si_wasi_dispatch(struct w2si_wasi_func *func, const uint64_t *values);

/* Make the functions among the imports that are WASI's ready for this instance (wasi_bind.c). 0 without memory. */
int w2si_wasi_bind(struct w2s_instance *instance, const struct w2s_extern *imports);
/* Imported function `index` as this instance has it: `func` itself, unless it is WASI's. */
struct w2s_funcref *w2si_wasi_bound(const struct w2s_instance *instance, uint32_t index, struct w2s_funcref *func);

int w2si_args_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_args_sizes_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_environ_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_environ_sizes_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_proc_exit(struct w2si_call *call, const struct w2si_arg *args);
int w2si_proc_raise(struct w2si_call *call, const struct w2si_arg *args);
int w2si_sched_yield(struct w2si_call *call, const struct w2si_arg *args);

int w2si_clock_res_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_clock_time_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_random_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_poll_oneoff(struct w2si_call *call, const struct w2si_arg *args);

int w2si_fd_advise(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_allocate(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_close(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_datasync(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_fdstat_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_fdstat_set_flags(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_fdstat_set_rights(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_filestat_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_filestat_set_size(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_filestat_set_times(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_pread(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_prestat_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_prestat_dir_name(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_pwrite(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_read(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_readdir(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_renumber(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_seek(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_sync(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_tell(struct w2si_call *call, const struct w2si_arg *args);
int w2si_fd_write(struct w2si_call *call, const struct w2si_arg *args);

int w2si_path_create_directory(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_filestat_get(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_filestat_set_times(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_link(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_open(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_readlink(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_remove_directory(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_rename(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_symlink(struct w2si_call *call, const struct w2si_arg *args);
int w2si_path_unlink_file(struct w2si_call *call, const struct w2si_arg *args);

int w2si_sock_accept(struct w2si_call *call, const struct w2si_arg *args);
int w2si_sock_recv(struct w2si_call *call, const struct w2si_arg *args);
int w2si_sock_send(struct w2si_call *call, const struct w2si_arg *args);
int w2si_sock_shutdown(struct w2si_call *call, const struct w2si_arg *args);

/* Shared by fd_ and path_ functions (wasi_stat.c): a filestat in guest memory; times as utimensat wants them. */
void w2si_put_filestat(const struct w2si_call *call, uint8_t *to, const struct w2si_stat *stat);
int w2si_times(uint64_t atim, uint64_t mtim, uint64_t flags, struct timespec times[2]);

#endif
