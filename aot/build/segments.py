"""Whether a compiler can be trusted with memory in a segment register (``W2S_SEGMENTED`` in port.h), and this process.

An access that a compiler forgot the segment of would go to an address below `SPAN` bytes: nowhere, if nothing is mapped
there, which is looked at here and when such code is loaded. Compilers are tried on shapes of code that optimisers
rewrite: loops that set and copy, neighbouring stores, swapped bytes, constant addresses.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

SPAN = (8 << 30) + (64 << 10)
"""What a 32-bit index, a 32-bit offset and the widest access can reach, in bytes."""

_AT_HWCAP2 = 26
_HWCAP2_FSGSBASE = 2

TRIAL = """\
#define W2S_SEGMENTED 1
#include <wasm2so/mem.h>
#define AT(T, i) (*(w2s_##T##_at *)((w2s_byte *)0 + (i)))
void w2s_set(uint32_t p, uint32_t n) { for (uint32_t i = 0; i < n; i++) AT(u8, (uint64_t)(p + i)) = 0; }
void w2s_set_wide(uint64_t p, uint64_t n) { for (uint64_t i = 0; i < n; i++) AT(u64, p + i * 8) = 0; }
void w2s_set_constant(void) { for (uint64_t i = 0; i < 1024; i++) AT(u32, 4096 + i * 4) = 0x01010101; }
void w2s_copy(uint64_t p, uint64_t q, uint64_t n) { for (uint64_t i = 0; i < n; i++) AT(u8, p + i) = AT(u8, q + i); }
void w2s_add(void) { for (uint64_t i = 0; i < 512; i++) AT(f64, 4096 + i * 8) += AT(f64, 65536 + i * 8); }
void w2s_pairs(uint64_t p, uint64_t q) { for (int k = 0; k < 4; k++) AT(f64, p + 8 * k) = AT(f64, q + 8 * k) * 2; }
void w2s_merge(uint64_t p) { AT(u8, p) = 1; AT(u8, p + 1) = 2; AT(u8, p + 2) = 3; AT(u8, p + 3) = 4; }
void w2s_split(uint64_t p, uint32_t v) {
  AT(u8, p) = v; AT(u8, p + 1) = v >> 8; AT(u8, p + 2) = v >> 16; AT(u8, p + 3) = v >> 24;
}
void w2s_move(uint64_t p, uint64_t q) {
  AT(u64, p) = AT(u64, q); AT(u64, p + 8) = AT(u64, q + 8); AT(u64, p + 16) = AT(u64, q + 16);
}
uint32_t w2s_swap(uint64_t p) {
  return (uint32_t)AT(u8, p) << 24 | AT(u8, p + 1) << 16 | AT(u8, p + 2) << 8 | AT(u8, p + 3);
}
uint32_t w2s_join(uint64_t p) {
  return (uint32_t)AT(u8, p + 3) << 24 | AT(u8, p + 2) << 16 | AT(u8, p + 1) << 8 | AT(u8, p);
}
uint32_t w2s_compare(uint64_t p) { return AT(u8, p) == 1 && AT(u8, p + 1) == 2 && AT(u8, p + 2) == 3; }
double w2s_window(void) {
  double s = 0;
  for (uint64_t i = 0; i < 1000; i++) s += AT(f64, i * 8) * AT(f64, i * 8 + 8) * AT(f64, i * 8 + 16);
  return s;
}
uint32_t w2s_bit(uint64_t p) { return AT(u32, p) & 0x100 ? 1 : 0; }
void w2s_step(uint64_t p) { AT(u32, p)++; }
uint32_t w2s_high(void) { return AT(u32, 0xffffffffu); }
uint64_t w2s_high_wide(void) { return AT(u64, 0x1fffffffeu); }
void w2s_high_store(uint32_t v) { AT(u32, 0xfffffff0u) = v; AT(u8, 0x80000000u) = v; }
"""
"""Functions whose every access to memory is through the segment."""

_MEMORY = re.compile(r"\(|\bcall\b")


def can_set_segment() -> bool:
    """May this process use such code: is the register free to set (FSGSBASE), and nothing mapped below `SPAN`?"""
    try:
        vector = Path("/proc/self/auxv").read_bytes()
        with Path("/proc/self/maps").open(encoding="ascii", errors="replace") as maps:
            lowest = int(maps.readline().partition("-")[0] or "0", 16)
    except (OSError, ValueError):
        return False
    pairs = struct.iter_unpack("@LL", vector[: len(vector) // 16 * 16])
    return lowest >= SPAN and any(key == _AT_HWCAP2 and value & _HWCAP2_FSGSBASE for key, value in pairs)


def keeps_segments(assembly: str, code: bytes) -> bool:
    """Whether every access in what `TRIAL` was compiled to names the segment register; ``code`` is the object's bytes.

    Accesses at constant addresses have a form without parentheses; one of a known address is looked for.
    """
    instructions = (line.strip() for line in assembly.splitlines() if line.startswith("\t"))
    accesses = [i for i in instructions if _MEMORY.search(i) and not i.startswith((".", "#", "lea", "nop"))]
    ours = [i for i in accesses if "(%rsp)" not in i and "(%rip)" not in i]
    bare = re.search(rb"[^\x65]\xa1\xff\xff\xff\xff\0\0\0\0", code)
    return bool(ours) and all("%gs:" in i for i in ours) and bare is None
