/* Modules whose instances begin in another state than their file says: the code of one, metadata and memory images given
 * by the embedder. */
#define _GNU_SOURCE 1

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "meta.h"
#include "module.h"
#include "type.h"

enum { META_ALIGN = 16 };

static int same_range(const struct w2s_meta *a, const struct w2s_meta *b, struct w2s_range x, struct w2s_range y,
                      uint64_t record) {
  return x.n == y.n && memcmp(w2si_meta_at(a, x), w2si_meta_at(b, y), x.n * record) == 0;
}

static int same_memories(const struct w2s_meta *a, const struct w2s_meta *b) {
  if (a->memories.n != b->memories.n) return 0;
  for (uint32_t i = 0; i < a->memories.n; i++) {
    const struct w2s_meta_memory *x = &w2si_meta_memories(a)[i];
    const struct w2s_meta_memory *y = &w2si_meta_memories(b)[i];
    if (x->vm_offset != y->vm_offset || x->page_log2 != y->page_log2 || x->imported != y->imported ||
        x->is64 != y->is64 || x->shared != y->shared || x->guarded != y->guarded || x->has_max != y->has_max ||
        x->max_pages != y->max_pages || y->min_pages < x->min_pages) {
      return 0;
    }
  }
  return 1;
}

static int same_tables(const struct w2s_meta *a, const struct w2s_meta *b) {
  if (a->tables.n != b->tables.n) return 0;
  for (uint32_t i = 0; i < a->tables.n; i++) {
    const struct w2s_meta_table *x = &w2si_meta_tables(a)[i];
    const struct w2s_meta_table *y = &w2si_meta_tables(b)[i];
    if (memcmp(&x->type, &y->type, sizeof x->type) != 0 || x->vm_offset != y->vm_offset || x->imported != y->imported ||
        x->is64 != y->is64 || x->has_max != y->has_max || x->max_elems != y->max_elems ||
        y->min_elems < x->min_elems) {
      return 0;
    }
  }
  return 1;
}

static int same_globals(const struct w2s_meta *a, const struct w2s_meta *b) {
  if (a->globals.n != b->globals.n) return 0;
  for (uint32_t i = 0; i < a->globals.n; i++) {
    const struct w2s_meta_global *x = &w2si_meta_globals(a)[i];
    const struct w2s_meta_global *y = &w2si_meta_globals(b)[i];
    if (memcmp(&x->type, &y->type, sizeof x->type) != 0 || x->vm_offset != y->vm_offset || x->imported != y->imported) {
      return 0;
    }
  }
  return 1;
}

/* Does the code that was compiled for `a` work with what `b` says? Element segments may have been added: the flags that
 * tell which were dropped are the last field of a context. Data segments may be shorter, no longer. */
static int fits_code(const struct w2s_meta *a, const struct w2s_meta *b) {
  if (a->n_imported_funcs != b->n_imported_funcs || a->n_imported_tables != b->n_imported_tables ||
      a->n_imported_memories != b->n_imported_memories || a->n_imported_globals != b->n_imported_globals ||
      a->n_imported_tags != b->n_imported_tags || a->refs_offset != b->refs_offset || a->cpu_level != b->cpu_level ||
      a->data_dropped_offset != b->data_dropped_offset || a->elem_dropped_offset != b->elem_dropped_offset ||
      b->vm_bytes < a->vm_bytes || b->elems.n < a->elems.n || a->datas.n != b->datas.n ||
      b->data_bytes != a->data_bytes || memcmp(a->abi_digest, b->abi_digest, sizeof a->abi_digest) != 0) {
    return 0;
  }
  for (uint32_t i = 0; i < a->datas.n; i++) {
    if (w2si_meta_datas(b)[i].bytes > w2si_meta_datas(a)[i].bytes) return 0;
  }
  return same_range(a, b, a->types, b->types, sizeof(struct w2s_meta_type)) &&
         same_range(a, b, a->valtypes, b->valtypes, sizeof(struct w2s_valtype)) &&
         same_range(a, b, a->funcs, b->funcs, sizeof(struct w2s_meta_func)) &&
         same_range(a, b, a->tags, b->tags, sizeof(struct w2s_meta_tag)) &&
         same_range(a, b, a->imports, b->imports, sizeof(struct w2s_meta_import)) &&
         same_range(a, b, a->exports, b->exports, sizeof(struct w2s_meta_export)) &&
         same_range(a, b, a->escapes, b->escapes, sizeof(uint32_t)) && same_memories(a, b) && same_tables(a, b) &&
         same_globals(a, b);
}

