/* Opening modules: files that are foreign, stale or cut short are refused; damaged metadata is noticed. */
#define _GNU_SOURCE 1

#include <sys/mman.h>
#include <sys/stat.h>

#include "../src/constexpr.h"
#include "../src/meta.h"
#include "../src/module.h"
#include "guest.h"

static const char *folder;

static int32_t open_fd(int fd, const char *name, struct w2s_module **out, struct w2s_error *error) {
  int32_t status = w2s_module_open(fd, name, out, error);
  CHECK(status == error->status && (status == W2S_OK) == (*out != NULL));
  return status;
}

static void expect_refused(const char *variant, const char *why) {
  char path[300];
  struct w2s_module *module;
  struct w2s_error error;
  snprintf(path, sizeof path, "%s/guest_%s.so", folder, variant);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0 && open_fd(fd, path, &module, &error) == W2S_ERR_FORMAT);
  if (!strstr(error.message, why)) fprintf(stderr, "%s\n", error.message);
  CHECK(strstr(error.message, why) && strstr(error.message, variant));
  close(fd);
}

static void expect_bytes_refused(const void *bytes, size_t n, const char *why) {
  struct w2s_module *module;
  struct w2s_error error;
  int fd = memfd_create("bytes", MFD_CLOEXEC);
  CHECK(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
  CHECK(open_fd(fd, "a\x1b[31m\nname", &module, &error) == W2S_ERR_FORMAT);
  CHECK(strstr(error.message, why) && strstr(error.message, "\"a?[31m?name\""));
  close(fd);
}

/* A file in memory. */
static uint8_t *read_file(const char *variant, size_t *n) {
  char path[300];
  struct stat status;
  snprintf(path, sizeof path, "%s/guest_%s.so", folder, variant);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0 && fstat(fd, &status) == 0);
  *n = (size_t)status.st_size;
  uint8_t *bytes = malloc(*n);
  CHECK(bytes && read(fd, bytes, *n) == status.st_size);
  close(fd);
  return bytes;
}

static void test_files(void) {
  size_t n;
  uint8_t *bytes = read_file("PLAIN", &n);
  struct w2s_module *module;
  struct w2s_error error;
  expect_refused("FOREIGN", "was not made by wasm2so");
  expect_refused("STALE", "another version of wasm2so");
  if (w2s_cpu_level()) expect_refused("BIG_CPU", "needs an x86-64-v9 processor");
  expect_bytes_refused("", 0, "too short");
  static const char script[] = "#!/bin/sh\necho hello, this is a script, longer than the head of an ELF file\n";
  expect_bytes_refused(script, sizeof script, "no ELF file");
  for (size_t cut = 0; cut < n; cut += cut < 4096 ? 97 : 1531) expect_bytes_refused(bytes, cut, "cannot load");
  expect_bytes_refused(bytes, n - 1, "cut short");
  CHECK(open_fd(-1, "nothing", &module, &error) == W2S_ERR_FORMAT);
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(open_fd(fd, "/dev/null", &module, &error) == W2S_ERR_FORMAT && strstr(error.message, "no regular file"));
  close(fd);
  /* Every byte of the file's identification, damaged in turn: refused, or ignored; never a crash. */
  for (size_t at = 0; at < 20; at++) {
    uint8_t good = bytes[at];
    bytes[at] ^= 0xff;
    fd = memfd_create("bytes", MFD_CLOEXEC);
    CHECK(write(fd, bytes, n) == (ssize_t)n);
    if (open_fd(fd, "damaged", &module, &error) == W2S_OK) w2s_module_release(module);
    close(fd);
    bytes[at] = good;
  }
  free(bytes);
}

/* The same file twice is one module; after the last release it can be opened again; a copy is another module. */
static void test_sharing(void) {
  struct w2s_module *a = guest_open(folder, "PLAIN");
  struct w2s_module *b = guest_open(folder, "PLAIN");
  CHECK(a == b);
  w2s_module_retain(a);
  w2s_module_release(a);
  w2s_module_release(a);
  CHECK(w2s_module_descriptor_of(b)->magic == W2S_MAGIC);
  size_t n;
  uint8_t *bytes = read_file("PLAIN", &n);
  int fd = memfd_create("copy", MFD_CLOEXEC);
  struct w2s_module *copy = NULL;
  struct w2s_error error;
  CHECK(write(fd, bytes, n) == (ssize_t)n && open_fd(fd, "copy", &copy, &error) == W2S_OK && copy != b);
  CHECK(w2s_module_descriptor_of(copy)->type_ids[1] == w2s_module_descriptor_of(b)->type_ids[1]);
  close(fd);
  w2s_module_release(b);
  w2s_module_release(copy);
  /* Numbers of closed files are used again: each must be its own module all the same. */
  for (int k = 0; k < 20; k++) {
    struct w2s_module *plain = guest_open(folder, "PLAIN");
    CHECK(w2si_meta_memories(w2s_module_descriptor_of(plain)->meta)->guarded == 1);
    w2s_module_release(plain);
    struct w2s_module *checked = guest_open(folder, "CHECKED");
    CHECK(w2si_meta_memories(w2s_module_descriptor_of(checked)->meta)->guarded == 0);
    w2s_module_release(checked);
  }
  int before = dup(0);
  close(before);
  for (int k = 0; k < 20; k++) w2s_module_release(guest_open(folder, "PLAIN"));
  int after = dup(0);
  close(after);
  CHECK(before == after); /* no descriptor is left open */
  free(bytes);
}

