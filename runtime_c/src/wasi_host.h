/* Descriptors of the host: files, streams, directories; and paths beneath a directory. */
#ifndef W2SI_WASI_HOST_H
#define W2SI_WASI_HOST_H

#include "wasi_cursor.h"

struct stat;

struct w2si_host_desc {
  struct w2si_desc desc;
  int fd;
  uint8_t is_own;      /* the open file is this descriptor's alone */
  uint8_t is_waitable; /* reading and writing can block: a pipe, a terminal, a socket */
  uint8_t no_nowait;   /* RWF_NOWAIT is not for this one */
  uint8_t is_limited;  /* writing can raise SIGXFSZ */
  /* directories: the preopened one it was reached from */
  uint64_t root_dev;
  uint64_t root_ino;
  /* directories: entries read ahead */
  struct w2si_listing *listing;
};

static inline struct w2si_host_desc *w2si_as_host(struct w2si_desc *desc) { return (struct w2si_host_desc *)desc; }

extern const struct w2si_ops w2si_host_file_ops; /* wasi_hostfile.c */
extern const struct w2si_ops w2si_host_dir_ops;  /* wasi_hostdir.c */
void w2si_host_destroy(struct w2si_desc *desc);
int w2si_host_stat(struct w2si_desc *desc, struct w2si_stat *out);
int w2si_host_set_times(struct w2si_desc *desc, const struct timespec times[2]);
int w2si_host_sync(struct w2si_desc *desc, int data_only);
void w2si_stat_from(const struct stat *status, struct w2si_stat *out);
int w2si_host_entry(struct w2si_desc *desc, uint64_t cookie, struct w2si_entry *out); /* wasi_listing.c */
void w2si_listing_free(struct w2si_listing *listing);

/* Wait after EINTR or EAGAIN, or say what the call returns: 0 to try again. */
int w2si_host_retry(struct w2si_host_desc *own, int error, short events);

/* Drop the first `n` bytes of what is to be transferred. */
void w2si_io_advance(struct w2si_io *io, size_t n);

/* Where a path leads: `name` in the directory `fd`. `name` is one component, or "." for the directory itself, and is
 * meant not to be followed further. */
struct w2si_place {
  int fd;
  int must_close;
  char name[W2SI_NAME_MAX + 1];
  uint8_t is_self;
  uint8_t slash; /* the path ends with a slash: only a directory will do */
};

/* Find the place that `path` means beneath the directory (wasi_hostpath.c). No component is ever followed out of it,
 * whatever others do to it meanwhile. */
int w2si_place_find(struct w2si_host_desc *dir, const struct w2si_path *path, enum w2si_walk how,
                    struct w2si_place *out);
void w2si_place_close(struct w2si_place *place);
/* Open a file beneath the directory with these flags of open(2). The descriptor is in `*fd`. */
int w2si_open_beneath(struct w2si_host_desc *dir, const struct w2si_path *path, int flags, int follow, int *fd);
/* May a symbolic link with this content stand in the directory `fd`? */
int w2si_check_target(const struct w2si_host_desc *dir, int fd, const char *target, size_t n);

#endif
