/* Objects that wasm code refers to (externref).
 *
 * Wasm code holds 32-bit handles: places in a table of the store. Which ones it still holds is known only while none of its
 * code runs: then they are all in tables, globals and exceptions. So a collection marks those between two calls, once
 * enough handles have been given out since the last one to be worth the walk, and frees all other places. */
#include "pyruntime.h"

#include <string.h>

struct w2s_py_extern {
  PyObject *object; /* NULL: the place is free, or its object was cleared */
  uint32_t next;    /* of the free ones */
  uint32_t flags;
};

enum { FREE = 1, MARKED = 2, FIRST_ROOM = 16, MIN_DUE = 256, MAX_HANDLES = 1 << 26 };

static int make_room(struct w2s_py_externs *self) {
  if (self->n < self->room) return 0;
  if (self->n >= MAX_HANDLES) {
    PyErr_SetString(w2s_py.ResourceError, "too many externref objects in the store");
    return -1;
  }
  const uint32_t room = self->room ? self->room * 2 : FIRST_ROOM;
  struct w2s_py_extern *entries = PyMem_Realloc(self->entries, room * sizeof *entries);
  if (entries == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  self->entries = entries;
  self->room = room;
  if (self->n == 0) {
    memset(&entries[0], 0, sizeof entries[0]);
    self->n = 1;
    self->due = MIN_DUE;
  }
  return 0;
}

int w2s_py_extern_handle(struct w2s_py_store *store, PyObject *object, uint32_t *out) {
  struct w2s_py_externs *self = &store->externs;
  *out = 0;
  if (object == Py_None) return 0;
  uint32_t handle = self->free;
  if (handle != 0) {
    self->free = self->entries[handle].next;
  } else {
    if (make_room(self) < 0) return -1;
    handle = self->n++;
  }
  self->entries[handle] = (struct w2s_py_extern){.object = Py_NewRef(object)};
  self->n_new++;
  *out = handle;
  return 0;
}

PyObject *w2s_py_extern_object(struct w2s_py_store *store, uint32_t handle) {
  const struct w2s_py_externs *self = &store->externs;
  if (handle == 0) return Py_NewRef(Py_None);
  if (handle >= self->n || (self->entries[handle].flags & FREE)) {
    return PyErr_Format(w2s_py.UsageError, "externref %u is not of this store", (unsigned)handle);
  }
  PyObject *object = self->entries[handle].object;
  return Py_NewRef(object != NULL ? object : Py_None);
}

static void mark(void *env, uint32_t handle) {
  const struct w2s_py_externs *self = env;
  if (handle < self->n) self->entries[handle].flags |= MARKED;
}

/* Free the places that are not marked; their objects go into `dead`, which has room for them. Returns how many. */
static uint32_t sweep(struct w2s_py_externs *self, PyObject **dead) {
  uint32_t n_dead = 0;
  for (uint32_t handle = self->n - 1; handle > 0; handle--) {
    struct w2s_py_extern *entry = &self->entries[handle];
    const uint32_t flags = entry->flags;
    entry->flags &= ~(uint32_t)MARKED;
    if (flags & (FREE | MARKED)) continue;
    if (entry->object != NULL) dead[n_dead++] = entry->object;
    *entry = (struct w2s_py_extern){.next = self->free, .flags = FREE};
    self->free = handle;
  }
  return n_dead;
}

void w2s_py_externs_collect(struct w2s_py_store *store) {
  struct w2s_py_externs *self = &store->externs;
  if (self->n == 0 || store->store == NULL) return;
  PyObject **dead = PyMem_Malloc(self->n * sizeof *dead);
  if (dead == NULL) return; /* later, then */
  const uint64_t n_places = w2s_visit_externs(store->store, mark, self);
  const uint32_t n_dead = sweep(self, dead);
  /* the walk costs the places it reads and the entries it frees: as many new handles pay for the next one */
  const uint64_t due = (n_places + self->n) / 4 + MIN_DUE;
  self->due = due < MAX_HANDLES ? (uint32_t)due : MAX_HANDLES;
  self->n_new = 0;
  Py_INCREF((PyObject *)store);
  for (uint32_t i = 0; i < n_dead; i++) Py_DECREF(dead[i]);
  Py_DECREF((PyObject *)store);
  PyMem_Free(dead);
}

int w2s_py_externs_traverse(const struct w2s_py_externs *self, visitproc visit, void *arg) {
  for (uint32_t handle = 1; handle < self->n; handle++) Py_VISIT(self->entries[handle].object);
  return 0;
}

void w2s_py_externs_clear(struct w2s_py_externs *self) {
  for (uint32_t handle = 1; handle < self->n; handle++) Py_CLEAR(self->entries[handle].object);
}

void w2s_py_externs_free(struct w2s_py_externs *self) {
  w2s_py_externs_clear(self);
  PyMem_Free(self->entries);
  *self = (struct w2s_py_externs){.entries = NULL};
}
