/* The ELF side of a module. The file is read with pread: mapping a file that is cut short would end in SIGBUS. */
#define _GNU_SOURCE 1

#include "sofile.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"

enum {
  MAX_HEADERS = 64,
  MAX_SECTIONS = 4096,
  MAX_SYMBOL_BYTES = 1 << 20,
  MAX_STRING_BYTES = 1 << 20
};
static const char symbol_name[] = "w2s_module_descriptor";

/* What is known of the file while it is checked. */
struct sofile {
  int fd;
  uint64_t bytes;
  Elf64_Ehdr head;
  Elf64_Phdr segments[MAX_HEADERS];
  Elf64_Shdr *sections;
  uint8_t *symbols;
  char *strings;
};

static int in_file(const struct sofile *so, uint64_t offset, uint64_t bytes) {
  return offset <= so->bytes && bytes <= so->bytes - offset;
}

static int read_at(const struct sofile *so, uint64_t offset, void *to, uint64_t bytes) {
  if (!in_file(so, offset, bytes)) return 0;
  uint8_t *at = to;
  while (bytes) {
    ssize_t got = pread(so->fd, at, bytes, (off_t)offset);
    if (got <= 0) return 0;
    at += got;
    offset += (uint64_t)got;
    bytes -= (uint64_t)got;
  }
  return 1;
}

/* A part of the file in memory of its own; NULL if the file has it not. */
static void *read_part(const struct sofile *so, uint64_t offset, uint64_t bytes) {
  if (!in_file(so, offset, bytes)) return NULL;
  void *part = malloc(bytes ? bytes : 1);
  if (part && !read_at(so, offset, part, bytes)) {
    free(part);
    part = NULL;
  }
  return part;
}

static const char *check_head(struct sofile *so) {
  Elf64_Ehdr *head = &so->head;
  if (!read_at(so, 0, head, sizeof *head)) return "it is too short";
  if (memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return "it is no ELF file";
  if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_ident[EI_DATA] != ELFDATA2LSB ||
      head->e_machine != W2SI_ELF_MACHINE) {
    return "it was compiled for another machine";
  }
  if (head->e_type != ET_DYN || head->e_phentsize != sizeof(Elf64_Phdr)) return "it is no shared object";
  if (head->e_phnum == 0 || head->e_phnum > MAX_HEADERS) return "it is no shared object";
  if (!read_at(so, head->e_phoff, so->segments, head->e_phnum * sizeof(Elf64_Phdr))) return "it is cut short";
  for (unsigned i = 0; i < head->e_phnum; i++) {
    const Elf64_Phdr *segment = &so->segments[i];
    if (segment->p_type != PT_LOAD) continue;
    if (!in_file(so, segment->p_offset, segment->p_filesz) || segment->p_filesz > segment->p_memsz) {
      return "it is cut short";
    }
    if ((segment->p_flags & PF_W) && (segment->p_flags & PF_X)) return "it has code that can be written to";
  }
  return NULL;
}

static const char *read_symbols(struct sofile *so, uint64_t *n) {
  const Elf64_Ehdr *head = &so->head;
  if (head->e_shnum == 0 || head->e_shnum > MAX_SECTIONS || head->e_shentsize != sizeof(Elf64_Shdr)) {
    return "it has no section table";
  }
  so->sections = read_part(so, head->e_shoff, head->e_shnum * sizeof(Elf64_Shdr));
  if (!so->sections) return "it is cut short";
  for (unsigned i = 0; i < head->e_shnum; i++) {
    const Elf64_Shdr *table = &so->sections[i];
    if (table->sh_type != SHT_DYNSYM) continue;
    if (table->sh_link >= head->e_shnum) return "its section table is damaged";
    const Elf64_Shdr *strings = &so->sections[table->sh_link];
    if (table->sh_size > MAX_SYMBOL_BYTES || strings->sh_size > MAX_STRING_BYTES) return "it has too many symbols";
    so->symbols = read_part(so, table->sh_offset, table->sh_size);
    so->strings = read_part(so, strings->sh_offset, strings->sh_size);
    if (!so->symbols || !so->strings || strings->sh_size < sizeof symbol_name) return "it is cut short";
    so->strings[strings->sh_size - 1] = 0;
    *n = table->sh_size / sizeof(Elf64_Sym);
    for (uint64_t k = 0; k < *n; k++) {
      Elf64_Sym symbol;
      memcpy(&symbol, so->symbols + k * sizeof symbol, sizeof symbol);
      if (symbol.st_name >= strings->sh_size) return "its symbol table is damaged";
    }
    return NULL;
  }
  return "it exports nothing";
}

