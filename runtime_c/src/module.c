/* Loaded modules: opening, checking, sharing, closing. */
#define _GNU_SOURCE 1

#include "module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "instance.h"
#include "meta.h"
#include "sofile.h"
#include "type.h"

static struct w2s_module *modules; /* under w2si_lock */
static _Atomic(uint64_t) last_id;

uint64_t w2si_module_next_id(void) { return ++last_id; }

/* What a 32-bit index, a 32-bit offset and the widest access can reach: where an access would go without its segment. */
static const uintptr_t segment_span = ((uintptr_t)8 << 30) + (64 << 10);

uint64_t w2s_module_id(const struct w2s_module *module) { return module->id; }

uint32_t w2s_cpu_level(void) { return w2si_cpu_level(); }

/* The name under which the loader knows the file behind `fd`. Not its path: that may name another file by now. */
static void fd_name(char *out, size_t room, int fd) { snprintf(out, room, "/proc/self/fd/%d", fd); }

/* ---- checks ------------------------------------------------------------------------------------------------ */

/* Does an array of `n` entries of 8 or 4 bytes lie in the object? */
static int has_array(const struct w2si_loaded *loaded, const void *at, uint64_t n, uint64_t bytes) {
  return n == 0 || ((uintptr_t)at % bytes == 0 && w2si_loaded_room(loaded, at) / bytes >= n);
}

static int is_code(const struct w2si_loaded *loaded, void (*code)(void)) {
  return w2si_loaded_room(loaded, (const void *)(uintptr_t)code) != 0;
}

/* The tables of code: complete, and pointing into the object. */
static int code_ok(const struct w2si_loaded *loaded, const struct w2s_descriptor *d) {
  const struct w2s_meta *meta = d->meta;
  if (!has_array(loaded, d->escapes, meta->escapes.n, sizeof(void *)) ||
      !has_array(loaded, d->trampolines, meta->types.n, sizeof(void *)) ||
      !has_array(loaded, d->host_stubs, meta->types.n, sizeof(void *)) ||
      (d->raws && !has_array(loaded, d->raws, meta->escapes.n, sizeof(void *))) ||
      !has_array(loaded, d->type_ids, meta->types.n, sizeof *d->type_ids)) {
    return 0;
  }
  for (uint32_t k = 0; k < meta->escapes.n; k++) {
    if (w2si_meta_escapes(meta)[k] < meta->n_imported_funcs) continue;
    if (!is_code(loaded, d->escapes[k]) || (d->raws && !is_code(loaded, d->raws[k]))) return 0;
  }
  for (uint32_t i = 0; i < meta->types.n; i++) {
    if (w2si_meta_types(meta)[i].kind != W2SI_KIND_FUNC) continue;
    if (!is_code(loaded, (void (*)(void))d->trampolines[i]) || !is_code(loaded, d->host_stubs[i])) return 0;
  }
  return 1;
}

/* What is wrong with a loaded object's descriptor, or NULL. Notes in `module` what it learns. */
static const char *check_descriptor(struct w2s_module *module, const struct w2s_descriptor *d) {
  struct w2si_loaded loaded;
  if (!w2si_loaded_find(d, &loaded) || w2si_loaded_room(&loaded, d) < sizeof *d) return "its descriptor is cut short";
  if (d->magic != W2S_MAGIC || d->abi_version != W2S_ABI_VERSION) return "it was not made by wasm2so";
  if ((uintptr_t)d->meta % 16 != 0) return "its metadata is not aligned";
  const char *wrong = w2si_meta_check(d->meta, w2si_loaded_room(&loaded, d->meta));
  if (wrong) return wrong;
  if (d->meta->data_bytes && w2si_loaded_room(&loaded, d->data) < d->meta->data_bytes) return "its data is cut short";
  if (d->meta->image_bytes) {
    module->image_file_offset = w2si_loaded_offset(&loaded, d->image, d->meta->image_bytes);
    if (module->image_file_offset == UINT64_MAX) return "its memory image is cut short";
  }
  if (!code_ok(&loaded, d)) return "its tables of code are damaged";
  module->descriptor = d;
  module->meta = d->meta;
  return NULL;
}

/* ---- stubs -------------------------------------------------------------------------------------------------- */

/* Offer the module's stubs for all its function types that have no provider. */
static void provide_stubs(struct w2s_module *module) {
  for (uint32_t i = 0; i < module->meta->types.n; i++) {
    struct w2si_type *type = w2si_type(module->descriptor->type_ids[i]);
    if (type->kind != W2SI_KIND_FUNC || type->provider) continue;
    type->provider = module;
    type->provider_index = i;
  }
}

