/* The fault handler (SIGSEGV, SIGBUS). */
#ifndef W2SI_FAULT_H
#define W2SI_FAULT_H

#include "thread.h"

/* Look whether the handler is still installed if that was not done within the last fraction of a microsecond.
 * Called at every outermost entry into a store with guarded memories. */
void w2si_fault_recheck(struct w2si_thread *thread);

#endif