/* The first words of the descriptor need no relocation, so the file shows them as they are. */
static const char *check_descriptor(const struct sofile *so, uint64_t value) {
  uint32_t words[2];
  for (unsigned i = 0; i < so->head.e_phnum; i++) {
    const Elf64_Phdr *segment = &so->segments[i];
    if (segment->p_type != PT_LOAD || value < segment->p_vaddr) continue;
    uint64_t offset = value - segment->p_vaddr;
    if (offset > segment->p_filesz || segment->p_filesz - offset < sizeof(struct w2s_descriptor)) continue;
    if (!read_at(so, segment->p_offset + offset, words, sizeof words)) return "it is cut short";
    if (words[0] != W2S_MAGIC) return "it was not made by wasm2so";
    if (words[1] != W2S_ABI_VERSION) return "it was made for another version of wasm2so; compile it again";
    return NULL;
  }
  return "it was not made by wasm2so";
}

static const char *check(struct sofile *so) {
  uint64_t n = 0;
  const char *wrong = check_head(so);
  if (!wrong) wrong = read_symbols(so, &n);
  for (uint64_t i = 0; !wrong && i < n; i++) {
    Elf64_Sym symbol;
    memcpy(&symbol, so->symbols + i * sizeof symbol, sizeof symbol);
    if (symbol.st_shndx != SHN_UNDEF && strcmp(so->strings + symbol.st_name, symbol_name) == 0) {
      return check_descriptor(so, symbol.st_value);
    }
  }
  return wrong ? wrong : "it was not made by wasm2so";
}

int32_t w2si_sofile_check(int fd, const char *path, struct w2s_error *error) {
  struct stat status;
  if (fstat(fd, &status)) return w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: it cannot be read", path);
  if (!S_ISREG(status.st_mode)) return w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: it is no regular file", path);
  struct sofile so = {.fd = fd, .bytes = (uint64_t)status.st_size};
  const char *wrong = check(&so);
  free(so.sections);
  free(so.symbols);
  free(so.strings);
  return wrong ? w2si_fail(error, W2S_ERR_FORMAT, "cannot load %s: %s", path, wrong) : W2S_OK;
}

/* ---- once loaded ------------------------------------------------------------------------------------------ */

struct search {
  uintptr_t address;
  struct w2si_loaded *out;
};

static int look_at_object(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct search *search = data;
  struct w2si_loaded loaded = {0};
  int found = 0;
  for (unsigned i = 0; i < info->dlpi_phnum && loaded.n < W2SI_MAX_SEGMENTS; i++) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD) continue;
    struct w2si_segment segment = {.start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
                                   .bytes = info->dlpi_phdr[i].p_memsz,
                                   .file_bytes = info->dlpi_phdr[i].p_filesz,
                                   .file_offset = info->dlpi_phdr[i].p_offset};
    found |= search->address - segment.start < segment.bytes;
    loaded.segments[loaded.n++] = segment;
  }
  if (found) *search->out = loaded;
  return found;
}

int w2si_loaded_find(const void *address, struct w2si_loaded *out) {
  struct search search = {.address = (uintptr_t)address, .out = out};
  return dl_iterate_phdr(look_at_object, &search);
}

uint64_t w2si_loaded_room(const struct w2si_loaded *loaded, const void *at) {
  for (uint32_t i = 0; i < loaded->n; i++) {
    uint64_t offset = (uintptr_t)at - loaded->segments[i].start;
    if (offset < loaded->segments[i].bytes) return loaded->segments[i].bytes - offset;
  }
  return 0;
}

uint64_t w2si_loaded_offset(const struct w2si_loaded *loaded, const void *at, uint64_t bytes) {
  for (uint32_t i = 0; i < loaded->n; i++) {
    const struct w2si_segment *segment = &loaded->segments[i];
    uint64_t offset = (uintptr_t)at - segment->start;
    if (offset <= segment->file_bytes && bytes <= segment->file_bytes - offset) return segment->file_offset + offset;
  }
  return UINT64_MAX;
}
