/* Files and directories: the same checks over host directories, resolved by the kernel and by hand, and over directories
 * in memory; then what only host directories can show. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <sys/stat.h>

#include "wasi.h"

static struct w2s_module *module;
static char scratch[] = "/tmp/w2s-wasi-XXXXXX";

/* A fresh empty directory of the host in the scratch folder. */
static int make_host_dir(char *path, size_t n) {
  static int count;
  snprintf(path, n, "%s/%d", scratch, count++);
  CHECK(mkdir(path, 0777) == 0);
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(fd >= 0);
  return fd;
}

enum backend { KERNEL, BY_HAND, IN_MEMORY, N_BACKENDS };

/* A world with a directory as descriptor 3 that behaves alike whatever it is. */
static struct world make_world(enum backend backend, uint32_t flags, struct w2s_wasi_node **root) {
  struct world w = wasi_world(module, backend == BY_HAND ? W2S_WASI_WALK_PATHS : 0);
  struct w2s_wasi_node *ignored;
  if (backend == IN_MEMORY) {
    CHECK(w2s_wasi_preopen_memory(w.wasi, "/dir", 4, flags, root ? root : &ignored) == 0);
  } else {
    char path[100];
    int fd = make_host_dir(path, sizeof path);
    CHECK(w2s_wasi_preopen_fd(w.wasi, fd, "/dir", 4, flags) == 0);
    close(fd);
  }
  return w;
}

static uint32_t open_dir(struct world *w, uint32_t dir, const char *path) {
  return must_open(w, dir, path, W2SI_OFLAG_DIRECTORY, 0);
}

static int64_t stat_at(struct world *w, uint32_t lookup, const char *path) {
  return CALL(path_filestat_get, 3, lookup, PATH(path), AT_OUT);
}

static int64_t symlink_at(struct world *w, uint32_t dir, const char *target, const char *path) {
  return CALL(path_symlink, PATH2(target), dir, PATH(path));
}

static int64_t rename_at(struct world *w, const char *from, const char *to) {
  return CALL(path_rename, 3, PATH(from), 3, PATH2(to));
}

static int64_t link_at(struct world *w, const char *from, const char *to) {
  return CALL(path_link, 3, 0, PATH(from), 3, PATH2(to));
}

static int64_t unlink_at(struct world *w, const char *path) { return CALL(path_unlink_file, 3, PATH(path)); }

static int64_t rmdir_at(struct world *w, const char *path) { return CALL(path_remove_directory, 3, PATH(path)); }

static int64_t mkdir_at(struct world *w, const char *path) { return CALL(path_create_directory, 3, PATH(path)); }

/* ---- contents ---- */

static void check_io(struct world *w) {
  uint32_t fd = must_open(w, 3, "f", W2SI_OFLAG_CREAT | W2SI_OFLAG_EXCL, 0);
  EXPECT(0, write_text(w, fd, "hello world"));
  CHECK(get32(w, AT_OUT) == 11);
  EXPECT(0, CALL(fd_tell, fd, AT_OUT));
  CHECK(get64(w, AT_OUT) == 11);
  EXPECT(0, CALL(fd_seek, fd, (uint64_t)-5, W2SI_WHENCE_CUR, AT_OUT));
  CHECK(get64(w, AT_OUT) == 6 && reads(w, fd, "world") && reads(w, fd, ""));
  EXPECT(W2SI_EINVAL, CALL(fd_seek, fd, (uint64_t)-12, W2SI_WHENCE_END, AT_OUT));
  EXPECT(W2SI_EINVAL, CALL(fd_seek, fd, 0, 3, AT_OUT));
  EXPECT(0, CALL(fd_seek, fd, 0, W2SI_WHENCE_SET, AT_OUT));
  put_iovec(w, 0, AT_DATA, 3);
  put_iovec(w, 1, AT_DATA + 100, 0);
  put_iovec(w, 2, AT_DATA + 3, 100);
  EXPECT(0, CALL(fd_read, fd, AT_IOV, 3, AT_OUT));
  CHECK(get32(w, AT_OUT) == 11 && memcmp(w->memory + AT_DATA, "hello world", 11) == 0);
  put_iovec(w, 0, AT_DATA, 5);
  EXPECT(0, CALL(fd_pread, fd, AT_IOV, 1, 6, AT_OUT));
  CHECK(get32(w, AT_OUT) == 5 && memcmp(w->memory + AT_DATA, "world", 5) == 0);
  EXPECT(0, CALL(fd_pread, fd, AT_IOV, 1, 12345, AT_OUT));
  CHECK(get32(w, AT_OUT) == 0);
  EXPECT(W2SI_EINVAL, CALL(fd_pread, fd, AT_IOV, 1, UINT64_MAX, AT_OUT));
  EXPECT(W2SI_EINVAL, CALL(fd_pwrite, fd, AT_IOV, 1, UINT64_C(1) << 63, AT_OUT));
  EXPECT(0, CALL(fd_pwrite, fd, AT_IOV, 1, 20, AT_OUT)); /* leaves a hole */
  EXPECT(0, CALL(fd_filestat_get, fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 32) == 25 && w->memory[AT_OUT + 16] == W2SI_FILETYPE_REGULAR_FILE);
  EXPECT(0, CALL(fd_pread, fd, AT_IOV, 1, 11, AT_OUT));
  CHECK(memcmp(w->memory + AT_DATA, "\0\0\0\0\0", 5) == 0);
  EXPECT(0, CALL(fd_filestat_set_size, fd, 5));
  EXPECT(0, CALL(fd_filestat_set_size, fd, 8));
  EXPECT(W2SI_EFBIG, CALL(fd_filestat_set_size, fd, UINT64_MAX));
  EXPECT(0, CALL(fd_seek, fd, 0, W2SI_WHENCE_SET, AT_OUT));
  put_iovec(w, 0, AT_DATA, 100);
  EXPECT(0, CALL(fd_read, fd, AT_IOV, 1, AT_OUT));
  CHECK(get32(w, AT_OUT) == 8 && memcmp(w->memory + AT_DATA, "hello\0\0\0", 8) == 0);
  EXPECT(0, CALL(fd_allocate, fd, 0, 30));
  EXPECT(0, CALL(fd_allocate, fd, 10, 5));
  EXPECT(W2SI_EINVAL, CALL(fd_allocate, fd, 10, 0));
  EXPECT(W2SI_EINVAL, CALL(fd_allocate, fd, UINT64_MAX, 2));
  EXPECT(0, CALL(fd_filestat_get, fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 32) == 30);
  for (uint32_t advice = 0; advice < 6; advice++) EXPECT(0, CALL(fd_advise, fd, 0, 10, advice));
  EXPECT(W2SI_EINVAL, CALL(fd_advise, fd, 0, 10, 6));
  EXPECT(W2SI_EINVAL, CALL(fd_advise, fd, UINT64_MAX, 10, 0));
  EXPECT(0, CALL(fd_sync, fd));
  EXPECT(0, CALL(fd_datasync, fd));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(W2SI_EEXIST, open_at(w, 3, "f", 0, W2SI_OFLAG_CREAT | W2SI_OFLAG_EXCL, ALL_RIGHTS, 0, &fd));
  EXPECT(W2SI_EINVAL, open_at(w, 3, "f", 2, 0, 0, 0, &fd));
  EXPECT(W2SI_EINVAL, open_at(w, 3, "f", 0, 16, 0, 0, &fd));
  EXPECT(W2SI_EINVAL, open_at(w, 3, "f", 0, 0, 0, 32, &fd));
  EXPECT(0, unlink_at(w, "f"));
}

