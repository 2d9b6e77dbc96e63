/* Every allocation fails in turn: opening, instantiating and host objects fail cleanly, and work right afterwards. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>

#include "guest.h"
#include "../src/shared.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
int __real_mprotect(void *at, size_t n, int prot);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset);
int __wrap_mprotect(void *at, size_t n, int prot);

static long countdown = -1; /* allocations until one fails; below 0: none does */
static int hit;

static int fails(void) {
  if (countdown < 0 || countdown-- > 0) return 0;
  errno = ENOMEM;
  hit = 1;
  return 1;
}

void *__wrap_malloc(size_t n) { return fails() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *at, size_t n) { return fails() ? NULL : __real_realloc(at, n); }
void *__wrap_aligned_alloc(size_t align, size_t n) { return fails() ? NULL : __real_aligned_alloc(align, n); }
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset) {
  return fails() ? MAP_FAILED : __real_mmap(at, n, prot, flags, fd, offset);
}
int __wrap_mprotect(void *at, size_t n, int prot) { return fails() ? -1 : __real_mprotect(at, n, prot); }

static int32_t host(struct w2s_host_func *self, union w2s_value *values) {
  (void)self;
  values[0].i32++;
  return 0;
}

/* A shared memory of the store, made, grown and given up. */
static int share(struct w2s_store *pub) {
  struct w2si_store *store = w2si_store(pub);
  struct w2si_memory_type type = {.min_pages = 1, .max_pages = 2, .page_log2 = 16, .has_max = 1, .shared = 1};
  struct w2s_memory *memory = NULL;
  struct w2s_error error = {.status = W2S_OK};
  int32_t status = w2si_shared_make(store, &type, &memory, &error);
  CHECK(status == error.status && (status == W2S_OK) == (memory != NULL));
  if (status != W2S_OK) return 0;
  uint64_t old = w2si_shared_grow(store, memory, 1);
  CHECK(w2s_memory_bytes(memory) == (old == 1 ? UINT64_C(2) : UINT64_C(1)) << 16);
  w2si_shared_detach(store, memory);
  CHECK(!store->shared && store->n_memories == 0);
  return old == 1;
}

static int sealed_page(void) {
  int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(fd >= 0 && ftruncate(fd, 4096) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
  return fd;
}

/* A store with one instance that is used twice. Returns whether everything worked. */
static int use_again(struct w2s_module *module) {
  struct w2s_error error;
  struct w2s_instance *instance = NULL;
  struct w2s_instance_pre *pre = NULL;
  struct w2s_store *store = w2s_store_new();
  struct w2s_extern import = guest_func_extern(store ? w2s_func_new(store, guest_type1(), host, NULL, NULL) : NULL);
  int good = import.func && w2s_instance_new(store, module, &import, 1, &instance, &error) == W2S_OK &&
             w2s_instance_mark(instance, 1 << 20, &error) == W2S_OK;
  for (int i = 0; i < 2 && good; i++) {
    good = w2s_instance_finish(instance, &error) == W2S_OK;
    struct w2s_extern item;
    CHECK(w2s_instance_export(instance, GUEST_MEMORY, &item) == W2S_OK);
    if (good) CHECK(memcmp(item.memory->base + 4096, "image", 6) == 0 && item.memory->base[8] == 0);
    memset(item.memory->base, 'x', 8192); /* also where the image could not be mapped and was copied */
    CHECK(guest_call(store, instance, GUEST_STORE, 5, 0) == 7);
    int64_t grown = guest_call(store, instance, GUEST_GROW, 2, 0);
    CHECK(grown == 1 || grown == UINT32_MAX);
    int64_t added = guest_call(store, instance, GUEST_TABLE_GROW, 3, 0);
    CHECK(added == 6 || added == UINT32_MAX);
    good = good && w2s_instance_reset(instance, &error) == W2S_OK && grown == 1 && added == 6;
  }
  good = good && w2s_pre_new(store, module, &import, 1, &pre, &error) == W2S_OK &&
         w2s_pre_instantiate(pre, &instance, &error) == W2S_OK;
  w2s_pre_delete(pre);
  w2s_store_delete(store);
  (void)w2s_module_function(module, 0);
  struct w2s_module *derived = NULL;
  const struct w2s_meta *meta = w2s_module_descriptor_of(module)->meta;
  int fd = sealed_page();
  int32_t status = w2s_module_derive(module, meta, meta->meta_bytes, fd, &derived, &error);
  CHECK(status == W2S_OK || (hit && status == W2S_ERR_RESOURCE));
  CHECK((status == W2S_OK) == (derived != NULL));
  close(fd);
  if (derived) w2s_module_release(derived);
  return good && status == W2S_OK;
}

/* From nothing to a call, with the n-th allocation failing. Returns whether everything worked. */
static int attempt(const char *path, long nth) {
  struct w2s_error error;
  struct w2s_module *module = NULL;
  struct w2s_instance *instance = NULL;
  struct w2s_valtype funcref = {.code = W2S_REF_NULL, .heap = W2S_HEAP_FUNC};
  struct w2s_valtype i32 = guest_i32();
  union w2s_ref null = {.word = 0};
  union w2s_value zero = {.i64 = 0};
  int32_t status = W2S_ERR_RESOURCE;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  hit = 0;
  countdown = nth;
  struct w2s_store *store = w2s_store_new();
  int shared = store && share(store);
  int good = store != NULL;
  if (good && w2s_module_open(fd, path, &module, &error) == W2S_OK) {
    struct w2s_extern import = guest_func_extern(w2s_func_new(store, guest_type1(), host, NULL, NULL));
    good = import.func && w2s_memory_new(store, 1, 2, 1, 0, 0, 16, 1, &error) &&
           w2s_memory_new(store, 1, 2, 1, 0, 0, 16, 0, &error) && w2s_global_new(store, &i32, 0, &zero);
    struct w2s_table *table = w2s_table_new(store, &funcref, 1, 0, 0, 0, null, &error);
    good = good && table && w2s_table_grow(table, 100, null) == 1;
    if (import.func) status = w2s_instantiate(store, module, &import, 1, &instance, &error);
    CHECK(status == W2S_OK || status == W2S_ERR_RESOURCE);
    CHECK((status == W2S_OK) == (instance != NULL));
    good = good && status == W2S_OK;
    if (instance) {
      CHECK(guest_call(store, instance, GUEST_CALL_HOST, 1, 0) == 2);
      CHECK(guest_call(store, instance, GUEST_LOAD, 1, 0) < 0);
      good = good && guest_call(store, instance, GUEST_GROW, 1, 0) == 1;
    }
    good = use_again(module) && good;
  } else {
    good = 0;
    CHECK(!store || error.status == W2S_ERR_RESOURCE || error.status == W2S_ERR_FORMAT);
  }
  countdown = -1;
  /* The same store works once there is memory again. */
  if (store && module) {
    struct w2s_instance *second = guest_instantiate(store, module, host, NULL);
    CHECK(guest_call(store, second, GUEST_CALL_HOST, 1, 0) == 2);
    CHECK(guest_call(store, second, GUEST_GROW, 3, 0) == 1);
  }
  w2s_store_delete(store);
  if (module) w2s_module_release(module);
  close(fd);
  return good && shared;
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  char path[300];
  snprintf(path, sizeof path, "%s/guest_PLAIN.so", argv[1]);
  long n = 0;
  do {
    int good = attempt(path, n++);
    CHECK(good || hit);
  } while (hit);
  CHECK(n > 15);
  return 0;
}
