/* Modules with another first state, images by index, addresses of functions, numbers of modules. */
#define _GNU_SOURCE 1
#include <sys/mman.h>

#include "guest.h"

enum { PAGE = 4096 };

static int32_t add_ten(struct w2s_host_func *self, union w2s_value *values) {
  (void)self;
  values[0].i32 += 10;
  return 0;
}

/* A sealed file of one page that says "warm" at the start. */
static int image_file(int seals) {
  int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0 && pwrite(fd, "warm", 4, 0) == 4);
  CHECK(!seals || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);
  return fd;
}

/* The metadata of `module`, in memory of its own. */
static struct w2s_meta *copy_meta(const struct w2s_module *module) {
  const struct w2s_meta *meta = w2s_module_descriptor_of(module)->meta;
  struct w2s_meta *copy = aligned_alloc(16, (meta->meta_bytes + 15) / 16 * 16);
  CHECK(copy);
  memcpy(copy, meta, meta->meta_bytes);
  return copy;
}

static void *records(struct w2s_meta *meta, struct w2s_range range) { return (uint8_t *)meta + range.offset; }

/* Two pages of wasm, an image at their start, no start function, no active data. */
static void change(struct w2s_meta *meta) {
  struct w2s_meta_memory *memory = records(meta, meta->memories);
  memory->min_pages = 2;
  memory->image_start = 2 * PAGE;
  meta->start = -1;
  struct w2s_meta_data *data = records(meta, meta->datas);
  for (uint32_t i = 0; i < meta->datas.n; i++) {
    if (data[i].mode == W2S_SEGMENT_ACTIVE) {
      data[i].mode = W2S_SEGMENT_PASSIVE;
      data[i].offset.n = 0;
      data[i].bytes = 0;
      data[i].in_image = 0;
    }
  }
}

static void test_derived(const char *folder) {
  struct w2s_error error;
  struct w2s_module *module = guest_open(folder, "PLAIN");
  struct w2s_meta *meta = copy_meta(module);
  change(meta);
  int fd = image_file(1);
  struct w2s_module *derived = NULL;
  CHECK(w2s_module_derive(module, meta, meta->meta_bytes, fd, &derived, &error) == W2S_OK);
  close(fd);
  CHECK(w2s_module_id(derived) > w2s_module_id(module));
  CHECK(w2s_module_fd(derived) == w2s_module_fd(module));
  struct w2s_module *again = NULL;
  fd = image_file(1);
  CHECK(w2s_module_derive(derived, meta, meta->meta_bytes, fd, &again, &error) == W2S_OK); /* of one that was derived */
  close(fd);
  memset(meta, 0, sizeof *meta); /* it was copied */
  free(meta);
  w2s_module_release(module); /* those derived from it keep it */
  w2s_module_release(derived);
  struct w2s_store *store = w2s_store_new();
  struct w2s_instance *instance = guest_instantiate(store, again, add_ten, NULL);
  struct w2s_extern item;
  CHECK(w2s_instance_export(instance, GUEST_MEMORY, &item) == W2S_OK && item.memory->bytes == 2 * 65536);
  CHECK(memcmp(item.memory->base + 2 * PAGE, "warm", 5) == 0 && item.memory->base[PAGE] == 0);
  CHECK(item.memory->base[65530] == 0);
  CHECK(guest_call(store, instance, GUEST_CALL_HOST, 1, 0) == 11);
  CHECK(guest_call(store, instance, GUEST_INIT, 0, 8) == 0 && memcmp(item.memory->base, "passive!", 8) == 0);
  struct w2s_image_place place;
  CHECK(w2s_module_image(again, 0, &place) == W2S_OK && place.linear_offset == 2 * PAGE && place.bytes == PAGE);
  CHECK(memcmp(place.data, "warm", 4) == 0 && place.file_offset == 0);
  CHECK(w2s_module_image(again, 1, &place) == W2S_ERR_USAGE && place.bytes == 0);
  CHECK(w2s_module_function(again, 0) != NULL && w2s_module_function(again, GUEST_N_FUNCS) == NULL);
  w2s_store_delete(store);
  w2s_module_release(again);
}

/* What code could not work with, or is no metadata at all, is refused. */
static void test_refused(const char *folder) {
  struct w2s_error error;
  struct w2s_module *module = guest_open(folder, "PLAIN");
  struct w2s_module *derived = NULL;
  const struct w2s_meta *real = w2s_module_descriptor_of(module)->meta;
  int fd = image_file(1);
  for (int what = 0; what < 13; what++) {
    struct w2s_meta *meta = copy_meta(module);
    uint64_t bytes = meta->meta_bytes;
    struct w2s_meta_memory *memory = records(meta, meta->memories);
    struct w2s_meta_table *table = records(meta, meta->tables);
    struct w2s_meta_global *global = records(meta, meta->globals);
    struct w2s_meta_func *func = records(meta, meta->funcs);
    struct w2s_meta_data *data = records(meta, meta->datas);
    change(meta);
    switch (what) {
      case 0: bytes = sizeof *meta - 1; break;
      case 1: bytes -= 16; break;
      case 2: memory->guarded = !memory->guarded; break;
      case 3: memory->vm_offset += 8; break;
      case 4: memory->min_pages = 0; break;
      case 5: table->min_elems = 5; break;
      case 6: global->vm_offset += 4; break;
      case 7: func[1].type = func[2].type + 1; break;
      case 8: data[1].bytes++; break;
      case 9: meta->vm_bytes -= 16; break;
      case 10: memory->image_bytes = 2 * PAGE; break;
      case 11: meta->refs_offset += 8; break;
      default: meta->magic++; break;
    }
    CHECK(w2s_module_derive(module, meta, bytes, fd, &derived, &error) == W2S_ERR_FORMAT && !derived);
    CHECK(strstr(error.message, "damaged image") != NULL);
    free(meta);
  }
  close(fd);
  fd = image_file(0); /* not sealed */
  CHECK(w2s_module_derive(module, real, real->meta_bytes, fd, &derived, &error) == W2S_ERR_FORMAT && !derived);
  CHECK(w2s_module_derive(module, real, real->meta_bytes, -1, &derived, &error) == W2S_ERR_FORMAT && !derived);
  close(fd);
  w2s_module_release(module);
}

/* Functions that are values come from the descriptor; a module opened twice is one. */
static void test_ids_and_functions(const char *folder) {
  struct w2s_module *one = guest_open(folder, "PLAIN");
  struct w2s_module *same = guest_open(folder, "PLAIN");
  struct w2s_module *other = guest_open(folder, "CHECKED");
  CHECK(one == same && w2s_module_id(one) != w2s_module_id(other));
  const struct w2s_descriptor *descriptor = w2s_module_descriptor_of(one);
  for (uint32_t i = 0; i + 1 < GUEST_N_FUNCS; i++) CHECK(w2s_module_function(one, i) == descriptor->escapes[i + 1]);
  struct w2s_image_place place;
  CHECK(w2s_module_image(one, 0, &place) == W2S_OK && place.linear_offset == PAGE && place.bytes == PAGE);
  char bytes[5];
  CHECK(pread(place.fd, bytes, 5, (off_t)place.file_offset) == 5 && memcmp(bytes, "image", 5) == 0);
  w2s_module_release(one);
  w2s_module_release(same);
  w2s_module_release(other);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  test_derived(argv[1]);
  test_refused(argv[1]);
  test_ids_and_functions(argv[1]);
  return 0;
}