static void check_append(struct world *w) {
  make_file(w, 3, "a", "12");
  uint32_t fd = must_open(w, 3, "a", 0, W2SI_FDFLAG_APPEND);
  EXPECT(0, write_text(w, fd, "34"));
  EXPECT(0, CALL(fd_seek, fd, 0, W2SI_WHENCE_SET, AT_OUT));
  EXPECT(0, write_text(w, fd, "56"));
  EXPECT(0, CALL(fd_fdstat_get, fd, AT_OUT));
  CHECK(w->memory[AT_OUT + 2] == W2SI_FDFLAG_APPEND);
  EXPECT(0, CALL(fd_fdstat_set_flags, fd, W2SI_FDFLAG_NONBLOCK));
  EXPECT(W2SI_EINVAL, CALL(fd_fdstat_set_flags, fd, 32));
  EXPECT(0, CALL(fd_seek, fd, 0, W2SI_WHENCE_SET, AT_OUT));
  EXPECT(0, write_text(w, fd, "78"));
  EXPECT(0, CALL(fd_fdstat_set_flags, fd, W2SI_FDFLAG_APPEND));
  EXPECT(0, write_text(w, fd, "9"));
  EXPECT(0, CALL(fd_seek, fd, 0, W2SI_WHENCE_SET, AT_OUT));
  CHECK(reads(w, fd, "7834569"));
  EXPECT(0, CALL(fd_close, fd));
  /* a file without a name left goes on until it is closed */
  fd = must_open(w, 3, "a", W2SI_OFLAG_TRUNC, 0);
  EXPECT(0, unlink_at(w, "a"));
  EXPECT(0, write_text(w, fd, "x"));
  EXPECT(0, CALL(fd_filestat_get, fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 24) == 0 && get64(w, AT_OUT + 32) == 1);
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(W2SI_ENOENT, stat_at(w, 0, "a"));
}

static void check_times(struct world *w) {
  make_file(w, 3, "t", "");
  uint32_t fd = must_open(w, 3, "t", 0, 0);
  EXPECT(0, CALL(fd_filestat_set_times, fd, 1000000007, 2000000009, W2SI_FST_ATIM | W2SI_FST_MTIM));
  EXPECT(0, stat_at(w, 0, "t"));
  CHECK(get64(w, AT_OUT + 40) == 1000000007 && get64(w, AT_OUT + 48) == 2000000009);
  EXPECT(0, CALL(path_filestat_set_times, 3, 0, PATH("t"), 5, 6, W2SI_FST_ATIM));
  EXPECT(0, CALL(fd_filestat_get, fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 40) == 5 && get64(w, AT_OUT + 48) == 2000000009);
  EXPECT(0, CALL(path_filestat_set_times, 3, 0, PATH("t"), 5, 6, W2SI_FST_MTIM_NOW));
  EXPECT(0, CALL(fd_filestat_get, fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 40) == 5 && get64(w, AT_OUT + 48) > UINT64_C(1600000000000000000));
  EXPECT(W2SI_EINVAL, CALL(fd_filestat_set_times, fd, 0, 0, W2SI_FST_ATIM | W2SI_FST_ATIM_NOW));
  EXPECT(W2SI_EINVAL, CALL(path_filestat_set_times, 3, 0, PATH("t"), 0, 0, W2SI_FST_MTIM | W2SI_FST_MTIM_NOW));
  EXPECT(W2SI_EINVAL, CALL(path_filestat_set_times, 3, 0, PATH("t"), 0, 0, 16));
  EXPECT(W2SI_ENOTDIR, CALL(path_filestat_set_times, 3, 0, PATH("t/"), 0, 0, W2SI_FST_MTIM_NOW));
  EXPECT(0, symlink_at(w, 3, "t", "tl"));
  EXPECT(0, CALL(path_filestat_set_times, 3, 0, PATH("tl"), 0, 77, W2SI_FST_MTIM));
  EXPECT(0, CALL(path_filestat_set_times, 3, 1, PATH("tl"), 0, 88, W2SI_FST_MTIM));
  EXPECT(0, stat_at(w, 0, "tl"));
  CHECK(get64(w, AT_OUT + 48) == 77);
  EXPECT(0, stat_at(w, 1, "tl"));
  CHECK(get64(w, AT_OUT + 48) == 88);
  EXPECT(0, CALL(path_filestat_set_times, 3, 0, PATH("."), 0, 99, W2SI_FST_MTIM));
  EXPECT(0, CALL(fd_filestat_get, 3, AT_OUT));
  CHECK(get64(w, AT_OUT + 48) == 99);
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(0, unlink_at(w, "tl"));
  EXPECT(0, unlink_at(w, "t"));
}

/* ---- names ---- */

