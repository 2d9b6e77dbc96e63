/* Exceptions: the pool, handles, tags, and those that nobody caught.
 *
 * An exception is counted: being pending is one reference, each handle (exnref) another. Small ones come from a pool that
 * only grows, so a throw allocates nothing after the first few.
 *
 * Handles. Handles that belong to a C frame are places in `kept`, a stack in the order of the frames. Nobody tells the
 * runtime that a frame is gone; but the stack grows downwards, so whoever keeps an exception at a higher frame address
 * shows that all frames below are gone. At its own address a frame says which of its handles it still has, and the
 * places of the others are used again. So a function that catches in a loop needs as many places as it has variables,
 * and one that does not throw pays nothing. Handles without a frame are places in `lasting`. */
#define _GNU_SOURCE 1

#include "exception.h"

#include <stdlib.h>

#include "errors.h"
#include "type.h"

enum { FIRST_ROOM = 16, MAX_HANDLES = 1 << 30 };
static const uint32_t lasting_bit = 0x80000000u;

static uint64_t exception_bytes(uint64_t n_slots) {
  return sizeof(struct w2s_exception) + n_slots * sizeof(union w2s_value);
}

struct w2s_exception *w2si_exception_new(struct w2si_store *store, struct w2s_tag *tag) {
  struct w2s_exception *exception = store->pub.spare;
  if (exception && tag->n_values <= W2S_EXCEPTION_SLOTS) {
    store->pub.spare = exception->next;
  } else {
    uint32_t n_slots = tag->n_values > W2S_EXCEPTION_SLOTS ? tag->n_values : W2S_EXCEPTION_SLOTS;
    uint64_t bytes = exception_bytes(n_slots);
    if (bytes > store->limits.exception_bytes ||
        store->exception_bytes > store->limits.exception_bytes - bytes) {
      return NULL;
    }
    exception = malloc(bytes);
    if (!exception) return NULL;
    exception->values = (union w2s_value *)(exception + 1);
    exception->n_slots = n_slots;
    store->exception_bytes += bytes;
  }
  exception->tag = tag;
  exception->refs = 1;
  exception->origin = 0;
  return exception;
}

void w2si_exception_release(struct w2si_store *store, struct w2s_exception *exception) {
  if (--exception->refs) return;
  if (exception->n_slots == W2S_EXCEPTION_SLOTS) {
    exception->next = store->pub.spare;
    store->pub.spare = exception;
  } else {
    store->exception_bytes -= exception_bytes(exception->n_slots);
    free(exception);
  }
}

void w2si_exception_drop_pending(struct w2si_store *store) {
  struct w2s_exception *exception = store->pub.pending;
  store->pub.pending = NULL;
  if (exception) w2si_exception_release(store, exception);
}

/* ---- handles -------------------------------------------------------------------------------------------------- */

/* Room for one more entry; 0 where the store's limit or memory does not allow it. */
static int reserve(struct w2si_store *store, struct w2si_kept_list *list) {
  if (list->n < list->room) return 1;
  uint32_t room = list->room ? list->room * 2 : FIRST_ROOM;
  uint64_t more = (uint64_t)(room - list->room) * sizeof *list->entries;
  if (room > MAX_HANDLES || more > store->limits.exception_bytes ||
      store->exception_bytes > store->limits.exception_bytes - more) {
    return 0;
  }
  struct w2si_kept *entries = realloc(list->entries, room * sizeof *entries);
  if (!entries) return 0;
  store->exception_bytes += more;
  list->entries = entries;
  list->room = room;
  return 1;
}

static void cut(struct w2si_store *store, struct w2si_kept_list *list, uint32_t n) {
  while (list->n > n) w2si_exception_release(store, list->entries[--list->n].exception);
}

static int contains(const uint32_t *live, uint32_t n_live, uint32_t handle) {
  for (uint32_t i = 0; i < n_live; i++) {
    if (live[i] == handle) return 1;
  }
  return 0;
}

/* A place for a handle of `frame`: freed entries of frames that are gone and of its own go first. 0: no memory. */
static uint32_t place_for(struct w2si_store *store, uintptr_t frame, const uint32_t *live, uint32_t n_live) {
  struct w2si_kept_list *kept = &store->kept;
  uint32_t n = kept->n;
  while (n && kept->entries[n - 1].frame < frame) n--;
  cut(store, kept, n);
  for (uint32_t handle = n; handle && kept->entries[handle - 1].frame == frame; handle--) {
    if (contains(live, n_live, handle)) continue;
    w2si_exception_release(store, kept->entries[handle - 1].exception);
    return handle;
  }
  return reserve(store, kept) ? ++kept->n : 0;
}

