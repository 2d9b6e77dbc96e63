/* Memories: reservation, growth, limits, guards, images. */
#define _GNU_SOURCE 1

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../src/memory.h"
#include "guest.h"

static const uint64_t page = 65536;

static struct w2s_memory *make(struct w2s_store *store, uint64_t min, int64_t max, int guarded) {
  struct w2s_error error;
  return w2s_memory_new(store, min, max < 0 ? 0 : (uint64_t)max, max >= 0, 0, 0, 16, guarded, &error);
}

/* Is this page readable? Asked of the kernel, without a fault. */
static int is_mapped_rw(uint8_t *at) {
  unsigned char *aligned = (unsigned char *)((uintptr_t)at & ~(uintptr_t)4095);
  return madvise(aligned, 4096, MADV_POPULATE_WRITE) == 0;
}

static void test_growth(int guarded) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_memory *memory = make(store, 1, 3, guarded);
  uint8_t *base = memory->base;
  CHECK(memory->bytes == page && memory->max_bytes == 3 * page && memory->guarded == guarded);
  base[page - 1] = 1;
  CHECK(is_mapped_rw(base) && !is_mapped_rw(base + page));
  CHECK(w2s_memory_grow(memory, 0) == 1 && w2s_memory_grow(memory, 2) == 1 && memory->base == base);
  CHECK(base[page] == 0 && base[3 * page - 1] == 0 && !is_mapped_rw(base + 3 * page));
  CHECK(w2s_memory_grow(memory, 1) == UINT64_MAX && w2s_memory_grow(memory, UINT64_MAX) == UINT64_MAX);
  CHECK(w2s_memory_grow(memory, UINT64_C(1) << 48) == UINT64_MAX && memory->bytes == 3 * page);
  CHECK(memory->reserved >= memory->max_bytes + page);
  if (guarded) CHECK(memory->reserved == (UINT64_C(8) << 30) + page);
  struct w2s_memory *empty = make(store, 0, 0, guarded);
  CHECK(empty->bytes == 0 && w2s_memory_grow(empty, 0) == 0 && w2s_memory_grow(empty, 1) == UINT64_MAX);
  CHECK(!is_mapped_rw(empty->base));
  w2s_store_delete(store);
}

static void test_limits(void) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  struct w2s_limits limits;
  w2s_store_get_limits(store, &limits);
  CHECK(limits.memory_bytes == UINT64_C(4) << 30);
  struct w2s_memory *whole = make(store, 65536, -1, 1);
  CHECK(whole && whole->bytes == UINT64_C(4) << 30 && w2s_memory_grow(whole, 1) == UINT64_MAX);
  CHECK(!make(store, 65537, -1, 1));
  CHECK(!w2s_memory_new(store, UINT64_MAX, 0, 0, 1, 0, 16, 0, &error) && error.status == W2S_ERR_RESOURCE);
  CHECK(!w2s_memory_new(store, UINT64_C(1) << 48, 0, 0, 1, 0, 16, 0, &error) && error.status == W2S_ERR_RESOURCE);
  CHECK(!w2s_memory_new(store, 1, 0, 0, 0, 1, 16, 1, &error) && error.status == W2S_ERR_USAGE);
  CHECK(!w2s_memory_new(store, 1, 0, 0, 1, 0, 16, 1, &error) && error.status == W2S_ERR_USAGE);
  CHECK(!w2s_memory_new(store, 1, 0, 0, 0, 0, 17, 0, &error) && error.status == W2S_ERR_USAGE);
  limits.memory_bytes = 5 * page / 2;
  limits.total_memory_bytes = (UINT64_C(4) << 30) + 4 * page;
  w2s_store_set_limits(store, &limits);
  CHECK(!make(store, 3, -1, 1));
  struct w2s_memory *a = make(store, 1, -1, 1);
  CHECK(a && w2s_memory_grow(a, 2) == UINT64_MAX && w2s_memory_grow(a, 1) == 1);
  struct w2s_memory *b = make(store, 1, -1, 0);
  CHECK(b && w2s_memory_grow(b, 1) == 1);
  CHECK(!make(store, 1, -1, 1)); /* the total */
  limits.total_memory_bytes = 0;
  w2s_store_set_limits(store, &limits);
  CHECK(w2s_memory_grow(b, 0) == 2 && !make(store, 1, -1, 1));
  limits.total_memory_bytes = UINT64_MAX;
  limits.memories = 3;
  w2s_store_set_limits(store, &limits);
  CHECK(!make(store, 0, -1, 1));
  w2s_store_delete(store);
}