static void check_names(struct world *w) {
  uint32_t fd;
  EXPECT(0, mkdir_at(w, "d"));
  EXPECT(0, mkdir_at(w, "d/e/"));
  EXPECT(W2SI_EEXIST, mkdir_at(w, "d"));
  EXPECT(W2SI_EEXIST, mkdir_at(w, "."));
  EXPECT(W2SI_EEXIST, mkdir_at(w, "d/e/.."));
  EXPECT(W2SI_ENOENT, mkdir_at(w, "x/y"));
  make_file(w, 3, "d/e/f", "deep");
  EXPECT(W2SI_ENOTDIR, mkdir_at(w, "d/e/f/g"));
  fd = must_open(w, 3, "./d//./e/../e/f", 0, 0);
  CHECK(reads(w, fd, "deep"));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(W2SI_ENOENT, CALL(path_open, 3, 0, AT_PATH, 0, 0, 0, 0, 0, AT_OUT));
  EXPECT(W2SI_EINVAL, CALL(path_open, 3, 0, AT_PATH, (memcpy(w->memory + AT_PATH, "d\0e", 3), 3), 0, 0, 0, 0, AT_OUT));
  EXPECT(W2SI_ENAMETOOLONG, CALL(path_open, 3, 0, 0, 4096, 0, 0, 0, 0, AT_OUT));
  memset(w->memory + AT_PATH, 'n', 300);
  EXPECT(W2SI_ENAMETOOLONG, CALL(path_create_directory, 3, AT_PATH, 256));
  EXPECT(0, CALL(path_create_directory, 3, AT_PATH, 255));
  EXPECT(0, CALL(path_remove_directory, 3, AT_PATH, 255));
  EXPECT(W2SI_ENOTEMPTY, rmdir_at(w, "d/e"));
  EXPECT(W2SI_ENOTDIR, rmdir_at(w, "d/e/f"));
  EXPECT(W2SI_ENOENT, rmdir_at(w, "d/x"));
  EXPECT(W2SI_EINVAL, rmdir_at(w, "."));
  EXPECT(W2SI_EISDIR, unlink_at(w, "d/e"));
  EXPECT(W2SI_EISDIR, unlink_at(w, "d/e/"));
  EXPECT(W2SI_ENOTDIR, unlink_at(w, "d/e/f/"));
  EXPECT(W2SI_ENOENT, unlink_at(w, "d/e/x/"));
  EXPECT(W2SI_ENOENT, unlink_at(w, "d/e/x"));
  EXPECT(W2SI_EISDIR, open_at(w, 3, "d", 0, 0, W2SI_RIGHT_FD_WRITE, 0, &fd));
  EXPECT(W2SI_EISDIR, open_at(w, 3, "new/", 0, W2SI_OFLAG_CREAT, 0, 0, &fd));
  EXPECT(W2SI_ENOTDIR, open_at(w, 3, "d/e/f/", 0, 0, 0, 0, &fd));
  EXPECT(W2SI_ENOTDIR, open_at(w, 3, "d/e/f", 0, W2SI_OFLAG_DIRECTORY, 0, 0, &fd));
  EXPECT(W2SI_EINVAL, open_at(w, 3, "q", 0, W2SI_OFLAG_DIRECTORY | W2SI_OFLAG_CREAT, 0, 0, &fd));
  EXPECT(0, stat_at(w, 0, "d/e/"));
  EXPECT(W2SI_ENOTDIR, stat_at(w, 0, "d/e/f/"));
  EXPECT(0, unlink_at(w, "d/e/f"));
  EXPECT(0, rmdir_at(w, "d/e/"));
  /* a directory that was removed while open */
  fd = open_dir(w, 3, "d");
  EXPECT(0, rmdir_at(w, "d"));
  EXPECT(W2SI_ENOENT, CALL(path_create_directory, fd, PATH("x")));
  EXPECT(W2SI_ENOENT, CALL(path_open, fd, 0, PATH("x"), W2SI_OFLAG_CREAT, 0, 0, 0, AT_OUT));
  EXPECT(0, CALL(fd_filestat_get, fd, AT_OUT));
  EXPECT(0, CALL(fd_close, fd));
}

static void check_moves(struct world *w) {
  make_file(w, 3, "f", "1");
  make_file(w, 3, "g", "2");
  EXPECT(0, mkdir_at(w, "d"));
  EXPECT(0, mkdir_at(w, "d2"));
  EXPECT(0, link_at(w, "f", "d/h"));
  EXPECT(0, stat_at(w, 0, "d/h"));
  CHECK(get64(w, AT_OUT + 24) == 2);
  EXPECT(W2SI_EEXIST, link_at(w, "f", "g"));
  EXPECT(W2SI_EEXIST, link_at(w, "f", "."));
  EXPECT(W2SI_ENOENT, link_at(w, "f", "new/"));
  EXPECT(W2SI_ENOTDIR, link_at(w, "f/", "new"));
  EXPECT(W2SI_EPERM, link_at(w, "d", "new"));
  EXPECT(W2SI_EPERM, link_at(w, ".", "new"));
  EXPECT(W2SI_ENOENT, link_at(w, "x", "new"));
  EXPECT(W2SI_EINVAL, CALL(path_link, 3, 1, PATH("f"), 3, PATH2("new")));
  EXPECT(0, rename_at(w, "f", "g"));
  EXPECT(W2SI_ENOENT, rename_at(w, "f", "g"));
  uint32_t fd = must_open(w, 3, "g", 0, 0);
  CHECK(reads(w, fd, "1"));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(0, rename_at(w, "g", "d/h")); /* two names of one file: nothing happens */
  EXPECT(0, stat_at(w, 0, "g"));
  EXPECT(W2SI_EISDIR, rename_at(w, "g", "d"));
  EXPECT(W2SI_ENOTDIR, rename_at(w, "d", "g"));
  EXPECT(W2SI_ENOTDIR, rename_at(w, "g/", "new"));
  EXPECT(W2SI_ENOTDIR, rename_at(w, "g", "new/"));
  EXPECT(W2SI_ENOTEMPTY, rename_at(w, "d2", "d"));
  EXPECT(W2SI_EINVAL, rename_at(w, "d", "d/e"));
  EXPECT(W2SI_EBUSY, rename_at(w, ".", "new"));
  EXPECT(W2SI_EBUSY, rename_at(w, "d", "d2/."));
  EXPECT(0, rename_at(w, "d/", "d2/"));
  EXPECT(0, rename_at(w, "d2/h", "d2/i"));
  EXPECT(0, unlink_at(w, "d2/i"));
  EXPECT(0, unlink_at(w, "g"));
  EXPECT(0, rmdir_at(w, "d2"));
  EXPECT(W2SI_ENOENT, stat_at(w, 0, "d"));
}

