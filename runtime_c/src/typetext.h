/* Types as text, for messages. */
#ifndef W2SI_TYPETEXT_H
#define W2SI_TYPETEXT_H

#include "../include/wasm2so/runtime.h"

/* Text that is cut at the end of its room. */
struct w2si_text {
  char chars[160];
  size_t n;
};

void w2si_add(struct w2si_text *text, const char *more);
void w2si_add_type(struct w2si_text *text, const struct w2s_valtype *type);
struct w2si_text w2si_func_text(uint32_t id);
struct w2si_text w2si_global_text(const struct w2s_valtype *type, uint32_t is_mutable);
/* "what {min, max}more" */
struct w2si_text w2si_limits_text(const char *what, const char *more, uint64_t min, int has_max, uint64_t max);

#endif
