/* A hash table with open addressing, a merge sort of its contents, and a heap. */
#include "program.h"
enum { LOG = 17, SIZE = 1 << LOG, WORDS = 60000 };
struct entry {
  uint64_t key;
  uint32_t n, order;
};
static struct entry table[SIZE], list[SIZE], spare[SIZE];
static uint32_t heap[WORDS];
static struct entry *find(uint64_t key) {
  uint32_t at = (uint32_t)(key * 11400714819323198485u >> (64 - LOG));
  while (table[at].key && table[at].key != key) at = (at + 1) & (SIZE - 1);
  return &table[at];
}
static int before(const struct entry *a, const struct entry *b) {
  return a->n != b->n ? a->n > b->n : a->key < b->key;
}
static void sort(struct entry *a, struct entry *to, size_t n) {
  if (n < 8) {
    for (size_t i = 1; i < n; i++) {
      const struct entry x = a[i];
      size_t j = i;
      for (; j && before(&x, &a[j - 1]); j--) a[j] = a[j - 1];
      a[j] = x;
    }
    return;
  }
  const size_t half = n / 2;
  sort(a, to, half);
  sort(a + half, to, n - half);
  memcpy(to, a, half * sizeof *a);
  size_t i = 0, j = half, k = 0;
  while (i < half && j < n) a[k++] = before(&a[j], &to[i]) ? a[j++] : to[i++];
  while (i < half) a[k++] = to[i++];
}
static void push(size_t n, uint32_t x) {
  while (n && heap[(n - 1) / 2] > x) {
    heap[n] = heap[(n - 1) / 2];
    n = (n - 1) / 2;
  }
  heap[n] = x;
}
static uint32_t pop(size_t n) {
  const uint32_t top = heap[0], last = heap[n - 1];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= n - 1) break;
    if (child + 1 < n - 1 && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= last) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return top;
}
int main(void) {
  uint64_t hash = 1469598103934665603u;
  uint32_t seed = 5;
  for (int round = 0; round < 8; round++) {
    memset(table, 0, sizeof table);
    uint32_t n = 0;
    for (int i = 0; i < 250000; i++) {
      struct entry *entry = find(1 + next_random(&seed) % WORDS);
      if (!entry->n++) {
        entry->order = n++;
        entry->key = 1 + seed % WORDS;
      }
    }
    size_t used = 0;
    for (size_t i = 0; i < SIZE; i++) {
      if (table[i].n) list[used++] = table[i];
    }
    sort(list, spare, used);
    for (size_t i = 0; i < used; i++) push(i, list[i].order);
    for (size_t i = used; i; i--) hash = hash * 31 + pop(i);
    hash = hash_bytes(hash, list, 64 * sizeof *list);
  }
  tell("hash_sort", hash);
  return 0;
}
