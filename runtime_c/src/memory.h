/* Linear memories. */
#ifndef W2SI_MEMORY_H
#define W2SI_MEMORY_H

#include "store.h"

/* What a memory is made from. */
struct w2si_memory_type {
  uint64_t min_pages;
  uint64_t max_pages; /* meaningful if has_max */
  uint32_t page_log2;
  uint8_t has_max;
  uint8_t is64;
  uint8_t shared;
  uint8_t guarded; /* code relies on the reservation instead of checks */
};

/* Is this a type that w2si_memory_map can make? Returns 0 with `error` filled. */
int w2si_memory_type_ok(const struct w2si_memory_type *type, struct w2s_error *error);
/* May the store have one more memory, of this type? Returns W2S_OK or W2S_ERR_RESOURCE. */
int32_t w2si_memory_check(const struct w2si_store *store, const struct w2si_memory_type *type, struct w2s_error *error);
int32_t w2si_fail_memory_count(const struct w2si_store *store, struct w2s_error *error);
/* Reserve address space and make the first pages usable, for a memory that belongs to no store yet and may grow to `limit`
 * bytes. On failure nothing is left. */
int32_t w2si_memory_map(struct w2s_memory *memory, const struct w2si_memory_type *type, uint64_t limit,
                        struct w2s_error *error);
void w2si_memory_unmap(const struct w2s_memory *memory);
/* Make the bytes from `from`, up to which they are, to `to` usable. Returns 0 if the system has no room. */
int w2si_memory_commit(const struct w2s_memory *memory, uint64_t from, uint64_t to);
/* The current size of any memory, shared ones included. */
static inline uint64_t w2si_memory_bytes(const struct w2s_memory *memory) {
  return __atomic_load_n(&memory->bytes, __ATOMIC_ACQUIRE);
}

/* Map a memory that is not shared, and register the memory with the store. The caller has claimed
 * the store. On failure nothing is left. */
int32_t w2si_memory_init(struct w2s_memory *memory, struct w2si_store *store, const struct w2si_memory_type *type,
                         struct w2s_error *error);
/* Take the memory out of its store and give its address space back. */
void w2si_memory_destroy(struct w2s_memory *memory);
/* Map `bytes` bytes of file `fd` from `file_offset` copy-on-write to `at`, or copy them from `source` where the system
 * cannot map them. The range lies inside the memory; all but `source` are multiples of 4096. Returns whether they were
 * mapped. */
int w2si_memory_set_image(struct w2s_memory *memory, uint64_t at, uint64_t bytes, int fd, uint64_t file_offset,
                          const uint8_t *source);
/* w2s_memory_grow of a memory that is not shared, for a store that the caller works in. */
uint64_t w2si_memory_grow(struct w2s_memory *memory, uint64_t delta_pages);
/* `bytes` in whole pages of the host. */
uint64_t w2si_page_bytes(uint64_t bytes);
/* Give up what lies beyond `bytes`, which the memory once had. Returns 0 if the system refuses. */
int w2si_memory_shrink(struct w2s_memory *memory, uint64_t bytes);
/* The memory of the store whose reservation, guards included, holds `address`. For the fault handler. */
const struct w2s_memory *w2si_memory_at(const struct w2si_store *store, uintptr_t address);

#endif
