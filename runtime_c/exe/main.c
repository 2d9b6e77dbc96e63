/* The main function of standalone executables: a compiled module, the runtime and WASI in one file.
 *
 * All arguments are the program's, but for those in front that begin with --w2s-; so a program's own options never
 * clash. The same settings come from the environment, several values of one on a line each.
 */
#define _GNU_SOURCE 1

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasm2so/program.h"

extern const struct w2s_descriptor w2s_module_descriptor;

typedef int32_t (*setter)(struct w2s_program *program, const char *text, struct w2s_error *error);

static const char help[] =
    "Settings of the sandbox, in front of the program's own arguments (in the environment: a line for each value):\n"
    "  --w2s-dir=HOST[::GUEST][::ro]  W2S_DIR     let the program use a directory\n"
    "  --w2s-env=NAME[=VALUE]         W2S_ENV     set a variable; without a value, to this process's own\n"
    "  --w2s-stdin=PATH               W2S_STDIN   read standard input from a file\n"
    "  --w2s-argv0=NAME               W2S_ARGV0   the program's name for itself\n"
    "  --w2s-invoke=NAME              W2S_INVOKE  call this export, with the arguments as its numbers\n"
    "  --w2s-help                                 show this text\n"
    "  --                                         what follows is the program's, whatever it looks like\n";

/* What is asked for. `n_flags` arguments were read. */
struct settings {
  const char *argv0;
  const char *invoke;
  int n_flags;
};

/* A flag that the runtime takes as it is. */
static const struct {
  const char *flag;
  const char *variable;
  setter set;
} passed_on[] = {
    {"--w2s-dir=", "W2S_DIR", w2s_program_add_dir},
    {"--w2s-env=", "W2S_ENV", w2s_program_add_env},
    {"--w2s-stdin=", "W2S_STDIN", w2s_program_set_stdin},
};
enum { N_PASSED_ON = sizeof passed_on / sizeof passed_on[0] };

/* What follows `prefix` in `text`, or NULL. */
static const char *after(const char *text, const char *prefix) {
  size_t n = strlen(prefix);
  return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* Use each line of a variable's value. */
static int32_t read_variable(struct w2s_program *program, const char *name, setter set, struct w2s_error *error) {
  const char *value = getenv(name);
  char *lines = value ? strdup(value) : NULL;
  int32_t status = W2S_OK;
  char *rest = NULL;
  for (char *line = lines ? strtok_r(lines, "\n", &rest) : NULL; line && status == W2S_OK;) {
    status = set(program, line, error);
    line = strtok_r(NULL, "\n", &rest);
  }
  free(lines);
  return status;
}

static int32_t read_environment(struct w2s_program *program, struct settings *settings, struct w2s_error *error) {
  int32_t status = W2S_OK;
  for (int i = 0; i < N_PASSED_ON && status == W2S_OK; i++) {
    status = read_variable(program, passed_on[i].variable, passed_on[i].set, error);
  }
  settings->argv0 = getenv("W2S_ARGV0");
  settings->invoke = getenv("W2S_INVOKE");
  return status;
}

static int32_t read_flag(struct w2s_program *program, struct settings *settings, const char *flag,
                         struct w2s_error *error) {
  const char *value;
  for (int i = 0; i < N_PASSED_ON; i++) {
    value = after(flag, passed_on[i].flag);
    if (value) return passed_on[i].set(program, value, error);
  }
  if ((value = after(flag, "--w2s-argv0="))) {
    settings->argv0 = value;
  } else if ((value = after(flag, "--w2s-invoke="))) {
    settings->invoke = value;
  } else if (strcmp(flag, "--w2s-help") == 0) {
    fputs(help, stdout);
    exit(EXIT_SUCCESS);
  } else {
    fprintf(stderr, "error: no such setting: %s\n%s", flag, help);
    exit(EXIT_FAILURE);
  }
  return W2S_OK;
}

static int32_t read_flags(struct w2s_program *program, struct settings *settings, int argc, char **argv,
                          struct w2s_error *error) {
  int32_t status = W2S_OK;
  int i = 1;
  while (i < argc && status == W2S_OK && after(argv[i], "--w2s-")) {
    status = read_flag(program, settings, argv[i++], error);
  }
  if (i > 1 && i < argc && strcmp(argv[i], "--") == 0) i++;
  settings->n_flags = i - 1;
  return status;
}

static int32_t run(struct w2s_program *program, int argc, char **argv, struct w2s_error *error) {
  struct settings settings = {.argv0 = NULL};
  int32_t status = w2s_program_link(program, &w2s_module_descriptor, error);
  if (status == W2S_OK) status = read_environment(program, &settings, error);
  if (status == W2S_OK) status = read_flags(program, &settings, argc, argv, error);
  if (status != W2S_OK) return status;
  char **args = argv + settings.n_flags;
  int n_args = argc - settings.n_flags;
  const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
  const char *name = settings.argv0 ? settings.argv0 : slash ? slash + 1 : argc > 0 ? argv[0] : "program";
  status = w2s_program_add_arg(program, name, error);
  for (int i = 1; i < n_args && status == W2S_OK; i++) status = w2s_program_add_arg(program, args[i], error);
  if (status != W2S_OK) return status;
  return w2s_program_run(program, settings.invoke, (const char *const *)args + 1, n_args > 1 ? (size_t)n_args - 1 : 0,
                         error);
}

int main(int argc, char **argv) {
  struct w2s_program program;
  struct w2s_error error;
  signal(SIGPIPE, SIG_IGN); /* writing to a closed pipe is an errno of the guest's */
  int32_t status = w2s_program_open(&program, &error);
  if (status == W2S_OK) status = run(&program, argc, argv, &error);
  int32_t exit_status = w2s_program_exit_status(&program, status, &error);
  int exited = status == W2S_ERR_TRAP && error.trap == W2S_TRAP_EXIT;
  if (status != W2S_OK && !exited) {
    const char *kind = status == W2S_ERR_TRAP ? "trap" : "error";
    fprintf(stderr, "%s: %s: %s\n", argc > 0 ? argv[0] : "program", kind, error.message);
  }
  w2s_program_close(&program);
  return exit_status;
}
