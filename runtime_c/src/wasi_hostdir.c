/* Directories of the host: the path operations. Each finds the directory and the last name first, and then makes one
 * system call with that name, which does not follow it; a slash at its end never reaches the kernel. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wasi_host.h"

enum { MAX_TARGET = 4096 };

static int error_of(int result) { return result < 0 ? w2si_errno(errno) : 0; }

/* The flags of open(2) for those of path_open. O_NONBLOCK keeps a named pipe from blocking. */
static int open_flags(const struct w2si_open *how) {
  int flags = O_NOCTTY | O_NONBLOCK | (how->write ? how->read ? O_RDWR : O_WRONLY : O_RDONLY);
  if (how->oflags & W2SI_OFLAG_CREAT) flags |= O_CREAT;
  if (how->oflags & W2SI_OFLAG_DIRECTORY) flags |= O_DIRECTORY;
  if (how->oflags & W2SI_OFLAG_EXCL) flags |= O_EXCL;
  if (how->oflags & W2SI_OFLAG_TRUNC) flags |= O_TRUNC;
  if (how->fdflags & W2SI_FDFLAG_APPEND) flags |= O_APPEND;
  if (how->fdflags & W2SI_FDFLAG_DSYNC) flags |= O_DSYNC;
  if (how->fdflags & (W2SI_FDFLAG_SYNC | W2SI_FDFLAG_RSYNC)) flags |= O_SYNC;
  return flags;
}

static int dir_open(struct w2si_desc *desc, const struct w2si_path *path, const struct w2si_open *how,
                    struct w2si_desc **out) {
  struct w2si_host_desc *dir = w2si_as_host(desc);
  int fd = -1;
  if ((how->oflags & W2SI_OFLAG_CREAT) && (how->oflags & W2SI_OFLAG_DIRECTORY)) return W2SI_EINVAL;
  int failed = w2si_open_beneath(dir, path, open_flags(how), how->follow, &fd);
  if (!failed) failed = w2si_host_open(desc->wasi, fd, 1, out);
  if (failed) return failed;
  (*out)->fdflags = how->fdflags;
  w2si_as_host(*out)->root_dev = dir->root_dev;
  w2si_as_host(*out)->root_ino = dir->root_ino;
  return 0;
}

static int dir_make_dir(struct w2si_desc *desc, const struct w2si_path *path) {
  struct w2si_place place;
  int failed = w2si_place_find(w2si_as_host(desc), path, W2SI_WALK_NAME, &place);
  if (failed) return failed;
  failed = place.is_self ? W2SI_EEXIST : error_of(mkdirat(place.fd, place.name, 0777));
  w2si_place_close(&place);
  return failed;
}

static int stat_place(const struct w2si_place *place, struct stat *status) {
  if (fstatat(place->fd, place->name, status, AT_SYMLINK_NOFOLLOW)) return w2si_errno(errno);
  return place->slash && !S_ISDIR(status->st_mode) ? W2SI_ENOTDIR : 0;
}

static int dir_stat_at(struct w2si_desc *desc, const struct w2si_path *path, int follow, struct w2si_stat *out) {
  struct w2si_place place;
  struct stat status;
  int failed = w2si_place_find(w2si_as_host(desc), path, follow ? W2SI_WALK_FOLLOW : W2SI_WALK_NOFOLLOW, &place);
  if (failed) return failed;
  failed = stat_place(&place, &status);
  w2si_place_close(&place);
  if (!failed) w2si_stat_from(&status, out);
  return failed;
}

static int dir_set_times_at(struct w2si_desc *desc, const struct w2si_path *path, int follow,
                            const struct timespec times[2]) {
  struct w2si_place place;
  struct stat status;
  int failed = w2si_place_find(w2si_as_host(desc), path, follow ? W2SI_WALK_FOLLOW : W2SI_WALK_NOFOLLOW, &place);
  if (failed) return failed;
  if (place.slash) failed = stat_place(&place, &status);
  if (!failed) failed = error_of(utimensat(place.fd, place.name, times, AT_SYMLINK_NOFOLLOW));
  w2si_place_close(&place);
  return failed;
}

static int dir_read_link(struct w2si_desc *desc, const struct w2si_path *path, uint8_t *to, size_t n, size_t *used) {
  struct w2si_place place;
  struct stat status;
  char byte;
  int failed = w2si_place_find(w2si_as_host(desc), path, W2SI_WALK_NOFOLLOW, &place);
  if (failed) return failed;
  if (place.slash) failed = stat_place(&place, &status);
  if (!failed) {
    ssize_t got = readlinkat(place.fd, place.name, n ? (char *)to : &byte, n ? n : 1);
    failed = got < 0 ? w2si_errno(errno) : 0;
    *used = n && got > 0 ? (size_t)got : 0;
  }
  w2si_place_close(&place);
  return failed;
}

static int dir_remove_dir(struct w2si_desc *desc, const struct w2si_path *path) {
  struct w2si_place place;
  int failed = w2si_place_find(w2si_as_host(desc), path, W2SI_WALK_NAME, &place);
  if (failed) return failed;
  failed = place.is_self ? W2SI_EINVAL : error_of(unlinkat(place.fd, place.name, AT_REMOVEDIR));
  w2si_place_close(&place);
  return failed;
}

