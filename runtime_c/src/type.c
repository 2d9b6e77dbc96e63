/* Canonical types: a recursion group is looked up by its full structure, in which references into the group are
 * relative and all others canonical ids, so equal bytes mean equal types (spec: Types, Recursive Types). */
#define _GNU_SOURCE 1

#include "type.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "meta.h"

enum { CHUNK_LOG2 = 12, CHUNK_TYPES = 1 << CHUNK_LOG2, MAX_CHUNKS = 4096, FIRST_BUCKETS = 256 };

/* A recursion group: its key, and the ids [first, first + n) of its types. */
struct group {
  struct group *next;
  uint64_t hash;
  uint32_t first;
  uint32_t n;
  size_t n_words;
  uint32_t words[];
};

/* How a reference to a type is written in a key. */
enum reference { REF_ABSTRACT, REF_CANONICAL, REF_IN_GROUP };

struct key {
  uint32_t *words;
  size_t n;
  size_t capacity;
};

static struct registry {
  pthread_mutex_t lock;
  _Atomic(struct w2si_type *) chunks[MAX_CHUNKS];
  _Atomic(uint32_t) n; /* ids in use are 1 .. n */
  struct group **buckets;
  size_t n_buckets; /* a power of two */
  size_t n_groups;
  uint64_t seed[2]; /* so that nobody can prepare colliding types */
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t atfork_once = PTHREAD_ONCE_INIT;

static void lock_registry(void) { pthread_mutex_lock(&registry.lock); }
static void unlock_registry(void) { pthread_mutex_unlock(&registry.lock); }
static void register_atfork(void) { pthread_atfork(lock_registry, unlock_registry, unlock_registry); }

void w2si_lock(void) {
  pthread_once(&atfork_once, register_atfork);
  lock_registry();
}

void w2si_unlock(void) { unlock_registry(); }

struct w2si_type *w2si_type(uint32_t id) {
  if (id == 0 || id > atomic_load_explicit(&registry.n, memory_order_acquire)) return NULL;
  struct w2si_type *chunk = atomic_load_explicit(&registry.chunks[(id - 1) >> CHUNK_LOG2], memory_order_relaxed);
  return &chunk[(id - 1) & (CHUNK_TYPES - 1)];
}

/* ---- hashing: SipHash-1-3 over 32-bit words ------------------------------------------------------------- */

static uint64_t rotate(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }

static void sip_round(uint64_t v[4]) {
  v[0] += v[1];
  v[1] = rotate(v[1], 13) ^ v[0];
  v[0] = rotate(v[0], 32);
  v[2] += v[3];
  v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3];
  v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1];
  v[1] = rotate(v[1], 17) ^ v[2];
  v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  sip_round(v);
  v[0] ^= word;
}

