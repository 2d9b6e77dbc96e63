/* Threads that wait at an address of a shared memory (memory.atomic.wait and notify). */
#ifndef W2SI_WAIT_H
#define W2SI_WAIT_H

#include <stdint.h>

/* If the `n_bytes` (4 or 8) at `cell` equal `expected`, wait until notified, for at most `timeout_ns` nanoseconds, without
 * end if that is negative. At least every 50 ms `poll` is called, if not NULL, without locks; non-zero gives up.
 * Returns an enum w2s_wait_result. */
int32_t w2si_wait(const void *cell, uint64_t expected, uint32_t n_bytes, int64_t timeout_ns,
                  int32_t (*poll)(void *env), void *env);
/* Wake at most `most` of those that wait at `cell`, first come first served. Returns how many. */
uint32_t w2si_notify(const void *cell, uint32_t most);

#endif
