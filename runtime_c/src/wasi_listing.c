/* Reading host directories. Cookies are the kernel's own directory positions, so they stay good whatever is added or
 * removed; entries are read ahead in blocks, so that a guest with a tiny buffer costs no system call for each. */
#define _GNU_SOURCE 1

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wasi_host.h"

enum { BLOCK_BYTES = 32 << 10 };

struct w2si_listing {
  uint64_t cookie; /* of the entry at `at` */
  size_t at;
  uint64_t last_cookie; /* of the entry read last, which a guest without room for it asks for again */
  size_t last_at;
  size_t n;        /* bytes in `block` */
  uint64_t own_ino;
  _Alignas(8) uint8_t block[BLOCK_BYTES];
};

void w2si_listing_free(struct w2si_listing *listing) { free(listing); }

static uint32_t filetype_of(uint8_t type) {
  switch (type) {
    case DT_BLK: return W2SI_FILETYPE_BLOCK_DEVICE;
    case DT_CHR: return W2SI_FILETYPE_CHARACTER_DEVICE;
    case DT_DIR: return W2SI_FILETYPE_DIRECTORY;
    case DT_LNK: return W2SI_FILETYPE_SYMBOLIC_LINK;
    case DT_REG: return W2SI_FILETYPE_REGULAR_FILE;
    case DT_SOCK: return W2SI_FILETYPE_SOCKET_STREAM;
    default: return W2SI_FILETYPE_UNKNOWN;
  }
}

static int make_listing(struct w2si_host_desc *own) {
  struct w2si_stat status;
  if (own->listing) return 0;
  int failed = w2si_host_stat(&own->desc, &status);
  if (failed) return failed;
  own->listing = malloc(sizeof *own->listing);
  if (!own->listing) return W2SI_ENOMEM;
  own->listing->at = own->listing->n = 0;
  own->listing->cookie = own->listing->last_cookie = 0;
  own->listing->own_ino = status.ino;
  return 0;
}

/* Read the block that begins at `cookie`. */
static int fill(struct w2si_host_desc *own, uint64_t cookie) {
  struct w2si_listing *listing = own->listing;
  listing->at = listing->n = 0;
  listing->last_cookie = 0;
  if (cookie > INT64_MAX) return W2SI_EINVAL;
  if (lseek(own->fd, (off_t)cookie, SEEK_SET) < 0) return w2si_errno(errno);
  for (;;) {
    long n = syscall(SYS_getdents64, own->fd, listing->block, sizeof listing->block); /* newer than some C libraries */
    if (n >= 0) {
      listing->n = (size_t)n;
      listing->cookie = cookie;
      return 0;
    }
    if (errno == ENOENT) return 0; /* the directory was removed: it is empty */
    int failed = w2si_host_retry(own, errno, 0);
    if (failed) return failed;
  }
}

int w2si_host_entry(struct w2si_desc *desc, uint64_t cookie, struct w2si_entry *out) {
  struct w2si_host_desc *own = w2si_as_host(desc);
  *out = (struct w2si_entry){.n = 0};
  int failed = make_listing(own);
  if (failed) return failed;
  struct w2si_listing *listing = own->listing;
  if (cookie && cookie == listing->last_cookie) {
    listing->at = listing->last_at;
    listing->cookie = cookie;
  }
  const int goes_on = cookie && listing->cookie == cookie;
  if (!goes_on || listing->at >= listing->n) failed = fill(own, cookie);
  if (failed || listing->at >= listing->n) return failed;
  const struct dirent64 *entry = (const struct dirent64 *)(listing->block + listing->at);
  const int is_parent = strcmp(entry->d_name, "..") == 0; /* may be outside: its number is nobody's business */
  *out = (struct w2si_entry){.next = (uint64_t)entry->d_off,
                             .ino = is_parent ? listing->own_ino : entry->d_ino,
                             .name = entry->d_name,
                             .n = (uint32_t)strlen(entry->d_name),
                             .filetype = filetype_of(entry->d_type)};
  listing->last_at = listing->at;
  listing->last_cookie = cookie;
  listing->at += entry->d_reclen;
  listing->cookie = (uint64_t)entry->d_off;
  return 0;
}