static void check_symlinks(struct world *w) {
  uint32_t fd;
  EXPECT(0, mkdir_at(w, "d"));
  make_file(w, 3, "d/f", "target");
  EXPECT(0, symlink_at(w, 3, "d", "ld"));
  EXPECT(0, symlink_at(w, 3, "ld/f", "lf"));
  EXPECT(0, symlink_at(w, 3, "nowhere", "dangling"));
  EXPECT(0, symlink_at(w, 3, "loop", "loop"));
  EXPECT(0, symlink_at(w, 3, "../d/f", "d/up"));
  fd = must_open(w, 3, "lf", 0, 0);
  CHECK(reads(w, fd, "target"));
  EXPECT(0, CALL(fd_close, fd));
  fd = must_open(w, 3, "ld/up", 0, 0);
  CHECK(reads(w, fd, "target"));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(W2SI_ELOOP, open_at(w, 3, "lf", 0, 0, 0, 0, &fd));
  EXPECT(W2SI_ELOOP, open_at(w, 3, "loop", 1, 0, 0, 0, &fd));
  EXPECT(W2SI_ELOOP, stat_at(w, 1, "loop"));
  EXPECT(W2SI_ELOOP, stat_at(w, 0, "loop/x"));
  EXPECT(W2SI_ENOENT, stat_at(w, 1, "dangling"));
  EXPECT(0, stat_at(w, 0, "dangling"));
  CHECK(w->memory[AT_OUT + 16] == W2SI_FILETYPE_SYMBOLIC_LINK && get64(w, AT_OUT + 32) == 7);
  EXPECT(0, stat_at(w, 0, "ld/"));
  CHECK(w->memory[AT_OUT + 16] == W2SI_FILETYPE_DIRECTORY);
  EXPECT(W2SI_ENOTDIR, stat_at(w, 0, "lf/"));
  EXPECT(0, stat_at(w, 0, "ld/."));
  EXPECT(W2SI_EEXIST, mkdir_at(w, "ld/"));
  EXPECT(W2SI_ENOTDIR, rmdir_at(w, "ld/"));
  EXPECT(W2SI_ENOTDIR, unlink_at(w, "ld/"));
  EXPECT(W2SI_EEXIST, symlink_at(w, 3, "x", "ld/"));
  EXPECT(W2SI_ENOENT, symlink_at(w, 3, "x", "new/"));
  EXPECT(W2SI_EEXIST, symlink_at(w, 3, "x", "d"));
  EXPECT(W2SI_EEXIST, symlink_at(w, 3, "x", "."));
  EXPECT(W2SI_ENOENT, CALL(path_symlink, AT_PATH, 0, 3, PATH("new")));
  EXPECT(0, CALL(path_readlink, 3, PATH("lf"), AT_DATA, 100, AT_OUT));
  CHECK(get32(w, AT_OUT) == 4 && memcmp(w->memory + AT_DATA, "ld/f", 4) == 0);
  EXPECT(0, CALL(path_readlink, 3, PATH("lf"), AT_DATA, 2, AT_OUT));
  CHECK(get32(w, AT_OUT) == 2);
  EXPECT(0, CALL(path_readlink, 3, PATH("lf"), AT_DATA, 0, AT_OUT));
  CHECK(get32(w, AT_OUT) == 0);
  EXPECT(W2SI_EINVAL, CALL(path_readlink, 3, PATH("d"), AT_DATA, 100, AT_OUT));
  EXPECT(W2SI_EINVAL, CALL(path_readlink, 3, PATH("ld/"), AT_DATA, 100, AT_OUT));
  EXPECT(W2SI_ENOENT, CALL(path_readlink, 3, PATH("x"), AT_DATA, 100, AT_OUT));
  /* creating through a dangling link creates its target */
  fd = must_open(w, 3, "dangling", W2SI_OFLAG_CREAT, 0);
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(0, stat_at(w, 0, "nowhere"));
  EXPECT(W2SI_EEXIST, open_at(w, 3, "dangling", 1, W2SI_OFLAG_CREAT | W2SI_OFLAG_EXCL, 0, 0, &fd));
  /* links are renamed and linked themselves */
  EXPECT(0, rename_at(w, "lf", "lf2"));
  EXPECT(0, link_at(w, "lf2", "lf3"));
  EXPECT(0, stat_at(w, 0, "lf3"));
  CHECK(w->memory[AT_OUT + 16] == W2SI_FILETYPE_SYMBOLIC_LINK && get64(w, AT_OUT + 24) == 2);
  static const char *const files[] = {"lf2", "lf3", "ld", "loop", "dangling", "nowhere", "d/up", "d/f"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) EXPECT(0, unlink_at(w, files[i]));
  EXPECT(0, rmdir_at(w, "d"));
}

/* ---- ways out ---- */

static void check_escapes(struct world *w) {
  static const char *const paths[] = {"..", "../", "../x", "/", "/etc", "//etc/passwd", "d/../..", "d/../../x", "./../x",
                                      "d/e/../../../x", "d/./../.././x"};
  static const char *const targets[] = {"/", "/etc/passwd", "..", "../x", "d/../..", "d/../../x", "../", "x/../../y"};
  uint32_t fd;
  EXPECT(0, mkdir_at(w, "d"));
  EXPECT(0, mkdir_at(w, "d/e"));
  make_file(w, 3, "in", "inside");
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    const char *p = paths[i];
    EXPECT(W2SI_EPERM, open_at(w, 3, p, 0, 0, 0, 0, &fd));
    EXPECT(W2SI_EPERM, open_at(w, 3, p, 1, W2SI_OFLAG_DIRECTORY, 0, 0, &fd));
    EXPECT(W2SI_EPERM, stat_at(w, 0, p));
    EXPECT(W2SI_EPERM, stat_at(w, 1, p));
    EXPECT(W2SI_EPERM, CALL(path_filestat_set_times, 3, 1, PATH(p), 0, 0, W2SI_FST_MTIM_NOW));
    EXPECT(W2SI_EPERM, mkdir_at(w, p));
    EXPECT(W2SI_EPERM, rmdir_at(w, p));
    EXPECT(W2SI_EPERM, unlink_at(w, p));
    EXPECT(W2SI_EPERM, CALL(path_readlink, 3, PATH(p), AT_DATA, 9, AT_OUT));
    EXPECT(W2SI_EPERM, rename_at(w, p, "new"));
    EXPECT(W2SI_EPERM, rename_at(w, "in", p));
    EXPECT(W2SI_EPERM, link_at(w, p, "new"));
    EXPECT(W2SI_EPERM, link_at(w, "in", p));
    EXPECT(W2SI_EPERM, symlink_at(w, 3, "in", p));
  }
  for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
    EXPECT(W2SI_ENOTCAPABLE, symlink_at(w, 3, targets[i], "link"));
  }
  EXPECT(0, symlink_at(w, 3, "../../in", "d/e/two"));
  EXPECT(0, symlink_at(w, 3, "../in", "d/e/one"));
  EXPECT(W2SI_ENOTCAPABLE, symlink_at(w, 3, "../../../in", "d/e/three"));
  EXPECT(W2SI_ENOTCAPABLE, rename_at(w, "d/e/two", "d/two"));
  EXPECT(W2SI_ENOTCAPABLE, link_at(w, "d/e/two", "d/two"));
  EXPECT(0, rename_at(w, "d/e/one", "d/one"));
  EXPECT(W2SI_ENOTCAPABLE, rename_at(w, "d/one", "one"));
  /* a directory of the guest's is the end of the world for what is opened beneath it, but links count from the top */
  fd = open_dir(w, 3, "d/e");
  EXPECT(W2SI_EPERM, CALL(path_filestat_get, fd, 0, PATH("../e"), AT_OUT));
  EXPECT(0, symlink_at(w, fd, "../../in", "again"));
  EXPECT(W2SI_ENOTCAPABLE, symlink_at(w, fd, "../../../in", "too far"));
  EXPECT(0, CALL(fd_close, fd));
  static const char *const files[] = {"d/e/again", "d/e/two", "d/one", "in"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) EXPECT(0, unlink_at(w, files[i]));
  EXPECT(0, rmdir_at(w, "d/e"));
  EXPECT(0, rmdir_at(w, "d"));
}

/* ---- reading directories ---- */

/* Read all names with a buffer of `n` bytes, one call after the other, into a bit set of the numbered ones; returns how many
 * entries there were. */
static uint32_t list(struct world *w, uint32_t fd, uint32_t n, uint8_t *seen, uint64_t from) {
  uint64_t cookie = from;
  uint32_t count = 0;
  for (;;) {
    EXPECT(0, CALL(fd_readdir, fd, AT_DATA, n, cookie, AT_OUT));
    uint32_t used = get32(w, AT_OUT);
    uint32_t at = 0;
    CHECK(used <= n);
    while (at + W2SI_DIRENT_BYTES <= used && at + W2SI_DIRENT_BYTES + get32(w, AT_DATA + at + 16) <= used) {
      char name[260] = "";
      uint32_t length = get32(w, AT_DATA + at + 16);
      CHECK(length < sizeof name && length > 0 && get64(w, AT_DATA + at + 8) != 0);
      memcpy(name, w->memory + AT_DATA + at + W2SI_DIRENT_BYTES, length);
      int is_dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
      CHECK(w->memory[AT_DATA + at + 20] == (is_dots ? W2SI_FILETYPE_DIRECTORY : W2SI_FILETYPE_REGULAR_FILE));
      if (!is_dots) {
        int nth = atoi(name + 1);
        CHECK(name[0] == 'n' && !seen[nth]);
        seen[nth] = 1;
      }
      cookie = get64(w, AT_DATA + at);
      at += W2SI_DIRENT_BYTES + length;
      count++;
    }
    if (used < n) return count;
    CHECK(at > 0);
  }
}

