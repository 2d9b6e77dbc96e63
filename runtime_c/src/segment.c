/* Element and data segments. */
#define _GNU_SOURCE 1

#include <string.h>

#include "constexpr.h"
#include "errors.h"
#include "memory.h"
#include "meta.h"
#include "module.h"

static uint8_t *elem_dropped(const struct w2s_instance *instance, uint32_t elem) {
  return (uint8_t *)w2si_field(instance, instance->meta->elem_dropped_offset) + elem;
}

static uint8_t *data_dropped(const struct w2s_instance *instance, uint32_t data) {
  return (uint8_t *)w2si_field(instance, instance->meta->data_dropped_offset) + data;
}

void w2si_elem_drop(struct w2s_instance *instance, uint32_t elem) { *elem_dropped(instance, elem) = 1; }

void w2si_data_drop(struct w2s_instance *instance, uint32_t data) { *data_dropped(instance, data) = 1; }

/* Is [at, at + n) outside of [0, size)? */
static int outside(uint64_t at, uint64_t n, uint64_t size) { return n > size || at > size - n; }

/* The k-th item of a segment. Items of reference type are single instructions, whose evaluation cannot fail. */
static union w2s_ref item(const struct w2s_instance *instance, const struct w2s_meta_elem *elem, uint64_t k,
                          int is_func) {
  union w2s_ref ref = {.word = 0};
  if (!elem->is_exprs) {
    int32_t func = w2si_meta_words(instance->meta)[elem->first + k];
    ref.func = func == W2S_NO_FUNC ? NULL : w2si_func(instance, (uint32_t)func);
    return ref;
  }
  union w2s_value value = {.words = {0, 0}};
  (void)w2si_const_eval(instance, w2si_meta_exprs(instance->meta)[elem->first + k], &value);
  if (is_func) {
    ref.func = value.func;
  } else {
    ref.word = value.ref;
  }
  return ref;
}

uint32_t w2si_table_init_from(struct w2s_instance *instance, struct w2s_table *table, uint32_t elem, uint64_t to,
                              uint64_t from, uint64_t n) {
  const struct w2s_meta_elem *segment = &w2si_meta_elems(instance->meta)[elem];
  uint64_t size = *elem_dropped(instance, elem) ? 0 : segment->n_items;
  if (outside(from, n, size) || outside(to, n, table->n_elems)) return W2S_TRAP_TABLE_OUT_OF_BOUNDS;
  for (uint64_t i = 0; i < n; i++) table->elems[to + i] = item(instance, segment, from + i, table->is_func);
  return 0;
}

uint32_t w2si_memory_init_from(struct w2s_instance *instance, struct w2s_memory *memory, uint32_t data, uint64_t to,
                               uint64_t from, uint64_t n) {
  const struct w2s_meta_data *segment = &w2si_meta_datas(instance->meta)[data];
  uint64_t size = *data_dropped(instance, data) ? 0 : segment->bytes;
  if (outside(from, n, size) || outside(to, n, w2si_memory_bytes(memory))) return W2S_TRAP_MEMORY_OUT_OF_BOUNDS;
  if (n) memcpy(memory->base + to, instance->descriptor->data + segment->blob_offset + from, n);
  return 0;
}

/* Evaluate the place of an active segment: an address of 32 or 64 bits, zero-extended. */
static int place(const struct w2s_instance *instance, struct w2s_expr expr, int is64, uint64_t *out) {
  union w2s_value value;
  int failed = w2si_const_eval(instance, expr, &value);
  *out = is64 ? value.i64 : value.i32;
  return failed;
}

static int32_t no_memory(struct w2s_error *error) {
  return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for a constant expression");
}

static int32_t run_elem(struct w2s_instance *instance, uint32_t k, struct w2s_error *error) {
  const struct w2s_meta_elem *elem = &w2si_meta_elems(instance->meta)[k];
  if (elem->mode == W2S_SEGMENT_PASSIVE) return W2S_OK;
  uint32_t trap = 0;
  if (elem->mode == W2S_SEGMENT_ACTIVE) {
    struct w2s_table *table = w2si_table(instance, elem->table);
    uint64_t to;
    if (place(instance, elem->offset, table->is64, &to)) return no_memory(error);
    trap = w2si_table_init_from(instance, table, k, to, 0, elem->n_items);
  }
  if (trap) return w2si_fail_trap(error, trap);
  w2si_elem_drop(instance, k);
  return W2S_OK;
}

static int32_t run_data(struct w2s_instance *instance, uint32_t k, struct w2s_error *error) {
  const struct w2s_meta_data *data = &w2si_meta_datas(instance->meta)[k];
  if (data->mode != W2S_SEGMENT_ACTIVE) return W2S_OK;
  if (!data->in_image) {
    struct w2s_memory *memory = w2si_memory(instance, data->memory);
    uint64_t to;
    if (place(instance, data->offset, memory->is64, &to)) return no_memory(error);
    uint32_t trap = w2si_memory_init_from(instance, memory, k, to, 0, data->bytes);
    if (trap) return w2si_fail_trap(error, trap);
  }
  w2si_data_drop(instance, k);
  return W2S_OK;
}

void w2si_map_images(struct w2s_instance *instance) {
  const struct w2s_module *module = instance->module;
  for (uint32_t i = instance->meta->n_imported_memories; i < instance->meta->memories.n; i++) {
    const struct w2s_meta_memory *memory = &w2si_meta_memories(instance->meta)[i];
    if (!memory->has_image) continue;
    int mapped = w2si_memory_set_image(w2si_memory(instance, i), memory->image_start, memory->image_bytes, module->fd,
                                       module->image_file_offset + memory->image_offset,
                                       instance->descriptor->image + memory->image_offset);
    if (!mapped) instance->has_copied_image = 1;
  }
}

int32_t w2si_run_elems(struct w2s_instance *instance, struct w2s_error *error) {
  int32_t status = W2S_OK;
  for (uint32_t k = 0; k < instance->meta->elems.n && status == W2S_OK; k++) status = run_elem(instance, k, error);
  if (status == W2S_OK) w2si_map_images(instance);
  return status;
}

int32_t w2si_run_datas(struct w2s_instance *instance, struct w2s_error *error) {
  int32_t status = W2S_OK;
  for (uint32_t k = 0; k < instance->meta->datas.n && status == W2S_OK; k++) status = run_data(instance, k, error);
  return status;
}
