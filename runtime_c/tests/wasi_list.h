/* The functions of WASI preview 1 and the shapes of their types, written down independently of the runtime's rows:
 * one letter for each parameter, i for i32 and I for i64. */
#ifndef W2S_WASI_LIST_H
#define W2S_WASI_LIST_H

#define WASI_FUNCS(X)                                                                                               \
  X(args_get, ii) X(args_sizes_get, ii) X(environ_get, ii) X(environ_sizes_get, ii) X(clock_res_get, ii)            \
  X(clock_time_get, iIi) X(fd_advise, iIIi) X(fd_allocate, iII) X(fd_close, i) X(fd_datasync, i)                    \
  X(fd_fdstat_get, ii) X(fd_fdstat_set_flags, ii) X(fd_fdstat_set_rights, iII) X(fd_filestat_get, ii)               \
  X(fd_filestat_set_size, iI) X(fd_filestat_set_times, iIIi) X(fd_pread, iiiIi) X(fd_prestat_get, ii)               \
  X(fd_prestat_dir_name, iii) X(fd_pwrite, iiiIi) X(fd_read, iiii) X(fd_readdir, iiiIi) X(fd_renumber, ii)          \
  X(fd_seek, iIii) X(fd_sync, i) X(fd_tell, ii) X(fd_write, iiii) X(path_create_directory, iii)                     \
  X(path_filestat_get, iiiii) X(path_filestat_set_times, iiiiIIi) X(path_link, iiiiiii) X(path_open, iiiiiIIii)     \
  X(path_readlink, iiiiii) X(path_remove_directory, iii) X(path_rename, iiiiii) X(path_symlink, iiiii)              \
  X(path_unlink_file, iii) X(poll_oneoff, iiii) X(proc_raise, i) X(sched_yield, none) X(random_get, ii)             \
  X(sock_recv, iiiiii) X(sock_send, iiiii) X(sock_shutdown, ii) X(proc_exit, exit) X(sock_accept, iii)

#define WASI_SHAPES(X)                                                                                              \
  X(none, "", 0) X(i, "i", 1) X(ii, "ii", 2) X(iii, "iii", 3) X(iiii, "iiii", 4) X(iiiii, "iiiii", 5)               \
  X(iiiiii, "iiiiii", 6) X(iiiiiii, "iiiiiii", 7) X(iI, "iI", 2) X(iIi, "iIi", 3) X(iII, "iII", 3)                  \
  X(iIii, "iIii", 4) X(iIIi, "iIIi", 4) X(iiiIi, "iiiIi", 5) X(iiiiIIi, "iiiiIIi", 7)                               \
  X(iiiiiIIii, "iiiiiIIii", 9) X(exit, "i", 1)

#define WASI_FUNC_ENUM(name, shape) WASI_##name,
#define WASI_SHAPE_ENUM(shape, text, n) WASI_SHAPE_##shape,
enum wasi_func { WASI_FUNCS(WASI_FUNC_ENUM) WASI_N_FUNCS };
enum wasi_shape { WASI_SHAPES(WASI_SHAPE_ENUM) WASI_N_SHAPES };

/* Exports: the imported functions themselves, then functions of the module's own that call them, then the memory. */
enum { WASI_EXPORT_OWN = WASI_N_FUNCS, WASI_EXPORT_MEMORY = 2 * WASI_N_FUNCS, WASI_N_EXPORTS };

#endif
