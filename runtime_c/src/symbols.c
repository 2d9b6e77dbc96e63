/* Addresses of a module's functions, out of the symbol table of its file, which is read when one is first asked for: it
 * costs nothing until then, and nothing at run time. A function that the C compiler inlined everywhere has no address. */
#define _GNU_SOURCE 1

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meta.h"
#include "module.h"
#include "type.h"

enum { MAX_SECTIONS = 4096, MAX_NAME = 24 };
static const char descriptor_name[] = "w2s_module_descriptor";

struct part {
  int fd;
  uint64_t file_bytes;
};

/* Bytes of the file in memory of their own; NULL if it has them not. */
static void *read_part(const struct part *file, uint64_t offset, uint64_t bytes) {
  if (offset > file->file_bytes || bytes > file->file_bytes - offset || bytes == 0) return NULL;
  uint8_t *part = malloc(bytes + 1);
  uint64_t done = 0;
  while (part && done < bytes) {
    ssize_t got = pread(file->fd, part + done, bytes - done, (off_t)(offset + done));
    if (got <= 0) {
      free(part);
      return NULL;
    }
    done += (uint64_t)got;
  }
  if (part) part[bytes] = 0; /* strings end */
  return part;
}

/* N of "w_fN", or UINT64_MAX: clones, whose parameters differ, have longer names. */
static uint64_t function_number(const char *name) {
  if (strncmp(name, "w_f", 3) != 0 || strlen(name) > MAX_NAME || name[3] < '0' || name[3] > '9') return UINT64_MAX;
  char *end;
  uint64_t number = strtoull(name + 3, &end, 10);
  return *end ? UINT64_MAX : number;
}

/* Put the values of the symbols w_fN into `addresses`, and return what the descriptor's address is off by; 0 if the
 * table does not have it. */
static uint64_t collect(struct w2s_module *module, const Elf64_Sym *symbols, uint64_t n, const char *strings,
                        uint64_t string_bytes, uintptr_t *addresses) {
  const uint64_t first = module->meta->n_imported_funcs;
  const uint64_t n_own = module->meta->funcs.n - first;
  uint64_t bias = 0;
  for (uint64_t i = 0; i < n; i++) {
    if (symbols[i].st_shndx == SHN_UNDEF || symbols[i].st_name >= string_bytes) continue;
    const char *name = strings + symbols[i].st_name;
    if (strcmp(name, descriptor_name) == 0) bias = (uintptr_t)module->descriptor_of_file - symbols[i].st_value;
    uint64_t number = ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC ? function_number(name) : UINT64_MAX;
    if (number != UINT64_MAX && number >= first && number - first < n_own) {
      addresses[number - first] = symbols[i].st_value;
    }
  }
  return bias;
}

static void read_symbols(struct w2s_module *module, const struct part *file, const Elf64_Ehdr *head,
                         const Elf64_Shdr *sections, uintptr_t *addresses) {
  const uint64_t n_own = module->meta->funcs.n - module->meta->n_imported_funcs;
  for (unsigned i = 0; i < head->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= head->e_shnum) continue;
    const Elf64_Shdr *text = &sections[sections[i].sh_link];
    Elf64_Sym *symbols = read_part(file, sections[i].sh_offset, sections[i].sh_size);
    char *strings = read_part(file, text->sh_offset, text->sh_size);
    uint64_t bias = 0;
    if (symbols && strings) {
      bias = collect(module, symbols, sections[i].sh_size / sizeof *symbols, strings, text->sh_size, addresses);
    }
    for (uint64_t k = 0; k < n_own; k++) addresses[k] = bias && addresses[k] ? addresses[k] + bias : 0;
    free(symbols);
    free(strings);
    return;
  }
}

/* An array of the addresses of all own functions, 0 where there is none; NULL without memory. */
static uintptr_t *find_functions(struct w2s_module *module) {
  const uint64_t n_own = module->meta->funcs.n - module->meta->n_imported_funcs;
  uintptr_t *addresses = calloc(n_own + 1, sizeof *addresses);
  struct stat status;
  if (!addresses || fstat(module->fd, &status)) return addresses;
  struct part file = {.fd = module->fd, .file_bytes = (uint64_t)status.st_size};
  Elf64_Ehdr *head = read_part(&file, 0, sizeof *head);
  Elf64_Shdr *sections = NULL;
  if (head && head->e_shnum <= MAX_SECTIONS && head->e_shentsize == sizeof *sections) {
    sections = read_part(&file, head->e_shoff, head->e_shnum * sizeof *sections);
  }
  if (sections) read_symbols(module, &file, head, sections, addresses);
  free(sections);
  free(head);
  return addresses;
}

void (*w2s_module_function(struct w2s_module *module, uint32_t defined))(void) {
  const struct w2s_meta *meta = module->meta;
  uintptr_t found = 0;
  if (defined >= meta->funcs.n - meta->n_imported_funcs) return NULL;
  int32_t ref = w2si_meta_funcs(meta)[meta->n_imported_funcs + defined].ref;
  if (ref >= 0) return module->descriptor->escapes[ref];
  struct w2s_module *base = module->base ? module->base : module;
  w2si_lock();
  if (!base->functions) base->functions = find_functions(base);
  if (base->functions) found = base->functions[defined];
  w2si_unlock();
  return (void (*)(void))found;
}