static void check_listing(struct world *w) {
  enum { N = 150 };
  static const uint32_t sizes[] = {32, 37, 64, 100, 1000, 4096, 20000};
  char name[20];
  uint8_t seen[N + 1];
  EXPECT(0, mkdir_at(w, "many"));
  uint32_t fd = open_dir(w, 3, "many");
  memset(seen, 0, sizeof seen);
  CHECK(list(w, fd, 1000, seen, 0) == 2);
  for (int i = 0; i < N; i++) {
    snprintf(name, sizeof name, "many/n%d", i);
    make_file(w, 3, name, "");
  }
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    memset(seen, 0, sizeof seen);
    CHECK(list(w, fd, sizes[i], seen, 0) == N + 2);
  }
  /* a buffer that not even one entry fits into is filled all the same */
  for (uint32_t n = 0; n < 30; n++) {
    memset(w->memory + AT_DATA, 0xee, 40);
    EXPECT(0, CALL(fd_readdir, fd, AT_DATA, n, 0, AT_OUT));
    CHECK(get32(w, AT_OUT) <= n && (n > 24 || get32(w, AT_OUT) == n) && w->memory[AT_DATA + n] == 0xee);
  }
  /* entries come and go while one reads on */
  EXPECT(0, CALL(fd_readdir, fd, AT_DATA, 1000, 0, AT_OUT));
  uint64_t cookie = get64(w, AT_DATA);
  memset(seen, 0, sizeof seen);
  for (int i = 0; i < N; i += 2) {
    snprintf(name, sizeof name, "many/n%d", i);
    EXPECT(0, unlink_at(w, name));
  }
  /* what was removed may still be told of, what stays must be, but for the entry before the cookie */
  list(w, fd, 200, seen, cookie);
  int missing = 0;
  for (int i = 1; i < N; i += 2) missing += !seen[i];
  CHECK(missing <= 1);
  /* cookies that nobody gave out lead nowhere bad */
  static const uint64_t odd[] = {1, 2, 3, 999999, INT64_MAX, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 40};
  for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
    int64_t result = CALL(fd_readdir, fd, AT_DATA, 1000, odd[i], AT_OUT);
    CHECK(result == 0 || result == W2SI_EINVAL);
  }
  for (int i = 1; i < N; i += 2) {
    snprintf(name, sizeof name, "many/n%d", i);
    EXPECT(0, unlink_at(w, name));
  }
  EXPECT(0, rmdir_at(w, "many"));
  EXPECT(0, CALL(fd_readdir, fd, AT_DATA, 1000, 0, AT_OUT));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(W2SI_ENOTDIR, CALL(fd_readdir, 1, AT_DATA, 1000, 0, AT_OUT));
}

/* ---- rights ---- */

static void set_rights(struct world *w, uint32_t fd, uint64_t base, uint64_t inheriting) {
  EXPECT(0, CALL(fd_fdstat_set_rights, fd, base, inheriting));
}

static void check_rights(struct world *w) {
  uint32_t fd;
  make_file(w, 3, "f", "text");
  EXPECT(0, CALL(fd_fdstat_get, 3, AT_OUT));
  CHECK(w->memory[AT_OUT] == W2SI_FILETYPE_DIRECTORY && get64(w, AT_OUT + 8) == W2SI_RIGHTS_DIR);
  EXPECT(0, open_at(w, 3, "f", 0, 0, W2SI_RIGHT_FD_READ, 0, &fd));
  EXPECT(0, CALL(fd_fdstat_get, fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 8) == W2SI_RIGHT_FD_READ && get64(w, AT_OUT + 16) == 0);
  CHECK(reads(w, fd, "text"));
  EXPECT(W2SI_EBADF, write_text(w, fd, "x"));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_seek, fd, 0, 0, AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_tell, fd, AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_filestat_get, fd, AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_filestat_set_size, fd, 0));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_allocate, fd, 0, 9));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_advise, fd, 0, 9, 0));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_sync, fd));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_datasync, fd));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_fdstat_set_flags, fd, 0));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_filestat_set_times, fd, 0, 0, 0));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_fdstat_set_rights, fd, W2SI_RIGHT_FD_READ | W2SI_RIGHT_FD_WRITE, 0));
  EXPECT(W2SI_ENOTDIR, CALL(fd_readdir, fd, AT_DATA, 9, 0, AT_OUT));
  EXPECT(W2SI_ENOTDIR, CALL(path_create_directory, fd, PATH("x")));
  set_rights(w, fd, 0, 0);
  EXPECT(W2SI_EBADF, CALL(fd_read, fd, AT_IOV, 1, AT_OUT));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(W2SI_EISDIR, CALL(fd_read, 3, AT_IOV, 0, AT_OUT));
  EXPECT(W2SI_EISDIR, CALL(fd_seek, 3, 0, 0, AT_OUT));
  /* a directory that may not pass on writing, and lacks one right after the other */
  EXPECT(0, mkdir_at(w, "d"));
  uint32_t dir = open_dir(w, 3, "d");
  make_file(w, dir, "g", "");
  set_rights(w, dir, W2SI_RIGHTS_DIR, W2SI_RIGHTS_DIR | (W2SI_RIGHTS_FILE & ~W2SI_RIGHT_FD_WRITE));
  EXPECT(W2SI_ENOTCAPABLE, open_at(w, dir, "g", 0, 0, W2SI_RIGHT_FD_WRITE, 0, &fd));
  EXPECT(0, open_at(w, dir, "g", 0, 0, ALL_RIGHTS & ~W2SI_RIGHT_FD_WRITE, 0, &fd));
  EXPECT(0, CALL(fd_close, fd));
  /* ... nor give its files a name in one that may */
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_link, dir, 0, PATH("g"), 3, PATH2("g")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_rename, dir, PATH("g"), 3, PATH2("g")));
  EXPECT(0, CALL(path_link, 3, 0, PATH("f"), dir, PATH2("f")));
  EXPECT(0, CALL(path_unlink_file, dir, PATH("f")));
  set_rights(w, dir, W2SI_RIGHTS_DIR & ~(W2SI_RIGHT_PATH_CREATE_FILE | W2SI_RIGHT_PATH_FILESTAT_SET_SIZE), 0);
  EXPECT(W2SI_ENOTCAPABLE, open_at(w, dir, "h", 0, W2SI_OFLAG_CREAT, 0, 0, &fd));
  EXPECT(W2SI_ENOTCAPABLE, open_at(w, dir, "g", 0, W2SI_OFLAG_TRUNC, 0, 0, &fd));
  EXPECT(W2SI_ENOTCAPABLE, open_at(w, dir, "g", 0, 0, W2SI_RIGHT_FD_READ, 0, &fd));
  set_rights(w, dir, 0, 0);
  EXPECT(W2SI_ENOTCAPABLE, open_at(w, dir, "g", 0, 0, 0, 0, &fd));
  EXPECT(W2SI_ENOTCAPABLE, CALL(fd_readdir, dir, AT_DATA, 9, 0, AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_create_directory, dir, PATH("x")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_filestat_get, dir, 0, PATH("g"), AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_filestat_set_times, dir, 0, PATH("g"), 0, 0, 0));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_link, dir, 0, PATH("g"), 3, PATH2("x")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_link, 3, 0, PATH("f"), dir, PATH2("x")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_rename, dir, PATH("g"), 3, PATH2("x")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_rename, 3, PATH("f"), dir, PATH2("x")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_readlink, dir, PATH("g"), AT_DATA, 9, AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_remove_directory, dir, PATH("g")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_symlink, PATH("g"), dir, PATH2("x")));
  EXPECT(W2SI_ENOTCAPABLE, CALL(path_unlink_file, dir, PATH("g")));
  EXPECT(0, CALL(fd_close, dir));
  EXPECT(0, unlink_at(w, "d/g"));
  EXPECT(0, unlink_at(w, "f"));
  EXPECT(0, rmdir_at(w, "d"));
}

