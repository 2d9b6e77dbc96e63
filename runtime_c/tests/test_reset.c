/* Split instantiation, checked imports used again, and instances that go back to their first state. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../src/dirty.h"
#include "guest.h"

static int32_t add_ten(struct w2s_host_func *self, union w2s_value *values) {
  (void)self;
  values[0].i32 += 10;
  return 0;
}

static struct w2s_extern host_import(struct w2s_store *store) {
  return guest_func_extern(w2s_func_new(store, guest_type1(), add_ten, NULL, NULL));
}

static struct w2s_instance *new_instance(struct w2s_store *store, struct w2s_module *module) {
  struct w2s_error error;
  struct w2s_instance *instance = NULL;
  struct w2s_extern import = host_import(store);
  CHECK(w2s_instance_new(store, module, &import, 1, &instance, &error) == W2S_OK && instance);
  return instance;
}

static struct w2s_memory *memory_of(struct w2s_instance *instance) {
  struct w2s_extern item;
  CHECK(w2s_instance_export(instance, GUEST_MEMORY, &item) == W2S_OK);
  return item.memory;
}

static struct w2s_table *table_of(struct w2s_instance *instance) {
  struct w2s_extern item;
  CHECK(w2s_instance_export(instance, GUEST_TABLE, &item) == W2S_OK);
  return item.table;
}

static uint32_t global_of(struct w2s_instance *instance) {
  struct w2s_extern item;
  union w2s_value value;
  CHECK(w2s_instance_export(instance, GUEST_GLOBAL, &item) == W2S_OK);
  w2s_global_get(&item.global, &value);
  return value.i32;
}

static void test_two_steps(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  struct w2s_instance *instance = new_instance(store, module);
  CHECK(global_of(instance) == 42); /* initialised; the start function has not run */
  CHECK(memory_of(instance)->bytes == 65536 && memory_of(instance)->base[65530] == 0);
  CHECK(table_of(instance)->n_elems == 6 && !table_of(instance)->elems[0].func);
  CHECK(w2s_instance_finish(instance, &error) == W2S_OK);
  CHECK(global_of(instance) == 43 && memcmp(memory_of(instance)->base + 65530, "active", 6) == 0);
  CHECK(table_of(instance)->elems[0].func == guest_func(instance, GUEST_LOAD));
  CHECK(w2s_instance_finish(instance, &error) == W2S_ERR_USAGE && global_of(instance) == 43);
  w2s_store_delete(store);
}

static void test_pre(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_store *other = w2s_store_new();
  struct w2s_error error;
  struct w2s_instance_pre *pre = NULL;
  struct w2s_extern import = host_import(store);
  CHECK(w2s_pre_new(other, module, &import, 1, &pre, &error) == W2S_ERR_USAGE && !pre);
  CHECK(w2s_pre_new(store, module, &import, 0, &pre, &error) == W2S_ERR_LINK && !pre);
  CHECK(w2s_pre_new(store, module, &import, 1, &pre, &error) == W2S_OK);
  struct w2s_instance *last = NULL;
  for (int i = 0; i < 3; i++) {
    struct w2s_instance *instance = NULL;
    CHECK(w2s_pre_instantiate(pre, &instance, &error) == W2S_OK && instance != last);
    CHECK(guest_call(store, instance, GUEST_CALL_HOST, 1, 0) == 11 && global_of(instance) == 43);
    memory_of(instance)->base[4096] = 'x';
    last = instance;
  }
  struct w2s_limits limits;
  w2s_store_get_limits(store, &limits);
  limits.instances = 3;
  w2s_store_set_limits(store, &limits);
  CHECK(w2s_pre_instantiate(pre, &last, &error) == W2S_ERR_RESOURCE && !last);
  w2s_store_delete(store);
  w2s_pre_delete(pre); /* after its store */
  w2s_store_delete(other);
}

static void check_first(struct w2s_store *store, struct w2s_instance *instance) {
  const struct w2s_memory *memory = memory_of(instance);
  const struct w2s_table *table = table_of(instance);
  CHECK(memory->bytes == 65536 && memory->max_bytes == 4 * 65536);
  CHECK(memcmp(memory->base + 4096, "image", 6) == 0 && memcmp(memory->base + 65530, "active", 6) == 0);
  for (uint32_t at = 0; at < 65530; at++) CHECK(memory->base[at] == 0 || (at >= 4096 && at < 4096 + 5));
  CHECK(table->n_elems == 6 && table->elems[0].func == guest_func(instance, GUEST_LOAD) && !table->elems[4].func);
  CHECK(global_of(instance) == 43);
  CHECK(guest_call(store, instance, GUEST_TABLE_INIT, 4, 2) == 0); /* segments are there again */
}