static uint64_t hash_words(const uint32_t *words, size_t n) {
  uint64_t v[4] = {registry.seed[0] ^ 0x736f6d6570736575, registry.seed[1] ^ 0x646f72616e646f6d,
                   registry.seed[0] ^ 0x6c7967656e657261, registry.seed[1] ^ 0x7465646279746573};
  size_t i = 0;
  for (; i + 1 < n; i += 2) sip_word(v, words[i] | (uint64_t)words[i + 1] << 32);
  sip_word(v, (i < n ? words[i] : 0) | (uint64_t)n << 32);
  v[2] ^= 0xff;
  for (int k = 0; k < 3; k++) sip_round(v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Make room in the hash table, and seed it at first. */
static int reserve_buckets(void) {
  if (registry.n_groups < registry.n_buckets) return 0;
  size_t n = registry.n_buckets ? registry.n_buckets * 2 : FIRST_BUCKETS;
  struct group **fresh = calloc(n, sizeof *fresh);
  if (!fresh) return ENOMEM;
  if (!registry.n_buckets && getrandom(registry.seed, sizeof registry.seed, GRND_NONBLOCK) != sizeof registry.seed) {
    registry.seed[0] = (uint64_t)time(NULL) * 0x9e3779b97f4a7c15;
    registry.seed[1] = (uint64_t)(uintptr_t)fresh;
  }
  for (size_t i = 0; i < registry.n_buckets; i++) {
    struct group *next;
    for (struct group *group = registry.buckets[i]; group; group = next) {
      next = group->next;
      group->next = fresh[group->hash & (n - 1)];
      fresh[group->hash & (n - 1)] = group;
    }
  }
  free(registry.buckets);
  registry.buckets = fresh;
  registry.n_buckets = n;
  return 0;
}

/* ---- keys ------------------------------------------------------------------------------------------------ */

static int key_reserve(struct key *key, size_t more) {
  if (more <= key->capacity - key->n) return 0;
  size_t capacity = (key->n + more) * 2;
  uint32_t *words = realloc(key->words, capacity * sizeof *words);
  if (!words) return ENOMEM;
  key->words = words;
  key->capacity = capacity;
  return 0;
}

/* A reference as the key has it. `ids` gives the canonical ids of the module's earlier types; where it is NULL,
 * references are canonical already. */
static void key_reference(struct key *key, int32_t heap, const struct w2s_meta_type *type, const uint32_t *ids) {
  enum reference how = heap < 0 ? REF_ABSTRACT : (uint32_t)heap >= type->rec_start ? REF_IN_GROUP : REF_CANONICAL;
  key->words[key->n++] = how;
  key->words[key->n++] = how == REF_ABSTRACT    ? (uint32_t)heap
                         : how == REF_IN_GROUP ? (uint32_t)heap - type->rec_start
                         : ids                 ? ids[heap]
                                               : (uint32_t)heap;
}

static uint32_t n_parts(const struct w2s_meta_type *type) { return type->n_params + type->n_results; }

static int is_reference(uint32_t code) { return code == W2S_REF || code == W2S_REF_NULL; }

/* One type: a head of 7 words, then 3 for each part. */
enum { HEAD_WORDS = 7, PART_WORDS = 3 };

static int key_add(struct key *key, const struct w2s_meta_type *type, const struct w2s_valtype *parts,
                   const uint32_t *ids) {
  uint32_t n = n_parts(type);
  if (key_reserve(key, HEAD_WORDS + (size_t)n * PART_WORDS)) return ENOMEM;
  key->words[key->n++] = type->kind;
  key->words[key->n++] = type->final_ != 0;
  key->words[key->n++] = type->super_ >= 0;
  key_reference(key, type->super_, type, ids);
  key->words[key->n++] = type->n_params;
  key->words[key->n++] = type->n_results;
  for (uint32_t i = 0; i < n; i++) {
    int is_ref = is_reference(parts[i].code);
    int is_field = type->kind != W2SI_KIND_FUNC;
    key->words[key->n++] = parts[i].code | (is_field && parts[i].mutable_ ? 1u << 16 : 0);
    key_reference(key, is_ref ? parts[i].heap : -1, type, ids);
  }
  return 0;
}

/* ---- types ------------------------------------------------------------------------------------------------ */

/* Read a reference back from a key; `first` is the id of the group's first type. */
static int32_t read_reference(const uint32_t *words, uint32_t first) {
  return words[0] == REF_IN_GROUP ? (int32_t)(first + words[1]) : (int32_t)words[1];
}

/* The slot of id `id`, which is not in use yet; NULL if there is no memory or the registry is full. */
static struct w2si_type *new_slot(uint32_t id) {
  uint32_t nth = (id - 1) >> CHUNK_LOG2;
  if (nth >= MAX_CHUNKS) return NULL;
  struct w2si_type *chunk = registry.chunks[nth];
  if (!chunk) {
    chunk = calloc(CHUNK_TYPES, sizeof *chunk);
    if (!chunk) return NULL;
    atomic_store_explicit(&registry.chunks[nth], chunk, memory_order_release);
  }
  return &chunk[(id - 1) & (CHUNK_TYPES - 1)];
}

/* The slot of a type that is published, or that belongs to the group being built. */
static const struct w2si_type *slot(uint32_t id) {
  return &registry.chunks[(id - 1) >> CHUNK_LOG2][(id - 1) & (CHUNK_TYPES - 1)];
}

/* Fill the slot of `id` from its part of a key. Returns the number of words read, or 0 without memory. */
static size_t build_type(uint32_t id, const uint32_t *words, uint32_t first) {
  struct w2si_type *type = new_slot(id);
  if (!type) return 0;
  uint32_t n = words[5] + words[6];
  uint32_t super_ = words[2] ? (uint32_t)read_reference(words + 3, first) : 0;
  const struct w2si_type *parent = super_ ? slot(super_) : NULL;
  uint32_t depth = parent ? parent->depth + 1 : 0;
  if (depth > W2SI_MAX_SUPERS) return 0;
  struct w2s_valtype *parts = calloc(n ? n : 1, sizeof *parts);
  uint32_t *display = calloc(depth + 1, sizeof *display);
  if (!parts || !display) {
    free(parts);
    free(display);
    return 0;
  }
  if (parent) memcpy(display, parent->display, depth * sizeof *display);
  display[depth] = id;
  const uint32_t *at = words + HEAD_WORDS;
  for (uint32_t i = 0; i < n; i++, at += PART_WORDS) {
    parts[i].code = (uint16_t)at[0];
    parts[i].mutable_ = (uint16_t)(at[0] >> 16);
    parts[i].heap = is_reference(parts[i].code) ? read_reference(at + 1, first) : 0;
  }
  *type = (struct w2si_type){.kind = words[0], .final_ = words[1], .super_ = super_, .depth = depth,
                             .n_params = words[5], .n_results = words[6], .parts = parts, .display = display};
  return (size_t)(at - words);
}

/* Undo build_type for ids [first, first + n). */
static void drop_types(uint32_t first, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    struct w2si_type *type = new_slot(first + i);
    free(type->parts);
    free(type->display);
    memset(type, 0, sizeof *type);
  }
}

static struct group *find_group(const struct key *key, uint64_t hash) {
  struct group *group = registry.buckets[hash & (registry.n_buckets - 1)];
  for (; group; group = group->next) {
    if (group->hash == hash && group->n_words == key->n &&
        memcmp(group->words, key->words, key->n * sizeof *key->words) == 0) {
      break;
    }
  }
  return group;
}

/* The id of the first type of the group with this key, made if it is new; 0 without memory. */
static uint32_t intern_group(const struct key *key, uint32_t n) {
  if (reserve_buckets()) return 0;
  uint64_t hash = hash_words(key->words, key->n);
  struct group *group = find_group(key, hash);
  if (group) return group->first;
  group = malloc(sizeof *group + key->n * sizeof *group->words);
  if (!group) return 0;
  uint32_t first = registry.n + 1;
  const uint32_t *at = key->words;
  for (uint32_t i = 0; i < n; i++) {
    size_t read = build_type(first + i, at, first);
    if (!read) {
      drop_types(first, i);
      free(group);
      return 0;
    }
    at += read;
  }
  *group = (struct group){.hash = hash, .first = first, .n = n, .n_words = key->n};
  memcpy(group->words, key->words, key->n * sizeof *key->words);
  struct group **bucket = &registry.buckets[hash & (registry.n_buckets - 1)];
  group->next = *bucket;
  *bucket = group;
  registry.n_groups++;
  atomic_store_explicit(&registry.n, first + n - 1, memory_order_release);
  return first;
}

int w2si_types_intern(const struct w2s_meta *meta, uint32_t *ids) {
  const struct w2s_meta_type *types = w2si_meta_types(meta);
  const struct w2s_valtype *valtypes = w2si_meta_valtypes(meta);
  struct key key = {0};
  int failed = 0;
  for (uint32_t at = 0; at < meta->types.n && !failed; at += types[at].rec_n) {
    uint32_t n = types[at].rec_n;
    key.n = 0;
    for (uint32_t i = at; i < at + n && !failed; i++) failed = key_add(&key, &types[i], valtypes + types[i].first, ids);
    uint32_t first = failed ? 0 : intern_group(&key, n);
    if (!first) failed = ENOMEM;
    /* The ids may stand there already, and be in use by other threads: write only what differs. */
    for (uint32_t i = 0; i < n && !failed; i++) {
      if (ids[at + i] != first + i) ids[at + i] = first + i;
    }
  }
  free(key.words);
  return failed;
}

uint32_t w2s_type_intern_func(const struct w2s_valtype *params, size_t n_params, const struct w2s_valtype *results,
                              size_t n_results) {
  if (n_params > W2S_MAX_RESULTS || n_results > W2S_MAX_RESULTS) return 0;
  struct w2s_valtype *parts = calloc(n_params + n_results + 1, sizeof *parts);
  if (!parts) return 0;
  if (n_params) memcpy(parts, params, n_params * sizeof *parts);
  if (n_results) memcpy(parts + n_params, results, n_results * sizeof *parts);
  struct w2s_meta_type type = {.kind = W2SI_KIND_FUNC, .final_ = 1, .super_ = -1, .rec_start = UINT32_MAX, .rec_n = 1,
                               .n_params = (uint32_t)n_params, .n_results = (uint32_t)n_results};
  int bad = 0;
  for (size_t i = 0; i < n_params + n_results; i++) {
    bad |= is_reference(parts[i].code) && parts[i].heap >= 0 && !w2si_type((uint32_t)parts[i].heap);
  }
  struct key key = {0};
  uint32_t id = 0;
  if (!bad && !key_add(&key, &type, parts, NULL)) {
    w2si_lock();
    id = intern_group(&key, 1);
    w2si_unlock();
  }
  free(key.words);
  free(parts);
  return id;
}