/* Nothing changes in a read-only directory. */
static void check_read_only(struct world *w) {
  uint32_t fd;
  EXPECT(W2SI_EROFS, open_at(w, 3, "f", 0, 0, W2SI_RIGHT_FD_WRITE, 0, &fd));
  EXPECT(W2SI_EROFS, open_at(w, 3, "f", 0, W2SI_OFLAG_TRUNC, 0, 0, &fd));
  EXPECT(W2SI_EROFS, open_at(w, 3, "new", 0, W2SI_OFLAG_CREAT, 0, 0, &fd));
  EXPECT(W2SI_EROFS, mkdir_at(w, "new"));
  EXPECT(W2SI_EROFS, rmdir_at(w, "d"));
  EXPECT(W2SI_EROFS, unlink_at(w, "f"));
  EXPECT(W2SI_EROFS, rename_at(w, "f", "new"));
  EXPECT(W2SI_EROFS, link_at(w, "f", "new"));
  EXPECT(W2SI_EROFS, symlink_at(w, 3, "f", "new"));
  EXPECT(W2SI_EROFS, CALL(path_filestat_set_times, 3, 0, PATH("f"), 0, 0, W2SI_FST_MTIM_NOW));
  EXPECT(W2SI_EROFS, CALL(fd_filestat_set_times, 3, 0, 0, W2SI_FST_MTIM_NOW));
  /* neither through what is opened from it, nor into another directory */
  uint32_t dir = open_dir(w, 3, "d");
  EXPECT(W2SI_EROFS, open_at(w, dir, "g", 0, 0, W2SI_RIGHT_FD_WRITE, 0, &fd));
  EXPECT(W2SI_EROFS, CALL(path_unlink_file, dir, PATH("g")));
  EXPECT(W2SI_EROFS, CALL(path_link, 3, 0, PATH("f"), 4, PATH2("stolen")));
  EXPECT(W2SI_EROFS, CALL(path_rename, 3, PATH("f"), 4, PATH2("stolen")));
  EXPECT(W2SI_EROFS, CALL(path_rename, 4, PATH("x"), 3, PATH2("f")));
  EXPECT(0, open_at(w, 3, "f", 0, 0, ALL_RIGHTS & ~W2SI_RIGHT_FD_WRITE, 0, &fd));
  CHECK(reads(w, fd, "text"));
  EXPECT(W2SI_EBADF, write_text(w, fd, "x"));
  EXPECT(W2SI_EROFS, CALL(fd_filestat_set_size, fd, 0));
  EXPECT(W2SI_EROFS, CALL(fd_allocate, fd, 0, 100));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(0, CALL(fd_close, dir));
}

