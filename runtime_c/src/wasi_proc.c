/* Arguments, environment, the end of the program, yielding. */
#define _GNU_SOURCE 1

#include <sched.h>

#include "thread.h"
#include "wasi_call.h"

/* Write the addresses of the strings to `list`, and the strings to `buffer`. */
static int put_strings(const struct w2si_call *call, const struct w2si_strings *strings, uint64_t list,
                       uint64_t buffer) {
  uint8_t *addresses = w2si_guest(call, list, (uint64_t)strings->n * 4);
  uint8_t *bytes = w2si_guest(call, buffer, strings->n_bytes);
  if (!addresses || !bytes) return w2si_unwind(W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  size_t at = 0;
  for (size_t i = 0; i < strings->n; i++) {
    w2si_put32(addresses + i * 4, (uint32_t)(buffer + at));
    at += strlen(strings->bytes + at) + 1;
  }
  if (at) memcpy(bytes, strings->bytes, at);
  return 0;
}

static int put_sizes(const struct w2si_strings *strings, const struct w2si_arg *args) {
  w2si_put32(args[0].at, (uint32_t)strings->n);
  w2si_put32(args[1].at, (uint32_t)strings->n_bytes);
  return 0;
}

int w2si_args_get(struct w2si_call *call, const struct w2si_arg *args) {
  return put_strings(call, &call->wasi->args, args[0].n, args[1].n);
}

int w2si_args_sizes_get(struct w2si_call *call, const struct w2si_arg *args) {
  return put_sizes(&call->wasi->args, args);
}

int w2si_environ_get(struct w2si_call *call, const struct w2si_arg *args) {
  return put_strings(call, &call->wasi->env, args[0].n, args[1].n);
}

int w2si_environ_sizes_get(struct w2si_call *call, const struct w2si_arg *args) {
  return put_sizes(&call->wasi->env, args);
}

int w2si_proc_exit(struct w2si_call *call, const struct w2si_arg *args) {
  call->wasi->exited = 1;
  call->wasi->exit_status = (uint32_t)args[0].n;
  w2si_thread.exit_status = (uint32_t)args[0].n;
  return w2si_unwind(W2S_TRAP_EXIT);
}

/* A guest never signals the process it lives in. */
int w2si_proc_raise(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  if (args[0].n >= W2SI_N_SIGNALS) return W2SI_EINVAL;
  return args[0].n == 0 ? 0 : W2SI_ENOTSUP;
}

int w2si_sched_yield(struct w2si_call *call, const struct w2si_arg *args) {
  (void)args;
  sched_yield();
  return w2si_check(call->wasi);
}
