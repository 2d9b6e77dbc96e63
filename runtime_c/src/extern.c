/* References to host objects (externref): where a store keeps them while none of its code runs. */
#define _GNU_SOURCE 1

#include "exception.h"
#include "fiber.h"
#include "instance.h"
#include "meta.h"
#include "type.h"

struct visitor {
  void (*visit)(void *env, uint32_t handle);
  void *env;
  uint64_t n_places;
};

static int is_extern(const struct w2s_valtype *type) {
  return (type->code == W2S_REF || type->code == W2S_REF_NULL) && type->heap == W2S_HEAP_EXTERN;
}

static void see(struct visitor *visitor, uint32_t handle) {
  visitor->n_places++;
  if (handle) visitor->visit(visitor->env, handle);
}

static void visit_table(struct visitor *visitor, const struct w2s_table *table) {
  if (!is_extern(&table->type)) return;
  for (uint64_t i = 0; i < table->n_elems; i++) see(visitor, (uint32_t)table->elems[i].word);
}

static void visit_global(struct visitor *visitor, const struct w2s_global *global) {
  union w2s_value value;
  if (!is_extern(&global->type)) return;
  w2si_value_read(&global->type, global->value, &value);
  see(visitor, value.ref);
}

static void visit_exception(struct visitor *visitor, const struct w2s_exception *exception) {
  const struct w2si_type *type = w2si_type(exception->tag->type);
  for (uint32_t i = 0; i < exception->tag->n_values; i++) {
    if (is_extern(&type->parts[i])) see(visitor, exception->values[i].ref);
  }
}

/* Its frames may hold handles anywhere, so whatever looks like one counts. What a switch saves lies on the stack, too. */
static W2SI_NO_SANITIZER void visit_fiber(struct visitor *visitor, const struct w2s_fiber *fiber) {
  const struct w2si_kept_list *kept = &fiber->context.kept;
  for (uint32_t i = 0; i < kept->n; i++) visit_exception(visitor, kept->entries[i].exception);
  if (fiber->state != W2SI_FIBER_SUSPENDED) return;
  const uint32_t *end = (const uint32_t *)(const void *)fiber->stack.high;
  for (const uint32_t *word = fiber->where.fiber_sp; word < end; word++) see(visitor, *word);
}

uint64_t w2s_visit_externs(struct w2s_store *pub, void (*visit)(void *env, uint32_t handle), void *env) {
  const struct w2si_store *store = w2si_store(pub);
  struct visitor visitor = {.visit = visit, .env = env};
  for (const struct w2s_table *table = store->tables; table; table = table->next) visit_table(&visitor, table);
  for (const struct w2si_host_global *host = store->host_globals; host; host = host->next) {
    visit_global(&visitor, &host->global);
  }
  for (const struct w2s_instance *instance = store->instances; instance; instance = instance->next) {
    for (uint32_t i = instance->meta->n_imported_globals; i < instance->meta->globals.n; i++) {
      const struct w2s_global global = w2si_global(instance, i);
      visit_global(&visitor, &global);
    }
  }
  for (uint32_t i = 0; i < store->lasting.n; i++) visit_exception(&visitor, store->lasting.entries[i].exception);
  if (store->uncaught) visit_exception(&visitor, store->uncaught);
  for (const struct w2s_fiber *fiber = store->fibers; fiber; fiber = fiber->next) visit_fiber(&visitor, fiber);
  return visitor.n_places;
}
