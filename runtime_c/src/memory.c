/* Linear memories: address space is reserved once, so the base never moves; growth makes more of it usable. */
#define _GNU_SOURCE 1

#include "memory.h"

#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "errors.h"
#include "limiter.h"
#include "shared.h"

/* A guarded memory: a 32-bit index plus a 32-bit offset plus the widest access stays inside `reserved`. The front guard
 * is for addresses that come out below the base if ever an index was taken as signed. */
static const uint64_t front_guard_bytes = (uint64_t)2 << 30;
static const uint64_t guarded_bytes = ((uint64_t)8 << 30) + (64 << 10);
/* Behind a memory with checked accesses. */
static const uint64_t tail_guard_bytes = 64 << 10;
/* More than any processor of today can address: sizes beyond fail without arithmetic on them. */
static const uint64_t max_address_bytes = (uint64_t)1 << 47;

static uint64_t host_page(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }

static uint64_t round_up(uint64_t bytes) { return (bytes + host_page() - 1) & ~(host_page() - 1); }

static uint8_t *reserve(uint64_t bytes) {
  void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? NULL : at;
}

int32_t w2s_can_reserve(void) {
  uint8_t *at = reserve(front_guard_bytes + guarded_bytes);
  if (at) munmap(at, front_guard_bytes + guarded_bytes);
  return at != NULL;
}

static uint64_t front_guard(const struct w2s_memory *memory) { return memory->guarded ? front_guard_bytes : 0; }

void w2si_memory_unmap(const struct w2s_memory *memory) {
  munmap(memory->base - front_guard(memory), front_guard(memory) + memory->reserved);
}

/* Find address space. Without guards: as much as the memory may ever want, or by halves less, down to the
 * first size. Sets base, reserved and, to what that leaves room for, max_bytes. */
static int reserve_for(struct w2s_memory *memory) {
  if (memory->guarded) {
    uint8_t *at = reserve(front_guard_bytes + guarded_bytes);
    if (!at) return 0;
    memory->base = at + front_guard_bytes;
    memory->reserved = guarded_bytes;
    return 1;
  }
  uint64_t want = round_up(memory->max_bytes);
  uint64_t least = round_up(memory->bytes);
  for (;;) {
    memory->base = reserve(want + tail_guard_bytes);
    if (memory->base || want <= least) break;
    want = want / 2 > least ? round_up(want / 2) : least;
  }
  if (!memory->base) return 0;
  memory->reserved = want + tail_guard_bytes;
  if (memory->max_bytes > want) memory->max_bytes = want;
  return 1;
}

static void link_memory(struct w2si_store *store, struct w2s_memory *memory) {
  memory->next = store->memories;
  store->memories = memory;
  store->n_memories++;
  store->memory_bytes += memory->bytes;
  if (memory->guarded) store->n_guarded++;
}

static void unlink_memory(struct w2si_store *store, struct w2s_memory *memory) {
  struct w2s_memory **at = &store->memories;
  while (*at != memory) at = &(*at)->next;
  *at = memory->next;
  store->n_memories--;
  store->memory_bytes -= memory->bytes;
  if (memory->guarded) store->n_guarded--;
}

/* The first size in bytes, or UINT64_MAX if no address space holds it. */
static uint64_t min_bytes(const struct w2si_memory_type *type) {
  if (type->min_pages > max_address_bytes >> type->page_log2) return UINT64_MAX;
  return type->min_pages << type->page_log2;
}

/* Where growth stops: the declared maximum, what addresses can name, and `limit` bytes. */
static uint64_t max_bytes(const struct w2si_memory_type *type, uint64_t limit) {
  uint64_t top = type->is64 ? max_address_bytes : (uint64_t)1 << 32;
  if (type->has_max && type->max_pages <= top >> type->page_log2) top = type->max_pages << type->page_log2;
  limit = limit >> type->page_log2 << type->page_log2;
  return top < limit ? top : limit;
}

