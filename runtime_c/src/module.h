/* Loaded modules. */
#ifndef W2SI_MODULE_H
#define W2SI_MODULE_H

#include "../include/wasm2so/runtime.h"

struct w2si_store;

/* One for each loaded file (device and inode): opening the file again gives the same module. */
struct w2s_module {
  uint64_t refs; /* under w2si_lock, like the list */
  struct w2s_module *next;
  uint64_t device;
  uint64_t inode;
  int fd; /* stays open while the file is mapped: the loader knows the file by its number, and images come from it */
  void *handle;
  const struct w2s_descriptor *descriptor;
  const struct w2s_meta *meta;
  uint64_t image_file_offset; /* of the image section */
  uint64_t id; /* never used again in this process */
  const struct w2s_descriptor *descriptor_of_file;
  uintptr_t *functions; /* of own functions, once somebody asked; or NULL (symbols.c) */
  /* made by w2s_module_derive: not in the list, and without a handle */
  struct w2s_module *base;
  struct w2s_meta *meta_copy;
  struct w2s_descriptor descriptor_copy;
  uint64_t image_bytes;
};

uint64_t w2si_module_next_id(void);
void w2si_module_free_derived(struct w2s_module *module);

const struct w2s_descriptor *w2si_instance_descriptor(const struct w2s_instance *instance);
/* The native entry of host functions of canonical type `type`, from any loaded module that knows the type; the store
 * keeps that module. NULL if there is none, or no memory to note it. */
void (*w2si_module_host_stub(struct w2si_store *store, uint32_t type))(void);

#endif
