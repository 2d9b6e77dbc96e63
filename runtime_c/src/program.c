/* Running a whole program: a module whose imports are all WASI's. */
#define _GNU_SOURCE 1

#include "../include/wasm2so/program.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enter.h"
#include "errors.h"
#include "instance.h"
#include "meta.h"
#include "module.h"

enum { UNKNOWN_KIND = W2S_EXTERN_TAG + 1 };

static int32_t fail_errno(struct w2s_error *error, int number, const char *what, const char *name) {
  struct w2si_name shown = w2si_name((const uint8_t *)name, strlen(name));
  return w2si_fail(error, W2S_ERR_RESOURCE, "%s %s: %s", what, shown.text, strerror(number));
}

/* ---- making a program --------------------------------------------------------------------------------------- */

int32_t w2s_program_open(struct w2s_program *program, struct w2s_error *error) {
  w2si_ok(error);
  *program = (struct w2s_program){0};
  program->store = w2s_store_new();
  program->wasi = program->store ? w2s_wasi_new(program->store) : NULL;
  int ok = program->wasi != NULL;
  for (int32_t stream = 0; ok && stream < 3; stream++) {
    /* A stream that this process does not have stays null. */
    int failed = w2s_wasi_stream_fd(program->wasi, (uint32_t)stream, stream);
    ok = !failed || failed == EBADF;
  }
  if (ok) return W2S_OK;
  w2s_program_close(program);
  return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
}

int32_t w2s_program_load(struct w2s_program *program, const char *path, struct w2s_error *error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(error, errno, "cannot open", path);
  int32_t status = w2s_module_open(fd, path, &program->module, error);
  close(fd);
  return status;
}

int32_t w2s_program_link(struct w2s_program *program, const struct w2s_descriptor *descriptor,
                         struct w2s_error *error) {
  return w2s_module_linked(descriptor, &program->module, error);
}

/* The last "::" before `end`, or NULL. */
static const char *separator_before(const char *text, const char *end) {
  for (const char *at = end - 2; at >= text; at--) {
    if (at[0] == ':' && at[1] == ':') return at;
  }
  return NULL;
}

