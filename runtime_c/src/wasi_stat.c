/* File attributes in guest memory, and times as the guest gives them. */
#define _GNU_SOURCE 1

#include <sys/stat.h>

#include "wasi_call.h"

void w2si_put_filestat(const struct w2si_call *call, uint8_t *to, const struct w2si_stat *stat) {
  memset(to, 0, call->unstable ? W2SI_UNSTABLE_FILESTAT_BYTES : W2SI_FILESTAT_BYTES);
  w2si_put64(to, stat->dev);
  w2si_put64(to + 8, stat->ino);
  to[16] = (uint8_t)stat->filetype;
  if (call->unstable) {
    w2si_put32(to + 20, stat->nlink > UINT32_MAX ? UINT32_MAX : (uint32_t)stat->nlink);
    to += 24;
  } else {
    w2si_put64(to + 24, stat->nlink);
    to += 32;
  }
  w2si_put64(to, stat->size);
  w2si_put64(to + 8, stat->atim);
  w2si_put64(to + 16, stat->mtim);
  w2si_put64(to + 24, stat->ctim);
}

static struct timespec time_of(uint64_t ns, int set, int now) {
  if (now) return (struct timespec){.tv_nsec = UTIME_NOW};
  if (!set) return (struct timespec){.tv_nsec = UTIME_OMIT};
  return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
}

int w2si_times(uint64_t atim, uint64_t mtim, uint64_t flags, struct timespec times[2]) {
  const uint64_t both_atim = W2SI_FST_ATIM | W2SI_FST_ATIM_NOW;
  const uint64_t both_mtim = W2SI_FST_MTIM | W2SI_FST_MTIM_NOW;
  if (flags & ~(uint64_t)W2SI_FSTFLAGS) return W2SI_EINVAL;
  if ((flags & both_atim) == both_atim || (flags & both_mtim) == both_mtim) return W2SI_EINVAL;
  times[0] = time_of(atim, (flags & W2SI_FST_ATIM) != 0, (flags & W2SI_FST_ATIM_NOW) != 0);
  times[1] = time_of(mtim, (flags & W2SI_FST_MTIM) != 0, (flags & W2SI_FST_MTIM_NOW) != 0);
  return 0;
}
