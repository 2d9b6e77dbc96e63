/* The ELF side of a module: checks before it is loaded, and where its parts are afterwards. */
#ifndef W2SI_SOFILE_H
#define W2SI_SOFILE_H

#include "../include/wasm2so/runtime.h"

/* Read the file without mapping or running any of it: a shared object for this machine, complete, with a descriptor of
 * this ABI version. `path` is for messages. */
int32_t w2si_sofile_check(int fd, const char *path, struct w2s_error *error);

enum { W2SI_MAX_SEGMENTS = 16 };

/* A loaded object's segments. */
struct w2si_segment {
  uintptr_t start;
  uint64_t bytes;
  uint64_t file_bytes;
  uint64_t file_offset;
};
struct w2si_loaded {
  uint32_t n;
  struct w2si_segment segments[W2SI_MAX_SEGMENTS];
};

/* The segments of the object that `address` lies in. Returns 0 if there is none. */
int w2si_loaded_find(const void *address, struct w2si_loaded *out);
/* How many bytes there are from `at` to the end of its segment; 0 if it is in none. */
uint64_t w2si_loaded_room(const struct w2si_loaded *loaded, const void *at);
/* Where the file has `bytes` bytes at `at`: UINT64_MAX if it has not. */
uint64_t w2si_loaded_offset(const struct w2si_loaded *loaded, const void *at, uint64_t bytes);

#endif
