/* Uses a compiled module from C: a host function, linear memory, a call, and a trap. No Python where this runs. */
#include <inttypes.h>

#include "scores.h"

static int32_t progress(void *env, int32_t done, int32_t all) {
  int *calls = env;
  ++*calls;
  if (done == all) printf("%d of %d done\n", (int)done, (int)all);
  return W2S_HOST_OK;
}

static int fail(const char *what, const struct w2s_error *error) {
  fprintf(stderr, "%s: %s\n", what, error->message);
  return 1;
}

static int use(struct w2s_store *store, struct w2s_module *module) {
  struct w2s_error error;
  struct scores scores;
  int calls = 0;
  struct w2s_extern imports[scores_N_IMPORTS];
  imports[scores_IMPORT_host_progress] = scores_import_host_progress(store, module, progress, &calls);
  if (scores_instantiate(&scores, store, module, imports, &error) != W2S_OK) return fail("cannot instantiate", &error);

  struct w2s_memory *memory = scores_memory_memory(&scores);
  const int32_t numbers[] = {3, -1, 40};
  memcpy(memory->base + 1024, numbers, sizeof numbers);
  int64_t total = 0;
  if (scores_call_sum(&scores, 1024, 3, &total, &error) != W2S_OK) return fail("sum", &error);
  printf("sum %" PRId64 ", %d calls of the host, %" PRIu64 " bytes of memory\n", total, calls, w2s_memory_bytes(memory));

  if (scores_call_sum(&scores, 65532, 2, &total, &error) != W2S_ERR_TRAP) return fail("no trap", &error);
  printf("trap: %s\n", error.message);
  return 0;
}

int main(int argc, char **argv) {
  struct w2s_error error;
  struct w2s_module *module;
  if (scores_load(argc > 1 ? argv[1] : "scores.so", &module, &error) != W2S_OK) return fail("cannot load", &error);
  struct w2s_store *store = w2s_store_new();
  const int status = store ? use(store, module) : 1;
  if (store) w2s_store_delete(store);
  w2s_module_release(module);
  return status;
}
