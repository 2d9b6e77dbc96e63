/* Running a whole program: a module whose imports are all WASI's. For the command `wasm2so run` and for standalone
 * executables. pycparser-clean like abi.h.
 */
#ifndef WASM2SO_PROGRAM_H
#define WASM2SO_PROGRAM_H

#include "wasi.h"

enum w2s_program_status {
  W2S_PROGRAM_FAILED = 1,   /* could not be started */
  W2S_PROGRAM_TRAPPED = 134 /* as a shell shows a process that called abort() */
};

/* A program and what it runs in. Zero it; w2s_program_close is safe at any time after that. */
struct w2s_program {
  struct w2s_store *store;
  struct w2s_wasi *wasi;
  struct w2s_module *module;
  struct w2s_instance *instance;
};

/* Make the store and its WASI context, with the process's own standard streams. */
int32_t w2s_program_open(struct w2s_program *program, struct w2s_error *error);
/* The code: a compiled file, or what is linked into this executable. */
int32_t w2s_program_load(struct w2s_program *program, const char *path, struct w2s_error *error);
int32_t w2s_program_link(struct w2s_program *program, const struct w2s_descriptor *descriptor,
                         struct w2s_error *error);
/* `text` is HOST, HOST::GUEST or HOST::GUEST::ro; without GUEST, the directory has the host's name. */
int32_t w2s_program_add_dir(struct w2s_program *program, const char *text, struct w2s_error *error);
/* `text` is NAME=VALUE, or NAME alone for this process's own variable, which then must exist. */
int32_t w2s_program_add_env(struct w2s_program *program, const char *text, struct w2s_error *error);
int32_t w2s_program_add_arg(struct w2s_program *program, const char *text, struct w2s_error *error);
/* Standard input from a file; "-" leaves it as it is. */
int32_t w2s_program_set_stdin(struct w2s_program *program, const char *path, struct w2s_error *error);
/* Instantiate and run: `_start`, or with `invoke` (not NULL) the initializer of a library and then the export of that
 * name, with the arguments from the second on as its numbers; its results go to standard output, a line each.
 * W2S_OK; W2S_ERR_TRAP with W2S_TRAP_EXIT after proc_exit; else what kept it from running or stopped it. */
int32_t w2s_program_run(struct w2s_program *program, const char *invoke, const char *const *args, size_t n_args,
                        struct w2s_error *error);
/* The process's exit status for what w2s_program_run returned. */
int32_t w2s_program_exit_status(const struct w2s_program *program, int32_t status, const struct w2s_error *error);
/* After a trap or an uncaught exception: addresses in the code that it left, innermost first, valid until the next call;
 * `is_cut` if there were more. Returns their number. */
size_t w2s_program_trace(const struct w2s_program *program, const uintptr_t **addresses, int32_t *is_cut);
void w2s_program_close(struct w2s_program *program);

#endif