uint32_t w2si_exception_keep(struct w2si_store *store, const void *frame, const uint32_t *live, uint32_t n_live) {
  struct w2si_kept_list *list = frame ? &store->kept : &store->lasting;
  uint32_t handle = 0;
  if (frame) {
    handle = place_for(store, (uintptr_t)frame, live, n_live);
  } else if (reserve(store, list)) {
    handle = ++list->n;
  }
  if (!handle) return 0;
  list->entries[handle - 1] = (struct w2si_kept){.exception = store->pub.pending, .frame = (uintptr_t)frame};
  store->pub.pending = NULL;
  return frame ? handle : handle | lasting_bit;
}

struct w2s_exception *w2si_exception_of(const struct w2si_store *store, uint32_t handle) {
  const struct w2si_kept_list *list = handle & lasting_bit ? &store->lasting : &store->kept;
  uint32_t place = handle & ~lasting_bit;
  return place && place <= list->n ? list->entries[place - 1].exception : NULL;
}

void w2si_exceptions_end(struct w2si_store *store) {
  cut(store, &store->kept, 0);
  if (!store->exceptions_stored && !store->n_fibers) cut(store, &store->lasting, 0);
}

void w2si_kept_free(struct w2si_store *store, struct w2si_kept_list *list) {
  cut(store, list, 0);
  store->exception_bytes -= (uint64_t)list->room * sizeof *list->entries;
  free(list->entries);
  *list = (struct w2si_kept_list){.entries = NULL};
}

void w2si_exceptions_stored(struct w2si_store *store, const struct w2s_valtype *type) {
  if (type->code != W2S_REF && type->code != W2S_REF_NULL) return;
  if (type->heap == W2S_HEAP_EXN || type->heap == W2S_HEAP_NOEXN) store->exceptions_stored = 1;
}

/* ---- uncaught --------------------------------------------------------------------------------------------------- */

void w2si_exception_note_uncaught(struct w2si_store *store) {
  struct w2s_exception *old = store->uncaught;
  store->uncaught = store->pub.pending;
  store->pub.pending = NULL;
  if (old) w2si_exception_release(store, old);
}

struct w2s_tag *w2s_uncaught(const struct w2s_store *pub, const union w2s_value **values, uint64_t *origin) {
  const struct w2s_exception *exception = w2si_const_store(pub)->uncaught;
  *values = exception ? exception->values : NULL;
  *origin = exception ? exception->origin : 0;
  return exception ? exception->tag : NULL;
}

/* ---- the host's side -------------------------------------------------------------------------------------------- */

struct w2s_tag *w2s_tag_new(struct w2s_store *pub, uint32_t type, struct w2s_error *error) {
  struct w2si_store *store = w2si_store(pub);
  const struct w2si_type *known = w2si_type(type);
  w2si_ok(error);
  if (!known || known->kind != W2SI_KIND_FUNC || known->n_results) {
    w2si_fail(error, W2S_ERR_USAGE, "non-empty tag result type");
    return NULL;
  }
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) {
    w2si_fail_usage(error);
    return NULL;
  }
  struct w2si_host_tag *host = calloc(1, sizeof *host);
  if (host) {
    host->tag = (struct w2s_tag){.type = type, .n_values = known->n_params, .store = pub};
    host->next = store->host_tags;
    store->host_tags = host;
  } else {
    w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for a tag");
  }
  w2si_unclaim(store, claim);
  return host ? &host->tag : NULL;
}

int32_t w2s_host_throw(struct w2s_store *pub, struct w2s_tag *tag, const union w2s_value *values, uint64_t origin) {
  struct w2si_store *store = w2si_store(pub);
  if (tag->store != pub || atomic_load_explicit(&store->owner, memory_order_relaxed) != &w2si_thread) {
    return W2S_HOST_FAILED;
  }
  struct w2s_exception *exception = w2si_exception_new(store, tag);
  if (!exception) return W2S_HOST_FAILED;
  for (uint32_t i = 0; i < tag->n_values; i++) exception->values[i] = values[i];
  exception->origin = origin;
  w2si_exception_drop_pending(store);
  store->pub.pending = exception;
  return W2S_HOST_THREW;
}

void w2si_exceptions_reset(struct w2si_store *store) {
  w2si_exception_drop_pending(store);
  w2si_exception_note_uncaught(store);
  cut(store, &store->kept, 0);
  cut(store, &store->lasting, 0);
}

void w2si_exceptions_free(struct w2si_store *store) {
  w2si_exceptions_reset(store);
  free(store->kept.entries);
  free(store->lasting.entries);
  while (store->pub.spare) {
    struct w2s_exception *exception = store->pub.spare;
    store->pub.spare = exception->next;
    free(exception);
  }
  while (store->host_tags) {
    struct w2si_host_tag *host = store->host_tags;
    store->host_tags = host->next;
    free(host);
  }
}