/* Pages of one byte: sizes are no multiples of host pages. */
static void test_small_pages(void) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  struct w2s_memory *memory = w2s_memory_new(store, 10, 5000, 1, 0, 0, 0, 0, &error);
  CHECK(memory && memory->bytes == 10 && memory->max_bytes == 5000);
  CHECK(w2s_memory_grow(memory, 4086) == 10 && memory->bytes == 4096 && w2s_memory_grow(memory, 1) == 4096);
  memory->base[4096] = 1;
  CHECK(w2s_memory_grow(memory, 904) == UINT64_MAX && w2s_memory_grow(memory, 903) == 4097);
  struct w2s_memory *wide = w2s_memory_new(store, 1, 0, 0, 1, 0, 16, 0, &error);
  CHECK(wide && wide->is64 && wide->max_bytes == UINT64_C(4) << 30 && w2s_memory_grow(wide, 65535) == 1);
  w2s_store_delete(store);
}

static void test_addresses(void) {
  struct w2s_store *store = w2s_store_new();
  const struct w2si_store *inner = w2si_const_store(store);
  struct w2s_memory *a = make(store, 1, -1, 1);
  struct w2s_memory *b = make(store, 1, 1, 0);
  uintptr_t at = (uintptr_t)a->base;
  CHECK(w2si_memory_at(inner, at) == a && w2si_memory_at(inner, at + a->reserved - 1) == a);
  CHECK(w2si_memory_at(inner, at - (UINT64_C(2) << 30)) == a && w2si_memory_at(inner, at - (UINT64_C(2) << 30) - 1) != a);
  CHECK(w2si_memory_at(inner, at + a->reserved) != a);
  CHECK(w2si_memory_at(inner, (uintptr_t)b->base) == b && w2si_memory_at(inner, (uintptr_t)b->base - 1) != b);
  CHECK(!w2si_memory_at(inner, 0) && !w2si_memory_at(inner, UINTPTR_MAX) && !w2si_memory_at(inner, (uintptr_t)&at));
  w2s_store_delete(store);
}

/* An image is private to each memory. */
static void test_image(void) {
  struct w2s_store *store = w2s_store_new();
  int fd = memfd_create("image", MFD_CLOEXEC);
  uint8_t source[8192];
  memset(source, 'x', sizeof source);
  CHECK(fd >= 0 && write(fd, source, sizeof source) == (ssize_t)sizeof source);
  struct w2s_memory *mapped = make(store, 1, -1, 1);
  struct w2s_memory *second = make(store, 1, -1, 1);
  struct w2s_memory *copied = make(store, 1, -1, 1);
  w2si_memory_set_image(mapped, 4096, 8192, fd, 0, source);
  w2si_memory_set_image(second, 0, 4096, fd, 4096, source);
  w2si_memory_set_image(copied, 4096, 8192, -1, 0, source);
  CHECK(memcmp(mapped->base, copied->base, page) == 0 && mapped->base[4096] == 'x' && mapped->base[0] == 0);
  mapped->base[8192] = 'y';
  CHECK(second->base[0] == 'x' && second->base[4096] == 0);
  w2si_memory_set_image(mapped, 8192, 4096, 9999, 0, source); /* cannot be mapped: copied */
  CHECK(mapped->base[8192] == 'x');
  close(fd);
  w2s_store_delete(store);
}

/* Little address space: guarded memories fail cleanly, checked ones make do with less. */
static int scarce(void) {
  struct rlimit limit = {.rlim_cur = UINT64_C(3) << 30, .rlim_max = UINT64_C(3) << 30};
  struct w2s_store *store = w2s_store_new();
  if (setrlimit(RLIMIT_AS, &limit)) return 1;
  if (w2s_can_reserve() || make(store, 1, -1, 1)) return 2;
  struct w2s_memory *memory = make(store, 2, -1, 0);
  if (!memory || memory->max_bytes >= UINT64_C(4) << 30 || memory->max_bytes < UINT64_C(512) << 20) return 3;
  if (w2s_memory_grow(memory, 5) != 2 || w2s_memory_grow(memory, 65000) != UINT64_MAX) return 4;
  if (make(store, 60000, -1, 0)) return 5;
  w2s_store_delete(store);
  return 0;
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && argv[1]);
  CHECK(w2s_can_reserve());
  test_growth(1);
  test_growth(0);
  test_limits();
  test_small_pages();
  test_addresses();
  test_image();
#ifndef W2S_SANITIZED /* whose shadow takes more than that */
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) _exit(scarce());
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
#else
  (void)scarce;
#endif
  return 0;
}
