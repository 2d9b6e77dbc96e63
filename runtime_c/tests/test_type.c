/* Canonical types and subtyping. */
#define _GNU_SOURCE 1

#include <pthread.h>

#include "../src/meta.h"
#include "../src/type.h"
#include "guest.h"

enum { MAX_TYPES = 8, MAX_PARTS = 16 };

/* A metadata blob with nothing but types. */
struct types {
  struct w2s_meta meta;
  struct w2s_meta_type types[MAX_TYPES] __attribute__((aligned(16)));
  struct w2s_valtype parts[MAX_PARTS] __attribute__((aligned(16)));
  uint32_t n_parts;
  uint32_t ids[MAX_TYPES];
};

static const struct w2s_valtype i32 = {.code = W2S_I32};
static const struct w2s_valtype i64 = {.code = W2S_I64};

static struct w2s_valtype ref(uint16_t code, int32_t heap) { return (struct w2s_valtype){.code = code, .heap = heap}; }

static void begin(struct types *t) {
  memset(t, 0, sizeof *t);
  t->meta.types.offset = __builtin_offsetof(struct types, types);
  t->meta.valtypes.offset = __builtin_offsetof(struct types, parts);
}

/* Add a type with one part (a parameter or a field), in a recursion group of `n` from `start`. */
static void add(struct types *t, uint32_t kind, int final_, int super_, uint32_t start, uint32_t n, struct w2s_valtype part) {
  int is_func = kind == W2SI_KIND_FUNC;
  t->parts[t->n_parts] = part;
  t->types[t->meta.types.n++] = (struct w2s_meta_type){
      .kind = kind, .final_ = (uint32_t)final_, .super_ = super_, .rec_start = start, .rec_n = n, .first = t->n_parts++,
      .n_params = is_func, .n_results = !is_func};
}

static void intern(struct types *t) {
  w2si_lock();
  CHECK(w2si_types_intern(&t->meta, t->ids) == 0);
  w2si_unlock();
}

static void test_funcs(void) {
  const struct w2s_valtype two[] = {i32, i64};
  uint32_t a = w2s_type_intern_func(two, 2, two, 1);
  CHECK(a && a == w2s_type_intern_func(two, 2, two, 1));
  CHECK(a != w2s_type_intern_func(two, 1, two, 2) && a != w2s_type_intern_func(two, 1, two, 1));
  const struct w2s_valtype *params, *results;
  size_t n_params, n_results;
  CHECK(w2s_type_func(a, &params, &n_params, &results, &n_results));
  CHECK(n_params == 2 && n_results == 1 && params[1].code == W2S_I64 && results[0].code == W2S_I32);
  CHECK(!w2s_type_func(0, &params, &n_params, &results, &n_results));
  CHECK(!w2s_type_func(0x7fffffff, &params, &n_params, &results, &n_results));
  CHECK(w2s_type_intern_func(two, 1001, NULL, 0) == 0);
  struct w2s_valtype typed = ref(W2S_REF, (int32_t)a);
  uint32_t b = w2s_type_intern_func(&typed, 1, NULL, 0);
  CHECK(b && b == w2s_type_intern_func(&typed, 1, NULL, 0));
  typed.heap = 0x7ffffff0; /* no such type */
  CHECK(w2s_type_intern_func(&typed, 1, NULL, 0) == 0);
  /* A module's type of the same structure is the same type; one that is not final is another. */
  struct types t;
  begin(&t);
  add(&t, W2SI_KIND_FUNC, 1, -1, 0, 1, ref(W2S_REF, 0)); /* of itself */
  add(&t, W2SI_KIND_FUNC, 1, -1, 1, 1, i32);
  add(&t, W2SI_KIND_FUNC, 0, -1, 2, 1, i32);
  intern(&t);
  CHECK(t.ids[1] == w2s_type_intern_func(&i32, 1, NULL, 0) && t.ids[2] != t.ids[1]);
  CHECK(w2si_type(t.ids[0])->parts[0].heap == (int32_t)t.ids[0]);
}