/* A file in memory that nobody can change any more: an image may be mapped for as long as the module lives. */
static int is_sealed(int fd, uint64_t bytes) {
  struct stat status;
  int seals = fcntl(fd, F_GET_SEALS);
  int needed = F_SEAL_SHRINK | F_SEAL_WRITE;
  return seals >= 0 && (seals & needed) == needed && fstat(fd, &status) == 0 && (uint64_t)status.st_size >= bytes;
}

void w2si_module_free_derived(struct w2s_module *module) {
  if (module->descriptor_copy.image) munmap((void *)(uintptr_t)module->descriptor_copy.image, module->image_bytes);
  if (module->fd >= 0) close(module->fd);
  free(module->meta_copy);
  free(module);
}

/* Take over what is given. Returns what is wrong, or NULL; `*status` tells whether the system or what was given is at
 * fault. */
static const char *complete(struct w2s_module *module, uint64_t meta_bytes, int fd, int32_t *status) {
  *status = W2S_ERR_FORMAT;
  const struct w2s_module *base = module->base;
  const struct w2s_meta *meta = module->meta_copy;
  const char *wrong = w2si_meta_check(meta, meta_bytes);
  if (wrong) return wrong;
  if (!fits_code(base->meta, meta)) return "it was made for another module";
  module->meta = meta;
  module->descriptor_copy = *base->descriptor;
  module->descriptor_copy.meta = meta;
  module->descriptor_copy.image = NULL;
  module->descriptor = &module->descriptor_copy;
  module->image_bytes = meta->image_bytes;
  if (!meta->image_bytes) return NULL;
  if (!is_sealed(fd, meta->image_bytes)) return "its memory image is cut short or not sealed";
  *status = W2S_ERR_RESOURCE;
  module->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (module->fd < 0) return "out of file descriptors";
  void *image = mmap(NULL, meta->image_bytes, PROT_READ, MAP_PRIVATE, module->fd, 0);
  if (image == MAP_FAILED) return "no address space for its memory image";
  module->descriptor_copy.image = image;
  return NULL;
}

int32_t w2s_module_derive(struct w2s_module *base, const void *meta, uint64_t meta_bytes, int32_t image_fd,
                          struct w2s_module **out, struct w2s_error *error) {
  w2si_ok(error);
  *out = NULL;
  if (base->base) base = base->base;
  if (meta_bytes < sizeof(struct w2s_meta)) return w2si_fail(error, W2S_ERR_FORMAT, "a damaged image: too short");
  struct w2s_module *module = calloc(1, sizeof *module);
  void *copy = aligned_alloc(META_ALIGN, (meta_bytes + META_ALIGN - 1) / META_ALIGN * META_ALIGN);
  if (!module || !copy) {
    free(module);
    free(copy);
    return w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for an image");
  }
  memcpy(copy, meta, meta_bytes);
  module->refs = 1;
  module->fd = -1;
  module->base = base;
  module->meta_copy = copy;
  int32_t status;
  const char *wrong = complete(module, meta_bytes, image_fd, &status);
  if (wrong) {
    w2si_module_free_derived(module);
    return w2si_fail(error, status, "%s: %s", status == W2S_ERR_FORMAT ? "a damaged image" : "no room for an image", wrong);
  }
  w2s_module_retain(base);
  module->id = w2si_module_next_id();
  *out = module;
  return W2S_OK;
}