/* Change all that can be changed. */
static void spoil(struct w2s_store *store, struct w2s_instance *instance) {
  struct w2s_memory *memory = memory_of(instance);
  CHECK(guest_call(store, instance, GUEST_GROW, 3, 0) == 1);
  memset(memory->base, 0x5a, memory->bytes);
  CHECK(guest_call(store, instance, GUEST_TABLE_GROW, 3, 0) == 6);
  for (uint64_t i = 0; i < 6; i++) table_of(instance)->elems[i].func = guest_func(instance, GUEST_GROW);
  struct w2s_extern item;
  CHECK(w2s_instance_export(instance, GUEST_GLOBAL, &item) == W2S_OK);
  w2s_global_set(&item.global, &(union w2s_value){.i32 = 7});
  CHECK(guest_call(store, instance, GUEST_RECURSE, 0, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
}

static void test_reset(struct w2s_module *module, uint64_t keep) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  struct w2s_instance *instance = new_instance(store, module);
  CHECK(w2s_instance_reset(instance, &error) == W2S_ERR_USAGE);
  CHECK(w2s_instance_mark(instance, keep, &error) == W2S_OK);
  CHECK(w2s_instance_mark(instance, keep, &error) == W2S_ERR_USAGE);
  for (int i = 0; i < 20; i++) {
    CHECK(w2s_instance_finish(instance, &error) == W2S_OK);
    check_first(store, instance);
    uint8_t *base = memory_of(instance)->base;
    if (i % 2) {
      spoil(store, instance);
    } else {
      base[i * 2048] = 1;
    }
    struct w2s_limits limits;
    w2s_store_get_limits(store, &limits);
    limits.memory_bytes /= 2;
    w2s_store_set_limits(store, &limits);
    CHECK(w2s_instance_reset(instance, &error) == W2S_OK);
    w2s_store_get_limits(store, &limits);
    CHECK(limits.memory_bytes == UINT64_C(4) << 30);
    CHECK(memory_of(instance)->base == base);
  }
  CHECK(w2s_instance_reset(instance, &error) == W2S_OK); /* twice is as good */
  CHECK(w2s_instance_finish(instance, &error) == W2S_OK);
  check_first(store, instance);
  CHECK(w2s_memory_new(store, 1, 2, 1, 0, 0, 16, 0, &error));
  CHECK(w2s_instance_reset(instance, &error) == W2S_ERR_USAGE);
  w2s_store_delete(store);
}

static int32_t reset_inside(struct w2s_host_func *self, union w2s_value *values) {
  struct w2s_error error;
  values[0].i32 = (uint32_t)w2s_instance_reset(*(struct w2s_instance **)self->env, &error);
  return 0;
}

static void test_while_running(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  struct w2s_instance *instance = NULL;
  struct w2s_extern import = guest_func_extern(w2s_func_new(store, guest_type1(), reset_inside, &instance, NULL));
  CHECK(w2s_instance_new(store, module, &import, 1, &instance, &error) == W2S_OK);
  CHECK(w2s_instance_mark(instance, 0, &error) == W2S_OK && w2s_instance_finish(instance, &error) == W2S_OK);
  CHECK(guest_call(store, instance, GUEST_CALL_HOST, 0, 0) == W2S_ERR_USAGE);
  w2s_store_delete(store);
}

/* A child's memories are its own: it must not be told of its parent's pages. */
static void test_fork(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  struct w2s_instance *instance = new_instance(store, module);
  CHECK(w2s_instance_mark(instance, 1 << 20, &error) == W2S_OK && w2s_instance_finish(instance, &error) == W2S_OK);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    spoil(store, instance);
    CHECK(w2s_instance_reset(instance, &error) == W2S_OK && w2s_instance_finish(instance, &error) == W2S_OK);
    check_first(store, instance);
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  check_first(store, instance);
  w2s_store_delete(store);
}

/* Where the system does not tell which pages were written, all are given back. */
static void test_without_pagemap(struct w2s_module *module) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  struct w2s_instance *instance = new_instance(store, module);
  CHECK(w2s_instance_mark(instance, 1 << 20, &error) == W2S_OK && w2s_instance_finish(instance, &error) == W2S_OK);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    struct w2si_run runs[W2SI_MAX_RUNS];
    uint64_t next;
    uint64_t base = (uintptr_t)memory_of(instance)->base;
    CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}) == 0); /* it cannot open the file that tells */
    CHECK(w2si_dirty_runs(base, base + 4096, runs, &next) == -1);
    for (int i = 0; i < 3; i++) {
      spoil(store, instance);
      CHECK(w2s_instance_reset(instance, &error) == W2S_OK && w2s_instance_finish(instance, &error) == W2S_OK);
      check_first(store, instance);
    }
    _exit(0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  w2s_store_delete(store);
}

/* Written pages, and those only. More runs than fit are told in turns. */
static void test_dirty(void) {
  enum { PAGE = 4096, N_PAGES = 1000 };
  uint8_t *at = mmap(NULL, N_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  (void)madvise(at, N_PAGES * PAGE, MADV_NOHUGEPAGE);
  struct w2si_run runs[W2SI_MAX_RUNS];
  uint64_t start = (uintptr_t)at;
  uint64_t end = start + N_PAGES * PAGE;
  uint64_t next = 0;
  int n = w2si_dirty_runs(start, end, runs, &next);
  if (n < 0) {
    munmap(at, N_PAGES * PAGE);
    return; /* an older system */
  }
  CHECK(n == 0 && next == end);
  volatile uint8_t *cell = at + 7 * PAGE;
  CHECK(*cell == 0); /* read, not written */
  CHECK(w2si_dirty_runs(start, end, runs, &next) == 0);
  for (int i = 0; i < N_PAGES; i += 10) at[i * PAGE] = 1;
  uint64_t pages = 0;
  while (start < end) {
    n = w2si_dirty_runs(start, end, runs, &next);
    CHECK(n > 0 && next > start);
    for (int i = 0; i < n; i++) {
      CHECK(((runs[i].start - (uintptr_t)at) / PAGE) % 10 == 0);
      pages += (runs[i].end - runs[i].start) / PAGE;
    }
    start = next;
  }
  CHECK(pages == N_PAGES / 10);
  munmap(at, N_PAGES * PAGE);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  static const char *const variants[] = {"PLAIN", "CHECKED"};
  test_dirty();
  for (int i = 0; i < 2; i++) {
    struct w2s_module *module = guest_open(argv[1], variants[i]);
    test_two_steps(module);
    test_pre(module);
    test_reset(module, 0);
    test_reset(module, 8192);
    test_reset(module, 1 << 20);
    test_while_running(module);
    test_fork(module);
    test_without_pagemap(module);
    w2s_module_release(module);
  }
  return 0;
}