static void test_groups(void) {
  struct types a, b;
  /* rec { struct (ref 1), struct (ref 0) }, twice at different indices */
  begin(&a);
  add(&a, W2SI_KIND_STRUCT, 1, -1, 0, 2, ref(W2S_REF_NULL, 1));
  add(&a, W2SI_KIND_STRUCT, 1, -1, 0, 2, ref(W2S_REF_NULL, 0));
  begin(&b);
  add(&b, W2SI_KIND_FUNC, 1, -1, 0, 1, i64);
  add(&b, W2SI_KIND_STRUCT, 1, -1, 1, 2, ref(W2S_REF_NULL, 2));
  add(&b, W2SI_KIND_STRUCT, 1, -1, 1, 2, ref(W2S_REF_NULL, 1));
  add(&b, W2SI_KIND_STRUCT, 1, -1, 3, 1, ref(W2S_REF_NULL, 2)); /* alone: refers to the group before */
  add(&b, W2SI_KIND_STRUCT, 1, -1, 4, 1, ref(W2S_REF_NULL, 4)); /* alone: to itself */
  intern(&a);
  intern(&b);
  CHECK(a.ids[0] == b.ids[1] && a.ids[1] == b.ids[2] && a.ids[1] == a.ids[0] + 1);
  CHECK(b.ids[3] != a.ids[0] && b.ids[3] != a.ids[1] && b.ids[4] != b.ids[3]);
  CHECK(w2si_type(b.ids[3])->parts[0].heap == (int32_t)a.ids[1]);
  /* Mutability and packed storage count. */
  struct types c;
  begin(&c);
  add(&c, W2SI_KIND_ARRAY, 1, -1, 0, 1, (struct w2s_valtype){.code = W2S_I8});
  add(&c, W2SI_KIND_ARRAY, 1, -1, 1, 1, (struct w2s_valtype){.code = W2S_I8, .mutable_ = 1});
  add(&c, W2SI_KIND_STRUCT, 1, -1, 2, 1, (struct w2s_valtype){.code = W2S_I8});
  intern(&c);
  CHECK(c.ids[0] != c.ids[1] && c.ids[0] != c.ids[2] && w2si_type(c.ids[1])->parts[0].mutable_ == 1);
}

static int matches(struct w2s_valtype a, struct w2s_valtype b) { return w2s_valtype_matches(&a, &b); }