int32_t w2si_fail_memory_count(const struct w2si_store *store, struct w2s_error *error) {
  return w2si_fail(error, W2S_ERR_RESOURCE, "the store's limit of %llu memories is reached",
                   (unsigned long long)store->limits.memories);
}

int32_t w2si_memory_check(const struct w2si_store *store, const struct w2si_memory_type *type,
                          struct w2s_error *error) {
  const struct w2s_limits *limits = &store->limits;
  uint64_t bytes = min_bytes(type);
  uint64_t total = w2si_total_memory_bytes(store);
  if (store->n_memories >= limits->memories) return w2si_fail_memory_count(store, error);
  if (bytes <= max_bytes(type, limits->memory_bytes) && total <= limits->total_memory_bytes &&
      bytes <= limits->total_memory_bytes - total) {
    return W2S_OK;
  }
  return w2si_fail(error, W2S_ERR_RESOURCE, "a memory of %llu pages exceeds the store's limits",
                   (unsigned long long)type->min_pages);
}

int w2si_memory_commit(const struct w2s_memory *memory, uint64_t from, uint64_t to) {
  uint64_t first = round_up(from);
  uint64_t end = round_up(to);
  return end <= first || mprotect(memory->base + first, end - first, PROT_READ | PROT_WRITE) == 0;
}

int32_t w2si_memory_map(struct w2s_memory *memory, const struct w2si_memory_type *type, uint64_t limit,
                        struct w2s_error *error) {
  uint64_t bytes = min_bytes(type);
  *memory = (struct w2s_memory){.bytes = bytes, .max_bytes = max_bytes(type, limit), .page_log2 = type->page_log2,
                                .declared_max_pages = type->has_max ? type->max_pages : 0, .has_max = type->has_max,
                                .is64 = type->is64, .guarded = type->guarded};
  if (bytes > memory->max_bytes || !reserve_for(memory)) {
    return w2si_fail(error, W2S_ERR_RESOURCE, "the system has no address space for a memory%s",
                     type->guarded ? " with guards (10 GiB)" : "");
  }
  if (w2si_memory_commit(memory, 0, bytes)) return W2S_OK;
  w2si_memory_unmap(memory);
  return w2si_fail(error, W2S_ERR_RESOURCE, "the system has no room for a memory of %llu pages",
                   (unsigned long long)type->min_pages);
}

int32_t w2si_memory_init(struct w2s_memory *memory, struct w2si_store *store, const struct w2si_memory_type *type,
                         struct w2s_error *error) {
  int32_t status = w2si_memory_check(store, type, error);
  if (status == W2S_OK) status = w2si_memory_map(memory, type, store->limits.memory_bytes, error);
  if (status != W2S_OK) return status;
  memory->store = &store->pub;
  link_memory(store, memory);
  return W2S_OK;
}

void w2si_memory_destroy(struct w2s_memory *memory) {
  unlink_memory(w2si_store(memory->store), memory);
  w2si_memory_unmap(memory);
}

int w2si_memory_set_image(struct w2s_memory *memory, uint64_t at, uint64_t bytes, int fd, uint64_t file_offset,
                          const uint8_t *source) {
  if (bytes == 0) return 1;
  uint64_t page = host_page();
  uint8_t *to = memory->base + at;
  if (fd >= 0 && at % page == 0 && bytes % page == 0 && file_offset % page == 0 && file_offset <= INT64_MAX &&
      mmap(to, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)file_offset) == to) {
    return 1;
  }
  memcpy(to, source, bytes);
  return 0;
}

uint64_t w2si_memory_grow(struct w2s_memory *memory, uint64_t delta_pages) {
  struct w2si_store *store = w2si_store(memory->store);
  uint64_t old_bytes = memory->bytes;
  uint64_t old_pages = old_bytes >> memory->page_log2;
  if (delta_pages > (memory->max_bytes - old_bytes) >> memory->page_log2) return UINT64_MAX;
  uint64_t delta = delta_pages << memory->page_log2;
  uint64_t used = w2si_total_memory_bytes(store);
  uint64_t limit = store->limits.total_memory_bytes;
  if (delta && (used > limit || delta > limit - used)) return UINT64_MAX;
  if (!w2si_memory_commit(memory, old_bytes, old_bytes + delta)) return UINT64_MAX;
  memory->bytes = old_bytes + delta;
  store->memory_bytes += delta;
  return old_pages;
}