/* Take back the stubs of a module that goes away; another one that knows the type takes its place. */
static void withdraw_stubs(struct w2s_module *module) {
  int any = 0;
  for (uint32_t i = 0; i < module->meta->types.n; i++) {
    struct w2si_type *type = w2si_type(module->descriptor->type_ids[i]);
    if (type->provider != module) continue;
    type->provider = NULL;
    any = 1;
  }
  if (!any) return;
  for (struct w2s_module *other = modules; other; other = other->next) provide_stubs(other);
}

void (*w2si_module_host_stub(struct w2si_store *store, uint32_t id))(void) {
  struct w2si_type *type = w2si_type(id);
  void (*stub)(void) = NULL;
  w2si_lock();
  struct w2s_module *module = type->provider;
  if (module) {
    struct w2si_module_ref *ref = store->stub_modules;
    while (ref && ref->module != module) ref = ref->next;
    if (!ref) {
      ref = malloc(sizeof *ref);
      if (ref) {
        *ref = (struct w2si_module_ref){.module = module, .next = store->stub_modules};
        store->stub_modules = ref;
        module->refs++;
      }
    }
    if (ref) stub = module->descriptor->host_stubs[type->provider_index];
  }
  w2si_unlock();
  return stub;
}

/* ---- opening and closing -------------------------------------------------------------------------------------- */

/* Unload the object, and close its file unless the loader keeps the object for reasons of its own: a file that
 * gets the same number later would be taken for it. */
static void close_object(struct w2s_module *module) {
  char name[40];
  fd_name(name, sizeof name, module->fd);
  if (module->handle) {
    dlclose(module->handle);
    void *still = dlopen(name, RTLD_NOLOAD | RTLD_LAZY | RTLD_LOCAL);
    if (still) {
      dlclose(still);
      return;
    }
  }
  close(module->fd);
}

static struct w2s_module *find_loaded(const struct stat *status) {
  struct w2s_module *module = modules;
  while (module && (module->device != (uint64_t)status->st_dev || module->inode != (uint64_t)status->st_ino)) {
    module = module->next;
  }
  return module;
}

/* Load the file behind module->fd after a look at it; NULL and `status` if it will not do. */
static const struct w2s_descriptor *load_file(struct w2s_module *module, const char *path, int32_t *status,
                                              struct w2s_error *error) {
  char name[40];
  *status = w2si_sofile_check(module->fd, path, error);
  if (*status != W2S_OK) return NULL;
  fd_name(name, sizeof name, module->fd);
  module->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!module->handle) {
    const char *why = dlerror();
    *status = w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: %s", path, why ? why : "unknown reason");
    return NULL;
  }
  const struct w2s_descriptor *descriptor = dlsym(module->handle, "w2s_module_descriptor");
  if (!descriptor) *status = w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: it was not made by wasm2so", path);
  return descriptor;
}

/* The lowest address that is mapped in this process; 0 if that cannot be told. */
static uintptr_t lowest_mapping(void) {
  uintptr_t lowest = 0;
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) return 0;
  if (fscanf(maps, "%" SCNxPTR, &lowest) != 1) lowest = 0;
  fclose(maps);
  return lowest;
}

/* Load the file behind module->fd, unless its code is `linked` into this executable, check it, and learn its types. With
 * the lock held. */
static int32_t load(struct w2s_module *module, const struct w2s_descriptor *linked, const char *path,
                    struct w2s_error *error) {
  int32_t status = W2S_OK;
  const struct w2s_descriptor *descriptor = linked ? linked : load_file(module, path, &status, error);
  if (!descriptor) return status;
  const char *wrong = check_descriptor(module, descriptor);
  if (wrong) return w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: %s", path, wrong);
  if (module->meta->cpu_level > w2s_cpu_level()) {
    return w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: it needs an x86-64-v%u processor, this one is a v%u", path,
                     module->meta->cpu_level, w2s_cpu_level());
  }
  if (module->meta->flags & W2S_META_COUNTERS && !secure_getenv("WASM2SO_TRAINING")) {
    return w2si_fail(error, W2S_ERR_FORMAT,
                     "cannot load %s: it was compiled with counters, for training; set WASM2SO_TRAINING to load it", path);
  }
  if (module->meta->flags & W2S_META_SEGMENT) {
    if (!w2si_has_segment()) {
      return w2si_fail(error, W2S_ERR_FORMAT,
                       "cannot load %s: it keeps its memory in a segment register, which this processor or system does "
                       "not let programs set (FSGSBASE)", path);
    }
    if (lowest_mapping() < segment_span) {
      return w2si_fail(error, W2S_ERR_FORMAT,
                       "cannot load %s: it keeps its memory in a segment register, which is safe only in processes that "
                       "have nothing below 8 GiB (position-independent executables)", path);
    }
  }
  if (w2si_types_intern(module->meta, descriptor->type_ids)) {
    return w2si_fail(error, W2S_ERR_RESOURCE, "cannot load %s: no room for its types", path);
  }
  return W2S_OK;
}