static void test_subtypes(void) {
  struct types t;
  begin(&t);
  add(&t, W2SI_KIND_STRUCT, 0, -1, 0, 1, i32);
  add(&t, W2SI_KIND_STRUCT, 0, 0, 1, 1, i32);
  add(&t, W2SI_KIND_STRUCT, 1, 1, 2, 1, i32);
  add(&t, W2SI_KIND_STRUCT, 1, 0, 3, 1, i32);
  add(&t, W2SI_KIND_FUNC, 1, -1, 4, 1, i32);
  add(&t, W2SI_KIND_ARRAY, 1, -1, 5, 1, i32);
  intern(&t);
  CHECK(w2si_type_matches(t.ids[2], t.ids[0]) && w2si_type_matches(t.ids[2], t.ids[1]) && w2si_type_matches(t.ids[2], t.ids[2]));
  CHECK(!w2si_type_matches(t.ids[0], t.ids[2]) && !w2si_type_matches(t.ids[3], t.ids[1]) && w2si_type_matches(t.ids[3], t.ids[0]));
  CHECK(!w2si_type_matches(t.ids[4], t.ids[0]) && !w2si_type_matches(0, t.ids[0]) && !w2si_type_matches(t.ids[0], 0));
  int32_t s0 = (int32_t)t.ids[0], s2 = (int32_t)t.ids[2], f = (int32_t)t.ids[4], a = (int32_t)t.ids[5];
  CHECK(matches(i32, i32) && !matches(i32, i64) && !matches(i32, ref(W2S_REF, W2S_HEAP_ANY)));
  CHECK(matches(ref(W2S_REF, s2), ref(W2S_REF_NULL, s0)) && !matches(ref(W2S_REF_NULL, s2), ref(W2S_REF, s0)));
  CHECK(!matches(ref(W2S_REF, s0), i32));
  static const struct { int32_t low, high; } below[] = {
      {W2S_HEAP_EQ, W2S_HEAP_ANY}, {W2S_HEAP_I31, W2S_HEAP_EQ}, {W2S_HEAP_STRUCT, W2S_HEAP_EQ}, {W2S_HEAP_ARRAY, W2S_HEAP_ANY},
      {W2S_HEAP_NONE, W2S_HEAP_ANY}, {W2S_HEAP_NONE, W2S_HEAP_I31}, {W2S_HEAP_NOFUNC, W2S_HEAP_FUNC},
      {W2S_HEAP_NOEXTERN, W2S_HEAP_EXTERN}, {W2S_HEAP_NOEXN, W2S_HEAP_EXN}};
  for (size_t k = 0; k < sizeof below / sizeof below[0]; k++) {
    CHECK(matches(ref(W2S_REF, below[k].low), ref(W2S_REF, below[k].high)));
    CHECK(!matches(ref(W2S_REF, below[k].high), ref(W2S_REF, below[k].low)));
  }
  CHECK(matches(ref(W2S_REF, s0), ref(W2S_REF, W2S_HEAP_STRUCT)) && matches(ref(W2S_REF, s0), ref(W2S_REF, W2S_HEAP_ANY)));
  CHECK(!matches(ref(W2S_REF, s0), ref(W2S_REF, W2S_HEAP_ARRAY)) && !matches(ref(W2S_REF, s0), ref(W2S_REF, W2S_HEAP_FUNC)));
  CHECK(matches(ref(W2S_REF, f), ref(W2S_REF, W2S_HEAP_FUNC)) && !matches(ref(W2S_REF, f), ref(W2S_REF, W2S_HEAP_ANY)));
  CHECK(matches(ref(W2S_REF, a), ref(W2S_REF, W2S_HEAP_ARRAY)) && matches(ref(W2S_REF, W2S_HEAP_NONE), ref(W2S_REF, a)));
  CHECK(matches(ref(W2S_REF, W2S_HEAP_NOFUNC), ref(W2S_REF, f)) && !matches(ref(W2S_REF, W2S_HEAP_NONE), ref(W2S_REF, f)));
  CHECK(!matches(ref(W2S_REF, W2S_HEAP_EXTERN), ref(W2S_REF, W2S_HEAP_ANY)));
}

/* Many types from several threads at once: each structure gets one id. */
enum { N_THREADS = 4, N_MANY = 3000 };

static void *intern_many(void *data) {
  uint32_t *ids = data;
  for (uint32_t k = 0; k < N_MANY; k++) {
    struct w2s_valtype params[13];
    for (int bit = 0; bit < 13; bit++) params[bit] = k >> bit & 1 ? i32 : i64;
    ids[k] = w2s_type_intern_func(params, 13, NULL, 0);
  }
  return NULL;
}

static void test_threads(void) {
  static uint32_t ids[N_THREADS][N_MANY];
  pthread_t threads[N_THREADS];
  for (int k = 0; k < N_THREADS; k++) CHECK(!pthread_create(&threads[k], NULL, intern_many, ids[k]));
  for (int k = 0; k < N_THREADS; k++) pthread_join(threads[k], NULL);
  for (int k = 1; k < N_THREADS; k++) CHECK(memcmp(ids[0], ids[k], sizeof ids[0]) == 0);
  for (int k = 1; k < N_MANY; k++) CHECK(ids[0][k] && ids[0][k] != ids[0][k - 1]);
}

int main(int argc, char **argv) {
  CHECK(argc == 2 && argv[1]);
  test_funcs();
  test_groups();
  test_subtypes();
  test_threads();
  return 0;
}
