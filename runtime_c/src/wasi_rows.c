/* The functions of WASI preview 1, each declared once: its wasm type and the checks of its pointers come from here. */
#define _GNU_SOURCE 1

#include "wasi_call.h"

static const struct w2si_row rows[] = {
    {.name = "args_get", .params = "at at", .run = w2si_args_get},
    {.name = "args_sizes_get", .params = ">u32 >u32", .run = w2si_args_sizes_get},
    {.name = "environ_get", .params = "at at", .run = w2si_environ_get},
    {.name = "environ_sizes_get", .params = ">u32 >u32", .run = w2si_environ_sizes_get},
    {.name = "clock_res_get", .params = "u32 >u64", .run = w2si_clock_res_get},
    {.name = "clock_time_get", .params = "u32 u64 >u64", .run = w2si_clock_time_get},
    {.name = "fd_advise", .params = "fd u64 u64 u32", .rights = W2SI_RIGHT_FD_ADVISE, .run = w2si_fd_advise},
    {.name = "fd_allocate", .params = "fd u64 u64", .rights = W2SI_RIGHT_FD_ALLOCATE, .run = w2si_fd_allocate},
    {.name = "fd_close", .params = "u32", .run = w2si_fd_close},
    {.name = "fd_datasync", .params = "fd", .rights = W2SI_RIGHT_FD_DATASYNC, .run = w2si_fd_datasync},
    {.name = "fd_fdstat_get", .params = "fd >fdstat", .run = w2si_fd_fdstat_get},
    {.name = "fd_fdstat_set_flags", .params = "fd u32", .rights = W2SI_RIGHT_FD_FDSTAT_SET_FLAGS,
     .run = w2si_fd_fdstat_set_flags},
    {.name = "fd_fdstat_set_rights", .params = "fd u64 u64", .run = w2si_fd_fdstat_set_rights},
    {.name = "fd_filestat_get", .params = "fd >filestat", .rights = W2SI_RIGHT_FD_FILESTAT_GET,
     .run = w2si_fd_filestat_get},
    {.name = "fd_filestat_set_size", .params = "fd u64", .rights = W2SI_RIGHT_FD_FILESTAT_SET_SIZE,
     .run = w2si_fd_filestat_set_size},
    {.name = "fd_filestat_set_times", .params = "fd u64 u64 u32", .rights = W2SI_RIGHT_FD_FILESTAT_SET_TIMES,
     .run = w2si_fd_filestat_set_times},
    {.name = "fd_pread", .params = "fd iovecs u64 >u32", .rights = W2SI_RIGHT_FD_READ | W2SI_RIGHT_FD_SEEK,
     .run = w2si_fd_pread},
    {.name = "fd_prestat_get", .params = "fd >prestat", .run = w2si_fd_prestat_get},
    {.name = "fd_prestat_dir_name", .params = "fd bytes", .run = w2si_fd_prestat_dir_name},
    {.name = "fd_pwrite", .params = "fd iovecs u64 >u32", .rights = W2SI_RIGHT_FD_WRITE | W2SI_RIGHT_FD_SEEK,
     .run = w2si_fd_pwrite},
    {.name = "fd_read", .params = "fd iovecs >u32", .rights = W2SI_RIGHT_FD_READ, .run = w2si_fd_read},
    {.name = "fd_readdir", .params = "fd bytes u64 >u32", .rights = W2SI_RIGHT_FD_READDIR, .run = w2si_fd_readdir},
    {.name = "fd_renumber", .params = "u32 u32", .run = w2si_fd_renumber},
    {.name = "fd_seek", .params = "fd u64 u32 >u64", .run = w2si_fd_seek}, /* its right depends on the arguments */
    {.name = "fd_sync", .params = "fd", .rights = W2SI_RIGHT_FD_SYNC, .run = w2si_fd_sync},
    {.name = "fd_tell", .params = "fd >u64", .rights = W2SI_RIGHT_FD_TELL, .run = w2si_fd_tell},
    {.name = "fd_write", .params = "fd iovecs >u32", .rights = W2SI_RIGHT_FD_WRITE, .run = w2si_fd_write},
    {.name = "path_create_directory", .params = "fd path", .rights = W2SI_RIGHT_PATH_CREATE_DIRECTORY,
     .run = w2si_path_create_directory},
    {.name = "path_filestat_get", .params = "fd u32 path >filestat", .rights = W2SI_RIGHT_PATH_FILESTAT_GET,
     .run = w2si_path_filestat_get},
    {.name = "path_filestat_set_times", .params = "fd u32 path u64 u64 u32",
     .rights = W2SI_RIGHT_PATH_FILESTAT_SET_TIMES, .run = w2si_path_filestat_set_times},
    {.name = "path_link", .params = "fd u32 path fd path", .rights = W2SI_RIGHT_PATH_LINK_SOURCE,
     .rights2 = W2SI_RIGHT_PATH_LINK_TARGET, .run = w2si_path_link},
    {.name = "path_open", .params = "fd u32 path u32 u64 u64 u32 >u32", .rights = W2SI_RIGHT_PATH_OPEN,
     .run = w2si_path_open},
    {.name = "path_readlink", .params = "fd path bytes >u32", .rights = W2SI_RIGHT_PATH_READLINK,
     .run = w2si_path_readlink},
    {.name = "path_remove_directory", .params = "fd path", .rights = W2SI_RIGHT_PATH_REMOVE_DIRECTORY,
     .run = w2si_path_remove_directory},
    {.name = "path_rename", .params = "fd path fd path", .rights = W2SI_RIGHT_PATH_RENAME_SOURCE,
     .rights2 = W2SI_RIGHT_PATH_RENAME_TARGET, .run = w2si_path_rename},
    {.name = "path_symlink", .params = "path fd path", .rights = W2SI_RIGHT_PATH_SYMLINK, .run = w2si_path_symlink},
    {.name = "path_unlink_file", .params = "fd path", .rights = W2SI_RIGHT_PATH_UNLINK_FILE,
     .run = w2si_path_unlink_file},
    {.name = "poll_oneoff", .params = "at at u32 >u32", .run = w2si_poll_oneoff},
    {.name = "proc_exit", .params = "u32", .run = w2si_proc_exit, .no_result = 1},
    {.name = "proc_raise", .params = "u32", .run = w2si_proc_raise},
    {.name = "sched_yield", .params = "", .run = w2si_sched_yield},
    {.name = "random_get", .params = "bytes", .run = w2si_random_get},
    {.name = "sock_accept", .params = "fd u32 >u32", .rights = W2SI_RIGHT_SOCK_ACCEPT, .run = w2si_sock_accept,
     .not_in_unstable = 1},
    {.name = "sock_recv", .params = "fd iovecs u32 >u32 >u16", .run = w2si_sock_recv}, /* ENOTSOCK before rights */
    {.name = "sock_send", .params = "fd iovecs u32 >u32", .run = w2si_sock_send},
    {.name = "sock_shutdown", .params = "fd u32", .rights = W2SI_RIGHT_SOCK_SHUTDOWN, .run = w2si_sock_shutdown},
};

const struct w2si_row *w2si_wasi_row(const char *name, size_t n, int unstable) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (strlen(rows[i].name) != n || memcmp(rows[i].name, name, n) != 0) continue;
    return unstable && rows[i].not_in_unstable ? NULL : &rows[i];
  }
  return NULL;
}