static int32_t open_locked(int32_t fd, const struct w2s_descriptor *linked, const char *path, struct w2s_module **out,
                           struct w2s_error *error) {
  struct stat status;
  if (fstat(fd, &status)) return w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: it cannot be read", path);
  struct w2s_module *module = find_loaded(&status);
  if (module) {
    module->refs++;
    *out = module;
    return W2S_OK;
  }
  module = calloc(1, sizeof *module);
  if (!module) return w2si_fail(error, W2S_ERR_RESOURCE, "cannot load %s: out of memory", path);
  module->refs = 1;
  module->device = (uint64_t)status.st_dev;
  module->inode = (uint64_t)status.st_ino;
  module->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (module->fd < 0) {
    free(module);
    return w2si_fail(error, W2S_ERR_RESOURCE, "cannot load %s: out of file descriptors", path);
  }
  int32_t result = load(module, linked, path, error);
  if (result != W2S_OK) {
    close_object(module);
    free(module);
    return result;
  }
  module->id = w2si_module_next_id();
  module->descriptor_of_file = module->descriptor;
  module->next = modules;
  modules = module;
  provide_stubs(module);
  *out = module;
  return W2S_OK;
}

int32_t w2s_module_open(int32_t fd, const char *path, struct w2s_module **out, struct w2s_error *error) {
  w2si_ok(error);
  *out = NULL;
  struct w2si_name name = w2si_name((const uint8_t *)path, strlen(path));
  w2si_lock();
  int32_t status = open_locked(fd, NULL, name.text, out, error);
  w2si_unlock();
  return status;
}

int32_t w2s_module_linked(const struct w2s_descriptor *descriptor, struct w2s_module **out, struct w2s_error *error) {
  w2si_ok(error);
  *out = NULL;
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  w2si_lock();
  int32_t status = open_locked(fd, descriptor, "the program", out, error);
  w2si_unlock();
  if (fd >= 0) close(fd);
  return status;
}

int32_t w2s_module_fd(const struct w2s_module *module) { return (module->base ? module->base : module)->fd; }

void w2s_module_retain(struct w2s_module *module) {
  w2si_lock();
  module->refs++;
  w2si_unlock();
}

void w2s_module_release(struct w2s_module *module) {
  struct w2s_module *base = NULL;
  w2si_lock();
  if (--module->refs == 0) {
    base = module->base;
    if (base) {
      w2si_module_free_derived(module);
    } else {
      struct w2s_module **at = &modules;
      while (*at != module) at = &(*at)->next;
      *at = module->next;
      withdraw_stubs(module);
      close_object(module);
      free(module->functions);
      free(module);
    }
  }
  w2si_unlock();
  if (base) w2s_module_release(base); /* which has none itself */
}

int32_t w2s_module_image(const struct w2s_module *module, uint32_t defined, struct w2s_image_place *out) {
  const struct w2s_meta *meta = module->meta;
  *out = (struct w2s_image_place){.fd = -1};
  if (defined >= meta->memories.n - meta->n_imported_memories) return W2S_ERR_USAGE;
  const struct w2s_meta_memory *memory = &w2si_meta_memories(meta)[meta->n_imported_memories + defined];
  if (!memory->has_image) return W2S_OK;
  *out = (struct w2s_image_place){.fd = module->fd, .file_offset = module->image_file_offset + memory->image_offset,
                                  .linear_offset = memory->image_start, .bytes = memory->image_bytes,
                                  .data = module->descriptor->image + memory->image_offset};
  return W2S_OK;
}

const struct w2s_descriptor *w2s_module_descriptor_of(const struct w2s_module *module) { return module->descriptor; }

const struct w2s_descriptor *w2si_instance_descriptor(const struct w2s_instance *instance) {
  return instance->descriptor;
}
