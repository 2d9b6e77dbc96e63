/* path_*: what is done with paths beneath open directories. */
#define _GNU_SOURCE 1

#include "wasi_call.h"

/* Are the bits of lookupflags known ones? */
static int bad_lookup(const struct w2si_arg *flags) { return (flags->n & ~(uint64_t)W2SI_LOOKUPFLAGS) != 0; }

static int follows(const struct w2si_arg *flags) { return (flags->n & W2SI_LOOKUP_FOLLOW) != 0; }

int w2si_path_create_directory(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[0].desc->ops->make_dir(args[0].desc, &args[1].path);
}

int w2si_path_filestat_get(struct w2si_call *call, const struct w2si_arg *args) {
  struct w2si_stat stat;
  if (bad_lookup(&args[1])) return W2SI_EINVAL;
  int failed = args[0].desc->ops->stat_at(args[0].desc, &args[2].path, follows(&args[1]), &stat);
  if (!failed) w2si_put_filestat(call, args[3].at, &stat);
  return failed;
}

int w2si_path_filestat_set_times(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  struct timespec times[2];
  if (bad_lookup(&args[1])) return W2SI_EINVAL;
  int failed = w2si_times(args[3].n, args[4].n, args[5].n, times);
  return failed ? failed : args[0].desc->ops->set_times_at(args[0].desc, &args[2].path, follows(&args[1]), times);
}

/* Nothing gets a name through which more may be done with it than through the old one. */
static int may_move(const struct w2si_desc *from, const struct w2si_desc *to) {
  return (to->inheriting & ~from->inheriting & (W2SI_RIGHTS_FILE | W2SI_RIGHTS_DIR)) == 0;
}

int w2si_path_link(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  struct w2si_desc *from = args[0].desc;
  struct w2si_desc *to = args[3].desc;
  if (args[1].n) return W2SI_EINVAL; /* following a link here has never been supported */
  if (!may_move(from, to)) return W2SI_ENOTCAPABLE;
  if (from->ops != to->ops) return W2SI_EXDEV;
  return from->ops->link(from, &args[2].path, to, &args[4].path);
}

int w2si_path_rename(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  struct w2si_desc *from = args[0].desc;
  struct w2si_desc *to = args[2].desc;
  if (!may_move(from, to)) return W2SI_ENOTCAPABLE;
  if (from->ops != to->ops) return W2SI_EXDEV;
  return from->ops->rename(from, &args[1].path, to, &args[3].path);
}

int w2si_path_symlink(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[1].desc->ops->symlink(args[1].desc, &args[0].path, &args[2].path);
}

int w2si_path_readlink(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  size_t used = 0;
  int failed = args[0].desc->ops->read_link(args[0].desc, &args[1].path, args[2].at, (size_t)args[2].n, &used);
  if (!failed) w2si_put32(args[3].at, (uint32_t)used);
  return failed;
}

int w2si_path_remove_directory(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[0].desc->ops->remove_dir(args[0].desc, &args[1].path);
}

int w2si_path_unlink_file(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[0].desc->ops->unlink(args[0].desc, &args[1].path);
}

/* ---- path_open ---- */

/* The rights that the directory must have, or pass on, for this way of opening. */
static int check_open_rights(const struct w2si_desc *dir, uint64_t oflags, uint64_t asked) {
  uint64_t need = 0;
  if (oflags & W2SI_OFLAG_CREAT) need |= W2SI_RIGHT_PATH_CREATE_FILE;
  if (oflags & W2SI_OFLAG_TRUNC) need |= W2SI_RIGHT_PATH_FILESTAT_SET_SIZE;
  int denied = w2si_desc_need(dir, need);
  if (denied) return denied;
  if (asked & ~dir->inheriting & W2SI_RIGHT_FD_WRITE) return dir->read_only ? W2SI_EROFS : W2SI_ENOTCAPABLE;
  if (asked & ~dir->inheriting & W2SI_RIGHT_FD_READ) return W2SI_ENOTCAPABLE;
  return 0;
}

/* Rights that mean nothing for what was opened, or that the directory does not pass on, are left out. Programs ask for all
 * they could use, so that is no error, but for reading and writing. */
int w2si_path_open(struct w2si_call *call, const struct w2si_arg *args) {
  struct w2si_desc *dir = args[0].desc;
  struct w2si_desc *opened = NULL;
  const uint64_t oflags = args[3].n;
  const uint64_t asked = args[4].n;
  const uint64_t fdflags = args[6].n;
  uint32_t fd = 0;
  if (bad_lookup(&args[1]) || (oflags & ~(uint64_t)W2SI_OFLAGS) || (fdflags & ~(uint64_t)W2SI_FDFLAGS)) {
    return W2SI_EINVAL;
  }
  int failed = check_open_rights(dir, oflags, asked);
  if (!failed) failed = w2si_desc_room(call->wasi);
  if (failed) return failed;
  const struct w2si_open how = {.oflags = (uint32_t)oflags,
                                .fdflags = (uint32_t)fdflags,
                                .follow = (uint8_t)follows(&args[1]),
                                .read = (asked & W2SI_RIGHT_FD_READ) != 0,
                                .write = (asked & W2SI_RIGHT_FD_WRITE) != 0};
  failed = dir->ops->open(dir, &args[2].path, &how, &opened);
  if (failed) return failed;
  opened->rights &= asked & dir->inheriting;
  if (opened->filetype == W2SI_FILETYPE_DIRECTORY) opened->inheriting = args[5].n & dir->inheriting;
  opened->read_only = dir->read_only;
  failed = w2si_desc_add(call->wasi, opened, &fd);
  if (failed) {
    w2si_desc_release(opened);
    return failed;
  }
  w2si_put32(args[7].at, fd);
  return 0;
}
