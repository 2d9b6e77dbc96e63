/* The module that the tests load: guest.c, written by hand in the shape of generated code. */
#ifndef W2S_GUEST_H
#define W2S_GUEST_H

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../include/wasm2so/runtime.h"
#include "check.h"

/* Functions by export number, which is also their place in the index space. */
enum guest_func {
  GUEST_HOST,       /* imported "env" "host": [i32] -> [i32] */
  GUEST_LOAD,       /* [i32] -> [i32]: i32.load8_u offset=0xffffffff */
  GUEST_STORE,      /* [i32] -> [i32]: i32.store8 0, returns 7 */
  GUEST_CALL_HOST,  /* [i32] -> [i32]: call 0 */
  GUEST_RECURSE,    /* [i32] -> [i32]: recurses without end */
  GUEST_TRAP,       /* [i32] -> [i32]: traps with the code given */
  GUEST_GROW,       /* [i32] -> [i32]: memory.grow */
  GUEST_FILL,       /* [i32 i32] -> [i32]: memory.fill at, n */
  GUEST_COPY,       /* [i32 i32] -> [i32]: memory.copy to 0 from at, n */
  GUEST_INIT,       /* [i32 i32] -> [i32]: memory.init of data 1 to at, n */
  GUEST_INDIRECT,   /* [i32] -> [i32]: call_indirect of [i32] -> [i32] in table 0 */
  GUEST_TABLE_INIT, /* [i32 i32] -> [i32]: table.init of elem 1 to at, n */
  GUEST_TABLE_GROW, /* [i32] -> [i32] */
  GUEST_DIVIDE,     /* [i32 i32] -> [i32]: f32.div in subnormal numbers, scaled; for the floating-point mode */
  GUEST_START,      /* [] -> [] */
  GUEST_N_FUNCS
};
enum { GUEST_MEMORY = GUEST_N_FUNCS, GUEST_TABLE, GUEST_GLOBAL, GUEST_GLOBAL2, GUEST_N_EXPORTS };

static inline struct w2s_module *guest_open(const char *folder, const char *variant) {
  char path[300];
  struct w2s_error error;
  struct w2s_module *module = NULL;
  snprintf(path, sizeof path, "%s/guest_%s.so", folder, variant);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0);
  if (w2s_module_open(fd, path, &module, &error) != W2S_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  close(fd);
  return module;
}

static inline struct w2s_valtype guest_i32(void) { return (struct w2s_valtype){.code = W2S_I32}; }

/* [i32] -> [i32] */
static inline uint32_t guest_type1(void) {
  struct w2s_valtype i32 = guest_i32();
  return w2s_type_intern_func(&i32, 1, &i32, 1);
}

static inline struct w2s_extern guest_func_extern(struct w2s_funcref *func) {
  return (struct w2s_extern){.kind = W2S_EXTERN_FUNC, .func = func};
}

/* Instantiate with `call` as the only import. */
static inline struct w2s_instance *guest_instantiate(struct w2s_store *store, struct w2s_module *module,
                                                     int32_t (*call)(struct w2s_host_func *, union w2s_value *),
                                                     void *env) {
  struct w2s_error error;
  struct w2s_instance *instance = NULL;
  struct w2s_extern import = guest_func_extern(w2s_func_new(store, guest_type1(), call, env, NULL));
  if (w2s_instantiate(store, module, &import, 1, &instance, &error) != W2S_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  return instance;
}

static inline struct w2s_funcref *guest_func(struct w2s_instance *instance, uint32_t nth) {
  struct w2s_extern item;
  CHECK(w2s_instance_export(instance, nth, &item) == W2S_OK && item.kind == W2S_EXTERN_FUNC);
  return item.func;
}

/* Call export `nth`; the result, or -1 - trap code. */
static inline int64_t guest_call(struct w2s_store *store, struct w2s_instance *instance, uint32_t nth, uint32_t a,
                                 uint32_t b) {
  union w2s_value values[2] = {{.i32 = a}, {.i32 = b}};
  struct w2s_error error;
  int32_t status = w2s_call(store, guest_func(instance, nth), values, &error);
  if (status == W2S_OK) return values[0].i32;
  CHECK(status == W2S_ERR_TRAP && error.status == status);
  CHECK(strcmp(error.message, w2s_trap_message(error.trap)) == 0);
  return -1 - (int64_t)error.trap;
}

#endif