int32_t w2s_program_add_dir(struct w2s_program *program, const char *text, struct w2s_error *error) {
  const char *end = text + strlen(text);
  const char *mode = separator_before(text, end);
  uint32_t flags = 0;
  if (mode && (strcmp(mode, "::ro") == 0 || strcmp(mode, "::rw") == 0)) {
    flags = mode[3] == 'o' ? W2S_WASI_READ_ONLY : 0;
    end = mode;
  }
  const char *cut = separator_before(text, end);
  char *host = strndup(text, (size_t)((cut ? cut : end) - text));
  if (!host) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
  const char *guest = cut ? cut + 2 : text;
  int fd = open(host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int failed = fd < 0 ? errno : w2s_wasi_preopen_fd(program->wasi, fd, guest, (size_t)(end - guest), flags);
  if (fd >= 0) close(fd);
  int32_t status = failed ? fail_errno(error, failed, "cannot open directory", host) : W2S_OK;
  free(host);
  return status;
}

int32_t w2s_program_add_env(struct w2s_program *program, const char *text, struct w2s_error *error) {
  char *pair = NULL;
  if (!strchr(text, '=')) {
    const char *value = getenv(text);
    if (!value) return fail_errno(error, ENOENT, "environment variable", text);
    if (asprintf(&pair, "%s=%s", text, value) < 0) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
  }
  const char *whole = pair ? pair : text;
  int failed = w2s_wasi_add_env(program->wasi, whole, strlen(whole));
  free(pair);
  return failed ? fail_errno(error, failed, "environment variable", text) : W2S_OK;
}

int32_t w2s_program_add_arg(struct w2s_program *program, const char *text, struct w2s_error *error) {
  int failed = w2s_wasi_add_arg(program->wasi, text, strlen(text));
  return failed ? fail_errno(error, failed, "argument", text) : W2S_OK;
}

int32_t w2s_program_set_stdin(struct w2s_program *program, const char *path, struct w2s_error *error) {
  if (strcmp(path, "-") == 0) return W2S_OK;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0 ? errno : w2s_wasi_stream_fd(program->wasi, W2S_WASI_STDIN, fd);
  if (fd >= 0) close(fd);
  return failed ? fail_errno(error, failed, "cannot open", path) : W2S_OK;
}

void w2s_program_close(struct w2s_program *program) {
  if (program->store) w2s_store_delete(program->store);
  if (program->module) w2s_module_release(program->module);
  *program = (struct w2s_program){0};
}

/* ---- instantiating -------------------------------------------------------------------------------------------- */

/* Every import that is a function of WASI; the others are left for the linker to refuse by name. */
static int32_t find_imports(const struct w2s_program *program, struct w2s_extern *externs, struct w2s_error *error) {
  const struct w2s_meta *meta = program->module->meta;
  for (uint32_t i = 0; i < meta->imports.n; i++) {
    const struct w2s_meta_import *import = &w2si_meta_imports(meta)[i];
    int32_t found = w2s_wasi_function(program->wasi, (const char *)w2si_meta_str(meta, import->module),
                                      import->module.bytes, (const char *)w2si_meta_str(meta, import->name),
                                      import->name.bytes, &externs[i]);
    if (found < 0) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for imports");
    if (found == 0) externs[i].kind = UNKNOWN_KIND;
  }
  return W2S_OK;
}

static int32_t instantiate(struct w2s_program *program, struct w2s_error *error) {
  uint32_t n = program->module->meta->imports.n;
  struct w2s_extern *externs = calloc((size_t)n + 1, sizeof *externs);
  if (!externs) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for imports");
  int32_t status = find_imports(program, externs, error);
  if (status == W2S_OK) {
    status = w2s_instantiate(program->store, program->module, externs, n, &program->instance, error);
  }
  free(externs);
  return status;
}

/* The exported function of that name, or NULL. */
static struct w2s_funcref *find_function(const struct w2s_program *program, const char *name) {
  const struct w2s_meta *meta = program->module->meta;
  size_t n = strlen(name);
  struct w2s_extern found;
  for (uint32_t i = 0; i < meta->exports.n; i++) {
    const struct w2s_meta_export *export = &w2si_meta_exports(meta)[i];
    if (export->kind != W2S_EXTERN_FUNC || export->name.bytes != n) continue;
    if (memcmp(w2si_meta_str(meta, export->name), name, n) != 0) continue;
    if (w2s_instance_export(program->instance, i, &found) == W2S_OK) return found.func;
  }
  return NULL;
}

/* ---- calling a function with numbers given as text ------------------------------------------------------------ */

static int parse_integer(const char *text, int64_t low, uint64_t high, uint64_t *out) {
  char *end = NULL;
  errno = 0;
  if (text[0] == '-') {
    int64_t value = strtoll(text, &end, 0);
    *out = (uint64_t)value;
    return !errno && end > text && !*end && value >= low;
  }
  *out = strtoull(text, &end, 0);
  return !errno && end > text && !*end && *out <= high;
}

static int parse_number(const struct w2s_valtype *type, const char *text, union w2s_value *out) {
  char *end = NULL;
  uint64_t bits = 0;
  *out = (union w2s_value){.words = {0, 0}};
  switch (type->code) {
    case W2S_I32:
      if (!parse_integer(text, INT32_MIN, UINT32_MAX, &bits)) return 0;
      out->i32 = (uint32_t)bits;
      return 1;
    case W2S_I64:
      if (!parse_integer(text, INT64_MIN, UINT64_MAX, &bits)) return 0;
      out->i64 = bits;
      return 1;
    case W2S_F32: out->f32 = strtof(text, &end); return end > text && !*end;
    case W2S_F64: out->f64 = strtod(text, &end); return end > text && !*end;
    default: return 0;
  }
}

static void print_number(const struct w2s_valtype *type, const union w2s_value *value) {
  switch (type->code) {
    case W2S_I32: printf("%" PRId32 "\n", (int32_t)value->i32); break;
    case W2S_I64: printf("%" PRId64 "\n", (int64_t)value->i64); break;
    case W2S_F32: printf("%.9g\n", (double)value->f32); break;
    case W2S_F64: printf("%.17g\n", value->f64); break;
    case W2S_V128: printf("0x%016" PRIx64 "%016" PRIx64 "\n", value->words[1], value->words[0]); break;
    default: printf("(a reference)\n"); break;
  }
}

static int32_t call_with_numbers(struct w2s_program *program, struct w2s_funcref *func, const char *name,
                                 const char *const *args, size_t n_args, struct w2s_error *error) {
  const struct w2s_valtype *params, *results;
  size_t n_params, n_results;
  w2s_type_func(func->type, &params, &n_params, &results, &n_results);
  struct w2si_name shown = w2si_name((const uint8_t *)name, strlen(name));
  if (n_args != n_params) {
    return w2si_fail(error, W2S_ERR_USAGE, "%s takes %zu arguments, %zu given", shown.text, n_params, n_args);
  }
  union w2s_value *values = calloc((n_params > n_results ? n_params : n_results) + 1, sizeof *values);
  if (!values) return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
  int32_t status = W2S_OK;
  for (size_t i = 0; i < n_params && status == W2S_OK; i++) {
    if (parse_number(&params[i], args[i], &values[i])) continue;
    status = w2si_fail(error, W2S_ERR_USAGE, "argument %zu of %s does not fit its type", i + 1, shown.text);
  }
  if (status == W2S_OK) status = w2s_call(program->store, func, values, error);
  for (size_t i = 0; i < n_results && status == W2S_OK; i++) print_number(&results[i], &values[i]);
  if (status == W2S_OK && fflush(stdout)) status = fail_errno(error, errno, "cannot write to", "standard output");
  free(values);
  return status;
}

/* Call an export without parameters and results, if there is one. */
static int32_t call_plainly(struct w2s_program *program, const char *name, struct w2s_error *error) {
  struct w2s_funcref *func = find_function(program, name);
  return func ? call_with_numbers(program, func, name, NULL, 0, error) : W2S_OK;
}

int32_t w2s_program_run(struct w2s_program *program, const char *invoke, const char *const *args, size_t n_args,
                        struct w2s_error *error) {
  w2si_ok(error);
  int32_t status = instantiate(program, error);
  if (status != W2S_OK) return status;
  const char *name = invoke ? invoke : "_start";
  struct w2s_funcref *func = find_function(program, name);
  if (!func) {
    struct w2si_name shown = w2si_name((const uint8_t *)name, strlen(name));
    return w2si_fail(error, W2S_ERR_USAGE, "the module exports no function %s%s", shown.text,
                     invoke ? "" : ": it is a library; --invoke calls one of its functions");
  }
  if (!invoke) return call_plainly(program, name, error);
  status = call_plainly(program, "_initialize", error);
  return status == W2S_OK ? call_with_numbers(program, func, name, args, n_args, error) : status;
}

int32_t w2s_program_exit_status(const struct w2s_program *program, int32_t status, const struct w2s_error *error) {
  uint32_t exit_status = 0;
  if (status == W2S_OK) return 0;
  if (status == W2S_ERR_EXCEPTION) return W2S_PROGRAM_TRAPPED;
  if (status != W2S_ERR_TRAP) return W2S_PROGRAM_FAILED;
  if (error->trap != W2S_TRAP_EXIT || !w2s_wasi_exit_status(program->wasi, &exit_status)) return W2S_PROGRAM_TRAPPED;
  return (int32_t)(exit_status & 0xff);
}

size_t w2s_program_trace(const struct w2s_program *program, const uintptr_t **addresses, int32_t *is_cut) {
  const struct w2si_trace *trace = w2s_store_trace(program->store);
  *addresses = trace->pcs;
  *is_cut = trace->is_cut != 0;
  return trace->n;
}