static void test_read_only(enum backend backend) {
  struct w2s_wasi_node *root;
  struct w2s_wasi_node *dir;
  struct world world = wasi_world(module, backend == BY_HAND ? W2S_WASI_WALK_PATHS : 0);
  if (backend == IN_MEMORY) {
    const uint8_t *text = (const uint8_t *)"text";
    CHECK(w2s_wasi_preopen_memory(world.wasi, "ro", 2, W2S_WASI_READ_ONLY, &root) == 0);
    CHECK(w2s_wasi_node_add(world.wasi, root, "f", 1, W2S_WASI_NODE_FILE, text, 4, NULL) == 0);
    CHECK(w2s_wasi_node_add(world.wasi, root, "d", 1, W2S_WASI_NODE_DIR, NULL, 0, &dir) == 0);
    CHECK(w2s_wasi_node_add(world.wasi, dir, "g", 1, W2S_WASI_NODE_FILE, text, 4, NULL) == 0);
    CHECK(w2s_wasi_preopen_memory(world.wasi, "rw", 2, 0, &root) == 0);
  } else {
    char path[100];
    int fd = make_host_dir(path, sizeof path);
    int file = openat(fd, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    CHECK(file >= 0 && write(file, "text", 4) == 4 && close(file) == 0 && mkdirat(fd, "d", 0777) == 0);
    file = openat(fd, "d/g", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    CHECK(file >= 0 && close(file) == 0 && w2s_wasi_preopen_fd(world.wasi, fd, "ro", 2, W2S_WASI_READ_ONLY) == 0);
    close(fd);
    fd = make_host_dir(path, sizeof path);
    CHECK(w2s_wasi_preopen_fd(world.wasi, fd, "rw", 2, 0) == 0);
    close(fd);
  }
  check_read_only(&world);
  w2s_store_delete(world.store);
}

/* ---- the table ---- */

static void check_table(struct world *w) {
  struct w2s_wasi_limits limits;
  uint32_t fd;
  make_file(w, 3, "one", "1");
  make_file(w, 3, "two", "2");
  uint32_t one = must_open(w, 3, "one", 0, 0);
  uint32_t two = must_open(w, 3, "two", 0, 0);
  CHECK(one == 4 && two == 5);
  EXPECT(0, CALL(fd_renumber, one, two));
  CHECK(reads(w, two, "1"));
  EXPECT(W2SI_EBADF, CALL(fd_close, one));
  EXPECT(W2SI_EBADF, CALL(fd_renumber, two, one));
  EXPECT(0, CALL(fd_renumber, two, two));
  w2s_wasi_get_limits(w->wasi, &limits);
  limits.descriptors = 7;
  w2s_wasi_set_limits(w->wasi, &limits);
  CHECK(must_open(w, 3, "one", 0, 0) == 4 && must_open(w, 3, "one", 0, 0) == 6);
  EXPECT(W2SI_EMFILE, open_at(w, 3, "new", 0, W2SI_OFLAG_CREAT, 0, 0, &fd));
  EXPECT(W2SI_ENOENT, stat_at(w, 0, "new")); /* and nothing was created */
  EXPECT(0, CALL(fd_close, 4));
  EXPECT(0, CALL(fd_close, 6));
  EXPECT(0, CALL(fd_close, two));
  /* preopened directories: their names, until they are closed or replaced */
  EXPECT(0, CALL(fd_prestat_get, 3, AT_OUT));
  CHECK(get32(w, AT_OUT) == 0 && get32(w, AT_OUT + 4) == 4);
  EXPECT(W2SI_ENAMETOOLONG, CALL(fd_prestat_dir_name, 3, AT_OUT, 3));
  EXPECT(0, CALL(fd_prestat_dir_name, 3, AT_OUT, 10));
  CHECK(memcmp(w->memory + AT_OUT, "/dir", 4) == 0);
  EXPECT(0, unlink_at(w, "one"));
  EXPECT(0, unlink_at(w, "two"));
  uint32_t self = open_dir(w, 3, ".");
  EXPECT(0, CALL(fd_renumber, self, 3));
  EXPECT(W2SI_EBADF, CALL(fd_prestat_get, 3, AT_OUT));
}

/* ---- memory only ---- */

static void test_memory_limits(void) {
  struct w2s_wasi_node *root;
  struct w2s_wasi_node *node;
  struct world world = make_world(IN_MEMORY, 0, &root);
  struct world *w = &world;
  struct w2s_wasi_limits limits;
  const uint8_t *bytes = (const uint8_t *)"0123456789";
  const char *name;
  size_t n;
  CHECK(w2s_wasi_node_add(w->wasi, root, "a", 1, W2S_WASI_NODE_FILE, bytes, 10, &node) == 0);
  CHECK(w2s_wasi_node_add(w->wasi, root, "a", 1, W2S_WASI_NODE_FILE, bytes, 10, NULL) == EEXIST);
  CHECK(w2s_wasi_node_add(w->wasi, root, "..", 2, W2S_WASI_NODE_FILE, bytes, 10, NULL) == EINVAL);
  CHECK(w2s_wasi_node_add(w->wasi, root, "a/b", 3, W2S_WASI_NODE_FILE, bytes, 10, NULL) == EINVAL);
  CHECK(w2s_wasi_node_add(w->wasi, root, "", 0, W2S_WASI_NODE_FILE, bytes, 10, NULL) == EINVAL);
  CHECK(w2s_wasi_node_add(w->wasi, root, "b", 1, 2, bytes, 10, NULL) == EINVAL);
  CHECK(w2s_wasi_node_add(w->wasi, node, "b", 1, W2S_WASI_NODE_FILE, bytes, 10, NULL) == ENOTDIR);
  CHECK(w2s_wasi_node_add(w->wasi, root, "l", 1, W2S_WASI_NODE_SYMLINK, bytes, 4, NULL) == 0);
  CHECK(w2s_wasi_node_entry(root, 0, &name, &n, &node) == 0 && n == 1 && name[0] == 'a');
  CHECK(w2s_wasi_node_kind_of(node) == W2S_WASI_NODE_FILE && memcmp(w2s_wasi_node_content(node, &n), bytes, 10) == 0 && n == 10);
  CHECK(w2s_wasi_node_entry(root, 1, &name, &n, &node) == 0 && w2s_wasi_node_kind_of(node) == W2S_WASI_NODE_SYMLINK);
  CHECK(w2s_wasi_node_entry(root, 2, &name, &n, &node) == ENOENT);
  w2s_wasi_get_limits(w->wasi, &limits);
  limits.node_bytes = 20;
  limits.nodes = 5;
  w2s_wasi_set_limits(w->wasi, &limits);
  CHECK(w2s_wasi_node_add(w->wasi, root, "c", 1, W2S_WASI_NODE_FILE, bytes, 10, NULL) == ENOSPC);
  uint32_t fd = must_open(w, 3, "b", W2SI_OFLAG_CREAT, 0);
  EXPECT(0, write_text(w, fd, "123456"));
  EXPECT(W2SI_ENOSPC, write_text(w, fd, "7"));
  EXPECT(W2SI_ENOSPC, CALL(fd_filestat_set_size, fd, 7));
  EXPECT(W2SI_ENOSPC, CALL(fd_allocate, fd, 0, INT64_MAX));
  EXPECT(0, CALL(fd_seek, fd, INT64_MAX, W2SI_WHENCE_SET, AT_OUT));
  EXPECT(W2SI_EFBIG, write_text(w, fd, "7"));
  EXPECT(W2SI_EOVERFLOW, CALL(fd_seek, fd, 1, W2SI_WHENCE_CUR, AT_OUT));
  EXPECT(0, unlink_at(w, "a"));
  EXPECT(0, CALL(fd_seek, fd, 0, W2SI_WHENCE_END, AT_OUT));
  EXPECT(0, write_text(w, fd, "7890123456"));
  EXPECT(W2SI_ENOSPC, write_text(w, fd, "7"));
  EXPECT(0, mkdir_at(w, "d1"));
  EXPECT(0, mkdir_at(w, "d2"));
  EXPECT(W2SI_ENOSPC, mkdir_at(w, "d3"));
  EXPECT(0, rmdir_at(w, "d2"));
  EXPECT(0, mkdir_at(w, "d3"));
  w2s_store_delete(w->store);
}

/* ---- the host only ---- */

/* What a host prepared in and around the directory. */
static void test_host_links(enum backend backend) {
  struct world world = wasi_world(module, backend == BY_HAND ? W2S_WASI_WALK_PATHS : 0);
  struct world *w = &world;
  char path[100];
  uint32_t fd;
  int outside = make_host_dir(path, sizeof path);
  int secret = openat(outside, "secret", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  CHECK(secret >= 0 && write(secret, "secret", 6) == 6 && close(secret) == 0);
  CHECK(mkdirat(outside, "in", 0777) == 0 && mkdirat(outside, "in/sub", 0777) == 0);
  CHECK(symlinkat("../secret", outside, "in/out") == 0 && symlinkat("..", outside, "in/up") == 0);
  CHECK(symlinkat(path, outside, "in/abs") == 0 && symlinkat("/", outside, "in/root") == 0);
  CHECK(symlinkat("sub/../../secret", outside, "in/sly") == 0 && symlinkat("sub", outside, "in/good") == 0);
  CHECK(symlinkat("/proc/self/fd/0", outside, "in/magic") == 0 && mkfifoat(outside, "in/fifo", 0666) == 0);
  int in = openat(outside, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(w2s_wasi_preopen_fd(w->wasi, in, ".", 1, 0) == 0);
  static const char *const bad[] = {"out", "out/", "up/", "up/secret", "up/in/../secret", "abs/", "abs/secret", "root/",
                                    "root/etc/passwd", "sly", "magic", "good/../up/secret", "sub/../out"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    EXPECT(W2SI_EPERM, open_at(w, 3, bad[i], 1, 0, W2SI_RIGHT_FD_READ, 0, &fd));
    const int is_dir = bad[i][strlen(bad[i]) - 1] == '/'; /* nothing is created there anyway */
    int64_t result = open_at(w, 3, bad[i], 1, W2SI_OFLAG_CREAT | W2SI_OFLAG_TRUNC, ALL_RIGHTS, 0, &fd);
    CHECK(result == W2SI_EPERM || (is_dir && result == W2SI_EISDIR));
    EXPECT(W2SI_EPERM, stat_at(w, 1, bad[i]));
    EXPECT(W2SI_EPERM, CALL(path_filestat_set_times, 3, 1, PATH(bad[i]), 0, 0, W2SI_FST_MTIM_NOW));
    CHECK(open_at(w, 3, bad[i], 0, 0, W2SI_RIGHT_FD_READ, 0, &fd) != 0);
    CHECK(link_at(w, bad[i], "stolen") != 0 || (stat_at(w, 0, "stolen") == 0 &&
                                                w->memory[AT_OUT + 16] == W2SI_FILETYPE_SYMBOLIC_LINK));
    CHECK(unlinkat(in, "stolen", 0) == 0 || errno == ENOENT);
  }
  EXPECT(0, stat_at(w, 1, "good/../good/"));
  EXPECT(0, CALL(path_readlink, 3, PATH("root"), AT_DATA, 9, AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, rename_at(w, "sly", "sub/sly"));
  /* a named pipe does not block anybody */
  EXPECT(0, open_at(w, 3, "fifo", 0, 0, W2SI_RIGHT_FD_READ | W2SI_RIGHT_FD_SEEK, W2SI_FDFLAG_NONBLOCK, &fd));
  EXPECT(0, CALL(fd_fdstat_get, fd, AT_OUT));
  CHECK(w->memory[AT_OUT] == W2SI_FILETYPE_UNKNOWN && get64(w, AT_OUT + 8) == W2SI_RIGHT_FD_READ);
  EXPECT(0, CALL(fd_read, fd, AT_IOV, 0, AT_OUT));
  EXPECT(0, CALL(fd_close, fd));
  EXPECT(W2SI_ENXIO, open_at(w, 3, "fifo", 0, 0, W2SI_RIGHT_FD_WRITE, 0, &fd));
  struct stat status;
  CHECK(fstatat(outside, "secret", &status, 0) == 0 && status.st_size == 6 && status.st_nlink == 1);
  close(in);
  close(outside);
  w2s_store_delete(w->store);
}

/* A directory that is moved, or removed, while it is open. */
static void test_host_moves(enum backend backend) {
  struct world world = wasi_world(module, backend == BY_HAND ? W2S_WASI_WALK_PATHS : 0);
  struct world *w = &world;
  char path[100];
  uint32_t fd;
  int outside = make_host_dir(path, sizeof path);
  CHECK(mkdirat(outside, "in", 0777) == 0 && mkdirat(outside, "in/sub", 0777) == 0 && mkdirat(outside, "in/sub/deep", 0777) == 0);
  int in = openat(outside, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(w2s_wasi_preopen_fd(w->wasi, in, ".", 1, 0) == 0);
  close(in);
  uint32_t sub = open_dir(w, 3, "sub");
  CHECK(renameat(outside, "in/sub", outside, "moved") == 0);
  EXPECT(0, CALL(path_filestat_get, sub, 0, PATH("deep"), AT_OUT));
  EXPECT(W2SI_EPERM, CALL(path_filestat_get, sub, 0, PATH("deep/../.."), AT_OUT));
  EXPECT(W2SI_ENOTCAPABLE, symlink_at(w, sub, "../x", "link"));
  CHECK(renameat(outside, "moved", outside, "in/back") == 0);
  EXPECT(0, symlink_at(w, sub, "../x", "link"));
  EXPECT(0, CALL(path_unlink_file, sub, PATH("link")));
  CHECK(unlinkat(outside, "in/back/deep", AT_REMOVEDIR) == 0 && unlinkat(outside, "in/back", AT_REMOVEDIR) == 0);
  CHECK(unlinkat(outside, "in", AT_REMOVEDIR) == 0);
  EXPECT(W2SI_ENOENT, open_at(w, 3, "new", 0, W2SI_OFLAG_CREAT, 0, 0, &fd));
  EXPECT(W2SI_ENOENT, mkdir_at(w, "new"));
  EXPECT(0, CALL(fd_readdir, 3, AT_DATA, 1000, 0, AT_OUT));
  EXPECT(0, CALL(fd_filestat_get, 3, AT_OUT));
  CHECK(w2s_wasi_preopen_fd(w->wasi, 12345, "x", 1, 0) == EBADF && w2s_wasi_preopen_fd(w->wasi, 0, "x", 1, 0) == ENOTDIR);
  CHECK(w2s_wasi_preopen_fd(w->wasi, outside, "", 0, 0) == EINVAL && w2s_wasi_preopen_fd(w->wasi, outside, "a\0b", 3, 0) == EINVAL);
  close(outside);
  w2s_store_delete(w->store);
}

/* Large files: positions beyond 32 bits. */
static void test_large(void) {
  struct world world = make_world(KERNEL, 0, NULL);
  struct world *w = &world;
  const uint64_t far = (UINT64_C(5) << 30) + 3;
  uint32_t fd = must_open(w, 3, "large", W2SI_OFLAG_CREAT, 0);
  EXPECT(0, CALL(fd_seek, fd, far, W2SI_WHENCE_SET, AT_OUT));
  EXPECT(0, write_text(w, fd, "end"));
  EXPECT(0, CALL(fd_filestat_get, fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 32) == far + 3);
  put_iovec(w, 0, AT_DATA, 100);
  EXPECT(0, CALL(fd_pread, fd, AT_IOV, 1, far, AT_OUT));
  CHECK(get32(w, AT_OUT) == 3 && memcmp(w->memory + AT_DATA, "end", 3) == 0);
  EXPECT(0, CALL(fd_filestat_set_size, fd, 0));
  w2s_store_delete(w->store);
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && mkdtemp(scratch));
  int null = open("/dev/null", O_RDWR);
  CHECK(null >= 0 && dup2(null, 0) == 0 && close(null) == 0);
  module = wasi_open(argv[1], "PREVIEW1");
  const int fds = wasi_count_fds();
  for (enum backend backend = 0; backend < N_BACKENDS; backend++) {
    struct world world = make_world(backend, 0, NULL);
    check_io(&world);
    check_append(&world);
    check_times(&world);
    check_names(&world);
    check_moves(&world);
    check_symlinks(&world);
    check_escapes(&world);
    check_listing(&world);
    check_rights(&world);
    check_table(&world);
    w2s_store_delete(world.store);
    test_read_only(backend);
    if (backend == IN_MEMORY) continue;
    test_host_links(backend);
    test_host_moves(backend);
  }
  test_memory_limits();
  test_large();
  CHECK(wasi_count_fds() == fds);
  w2s_module_release(module);
  wasi_remove_folder(scratch);
  return 0;
}