/* Metadata with any one word changed: what the checks let through can be walked without harm. */
static void walk(const struct w2s_meta *meta) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < meta->imports.n; i++) {
    struct w2s_str name = w2si_meta_imports(meta)[i].name;
    for (uint32_t k = 0; k < name.bytes; k++) sum += w2si_meta_str(meta, name)[k];
  }
  for (uint32_t i = 0; i < meta->types.n; i++) {
    const struct w2s_meta_type *type = &w2si_meta_types(meta)[i];
    for (uint32_t k = 0; k < type->n_params + type->n_results; k++) sum += w2si_meta_valtypes(meta)[type->first + k].code;
  }
  for (uint32_t i = 0; i < meta->elems.n; i++) {
    const struct w2s_meta_elem *elem = &w2si_meta_elems(meta)[i];
    for (uint32_t k = 0; k < elem->n_items; k++) {
      if (elem->is_exprs) {
        sum += w2si_meta_consts(meta)[w2si_meta_exprs(meta)[elem->first + k].first].op;
      } else {
        sum += (uint32_t)w2si_meta_words(meta)[elem->first + k];
      }
    }
  }
  __asm__ volatile("" ::"r"(sum));
}

static void test_metadata(void) {
  struct w2s_module *module = guest_open(folder, "PLAIN");
  const struct w2s_meta *meta = w2s_module_descriptor_of(module)->meta;
  size_t n = meta->meta_bytes;
  static const uint32_t values[] = {0, 1, 2, 7, 15, 16, 0x60, 0x7f, 0x1000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
  size_t refused = 0;
  CHECK(w2si_meta_check(meta, n) == NULL);
  CHECK(w2si_meta_check(meta, n - 1) && w2si_meta_check(meta, 0) && w2si_meta_check(meta, sizeof *meta - 1));
  uint8_t *copy = aligned_alloc(16, (n + 15) / 16 * 16);
  for (size_t at = 0; at + 4 <= n; at += 4) {
    for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
      memcpy(copy, meta, n);
      memcpy(copy + at, &values[k], 4);
      const struct w2s_meta *changed = (const struct w2s_meta *)copy;
      if (w2si_meta_check(changed, n)) {
        refused++;
      } else {
        walk(changed);
      }
    }
  }
  CHECK(refused > 1000);
  free(copy);
  w2s_module_release(module);
}

/* Long and deep constant expressions, and what must not pass as one. */
static void test_expressions(void) {
  enum { N = 201 };
  static struct {
    struct w2s_meta meta;
    struct w2s_meta_const consts[N] __attribute__((aligned(16)));
  } blob;
  blob.meta.consts = (struct w2s_range){.offset = (uint32_t)((uint8_t *)blob.consts - (uint8_t *)&blob), .n = N};
  for (uint32_t i = 0; i < N; i++) {
    blob.consts[i].op = i <= N / 2 ? W2SI_OP_I64_CONST : i % 2 ? W2SI_OP_I64_ADD : W2SI_OP_I64_SUB;
    blob.consts[i].value[0] = i;
  }
  struct w2s_valtype i64 = {.code = W2S_I64}, i32 = {.code = W2S_I32};
  struct w2s_expr all = {.first = 0, .n = N};
  CHECK(w2si_meta_expr_ok(&blob.meta, all, &i64, 0) && !w2si_meta_expr_ok(&blob.meta, all, &i32, 0));
  CHECK(!w2si_meta_expr_ok(&blob.meta, (struct w2s_expr){0, N - 1}, &i64, 0));
  CHECK(!w2si_meta_expr_ok(&blob.meta, (struct w2s_expr){1, N - 1}, &i64, 0));
  CHECK(!w2si_meta_expr_ok(&blob.meta, (struct w2s_expr){N / 2, 2}, &i64, 0));
  CHECK(!w2si_meta_expr_ok(&blob.meta, (struct w2s_expr){0, N + 1}, &i64, 0));
  CHECK(!w2si_meta_expr_ok(&blob.meta, (struct w2s_expr){0, 0}, &i64, 0));
  struct w2s_instance instance = {.meta = &blob.meta};
  union w2s_value value;
  CHECK(w2si_const_eval(&instance, all, &value) == 0);
  uint64_t expected = N / 2;
  for (uint32_t i = N / 2 + 1; i < N; i++) expected = i % 2 ? (N - 1 - i) + expected : (N - 1 - i) - expected;
  CHECK(value.i64 == expected);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  folder = argv[1];
  test_files();
  test_sharing();
  test_metadata();
  test_expressions();
  return 0;
}