uint64_t w2si_page_bytes(uint64_t bytes) { return round_up(bytes); }

int w2si_memory_shrink(struct w2s_memory *memory, uint64_t bytes) {
  uint64_t start = round_up(bytes);
  uint64_t end = round_up(memory->bytes);
  if (end > start) {
    /* mapped anew: what was there is gone, and cannot be reached until the memory grows again */
    void *at = memory->base + start;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (mmap(at, end - start, PROT_NONE, flags, -1, 0) != at) return 0;
  }
  w2si_store(memory->store)->memory_bytes -= memory->bytes - bytes;
  memory->bytes = bytes;
  return 1;
}

static int holds(const struct w2s_memory *memory, uintptr_t address) {
  uintptr_t start = (uintptr_t)memory->base - front_guard(memory);
  return address - start < front_guard(memory) + memory->reserved;
}

const struct w2s_memory *w2si_memory_at(const struct w2si_store *store, uintptr_t address) {
  for (const struct w2s_memory *memory = store->memories; memory; memory = memory->next) {
    if (holds(memory, address)) return memory;
  }
  for (const struct w2si_shared_use *use = store->shared; use; use = use->next) {
    if (holds(use->memory, address)) return use->memory;
  }
  return NULL;
}

int w2si_memory_type_ok(const struct w2si_memory_type *type, struct w2s_error *error) {
  if (type->page_log2 <= 16 && (!type->guarded || (!type->is64 && type->page_log2 == 16))) return 1;
  w2si_fail(error, W2S_ERR_USAGE, "only memories with 32-bit addresses and pages of 64 KiB can be guarded");
  return 0;
}

struct w2s_memory *w2s_memory_new(struct w2s_store *pub, uint64_t min_pages, uint64_t max_pages, int32_t has_max,
                                  int32_t is64, int32_t shared, uint32_t page_log2, int32_t guarded,
                                  struct w2s_error *error) {
  struct w2si_store *store = w2si_store(pub);
  w2si_ok(error);
  struct w2si_memory_type type = {.min_pages = min_pages, .max_pages = max_pages, .page_log2 = page_log2,
                                  .has_max = has_max != 0, .is64 = is64 != 0, .guarded = guarded != 0};
  if (shared) {
    w2si_fail(error, W2S_ERR_USAGE, "a shared memory belongs to no store");
    return NULL;
  }
  if (!w2si_memory_type_ok(&type, error)) return NULL;
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) {
    w2si_fail_usage(error);
    return NULL;
  }
  struct w2si_host_memory *host = malloc(sizeof *host);
  if (!host) {
    w2si_fail(error, W2S_ERR_RESOURCE, "out of memory");
  } else if (w2si_may_make_memory(store, &type, error) != W2S_OK ||
             w2si_memory_init(&host->memory, store, &type, error) != W2S_OK) {
    free(host);
    host = NULL;
  } else {
    host->next = store->host_memories;
    store->host_memories = host;
  }
  w2si_unclaim(store, claim);
  return host ? &host->memory : NULL;
}

uint64_t w2s_memory_bytes(const struct w2s_memory *memory) { return w2si_memory_bytes(memory); }

uint64_t w2s_memory_grow(struct w2s_memory *memory, uint64_t delta_pages) {
  if (memory->shared) return w2si_shared_grow(NULL, memory, delta_pages);
  struct w2si_store *store = w2si_store(memory->store);
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return UINT64_MAX;
  uint64_t old = w2si_may_grow_memory(store, memory, delta_pages) > 0 ? w2si_memory_grow(memory, delta_pages) : UINT64_MAX;
  w2si_unclaim(store, claim);
  return old;
}