static int dir_unlink(struct w2si_desc *desc, const struct w2si_path *path) {
  struct w2si_place place;
  struct stat status;
  int failed = w2si_place_find(w2si_as_host(desc), path, W2SI_WALK_NAME, &place);
  if (failed) return failed;
  if (place.is_self) {
    failed = W2SI_EISDIR;
  } else if (place.slash) {
    failed = stat_place(&place, &status);
    if (!failed) failed = W2SI_EISDIR;
  } else {
    failed = error_of(unlinkat(place.fd, place.name, 0));
  }
  w2si_place_close(&place);
  return failed;
}

/* The error for a name that is to be new and not a directory, but ends with a slash. */
static int slash_error(const struct w2si_place *place) {
  struct stat status;
  return fstatat(place->fd, place->name, &status, AT_SYMLINK_NOFOLLOW) ? w2si_errno(errno) : W2SI_EEXIST;
}

static int dir_symlink(struct w2si_desc *desc, const struct w2si_path *target, const struct w2si_path *path) {
  struct w2si_host_desc *dir = w2si_as_host(desc);
  struct w2si_place place;
  int failed = w2si_place_find(dir, path, W2SI_WALK_NAME, &place);
  if (failed) return failed;
  if (place.is_self) {
    failed = W2SI_EEXIST;
  } else if (place.slash) {
    failed = slash_error(&place);
  } else {
    failed = w2si_check_target(dir, place.fd, target->bytes, target->n);
    if (!failed) failed = error_of(symlinkat(target->bytes, place.fd, place.name));
  }
  w2si_place_close(&place);
  return failed;
}

/* If what is at `from` is a symbolic link: may it stand in the directory of `into`? */
static int check_moved_link(const struct w2si_place *from, struct w2si_host_desc *to, const struct w2si_place *into) {
  char target[MAX_TARGET];
  ssize_t n = readlinkat(from->fd, from->name, target, sizeof target);
  return n < 0 ? 0 : w2si_check_target(to, into->fd, target, (size_t)n);
}

static int link_places(const struct w2si_place *from, struct w2si_host_desc *to, const struct w2si_place *into) {
  if (from->is_self) return W2SI_EPERM; /* a directory */
  if (into->is_self) return W2SI_EEXIST;
  if (into->slash) return slash_error(into);
  struct stat status;
  int failed = stat_place(from, &status);
  if (!failed) failed = check_moved_link(from, to, into);
  return failed ? failed : error_of(linkat(from->fd, from->name, into->fd, into->name, 0));
}

/* A name with a slash behind it is a directory's. */
static int rename_places(const struct w2si_place *from, struct w2si_host_desc *to, const struct w2si_place *into) {
  if (from->is_self || into->is_self) return W2SI_EBUSY;
  struct stat status;
  int failed = 0;
  if (from->slash || into->slash) {
    failed = stat_place(from, &status);
    if (!failed && !S_ISDIR(status.st_mode)) failed = W2SI_ENOTDIR;
  }
  if (!failed) failed = check_moved_link(from, to, into);
  return failed ? failed : error_of(renameat(from->fd, from->name, into->fd, into->name));
}

typedef int (*two_places)(const struct w2si_place *from, struct w2si_host_desc *to, const struct w2si_place *into);

static int with_two(struct w2si_desc *desc, const struct w2si_path *path, enum w2si_walk how, struct w2si_desc *to,
                    const struct w2si_path *new_path, two_places run) {
  struct w2si_place from;
  struct w2si_place into;
  int failed = w2si_place_find(w2si_as_host(desc), path, how, &from);
  if (failed) return failed;
  failed = w2si_place_find(w2si_as_host(to), new_path, W2SI_WALK_NAME, &into);
  if (!failed) {
    failed = run(&from, w2si_as_host(to), &into);
    w2si_place_close(&into);
  }
  w2si_place_close(&from);
  return failed;
}

static int dir_link(struct w2si_desc *desc, const struct w2si_path *path, struct w2si_desc *to,
                    const struct w2si_path *new_path) {
  return with_two(desc, path, W2SI_WALK_NOFOLLOW, to, new_path, link_places);
}

static int dir_rename(struct w2si_desc *desc, const struct w2si_path *path, struct w2si_desc *to,
                      const struct w2si_path *new_path) {
  return with_two(desc, path, W2SI_WALK_NAME, to, new_path, rename_places);
}

static int dir_set_flags(struct w2si_desc *desc, uint32_t fdflags) {
  desc->fdflags = fdflags;
  return 0;
}

const struct w2si_ops w2si_host_dir_ops = {
    .destroy = w2si_host_destroy,
    .stat = w2si_host_stat,
    .set_times = w2si_host_set_times,
    .sync = w2si_host_sync,
    .set_flags = dir_set_flags,
    .entry = w2si_host_entry,
    .open = dir_open,
    .make_dir = dir_make_dir,
    .stat_at = dir_stat_at,
    .set_times_at = dir_set_times_at,
    .read_link = dir_read_link,
    .remove_dir = dir_remove_dir,
    .unlink = dir_unlink,
    .symlink = dir_symlink,
    .link = dir_link,
    .rename = dir_rename,
};
