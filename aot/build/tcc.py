"""The Tiny C Compiler, for builds that are to be done at once: some hundred times quicker than gcc, no optimiser.

It compiles functions only; descriptor, stubs and the link are another compiler's. What it cannot compile (vectors,
atomic operations) that one compiles too. It is not relied on blindly: before the first use it must get a program right
on which versions of it have failed, and of each object the frames are looked at, because it does not touch the pages
of a large frame one by one as `-fstack-clash-protection` has it.
"""

from __future__ import annotations

import functools
import re
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aot.build.elf import ObjectKind, check_whole
from aot.build.run import Outcome, RunLimits, compiler_environment, run_compiler
from aot.errors import BuildError, FormatError

MAX_FRAME_BYTES = 64 << 10
"""What the reserve below the stack's limit has room for several times over."""

_PROBE_LIMITS = RunLimits(wall_seconds=30, cpu_seconds=10)
_MACHINE = "x86_64"
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_SHT_SYMTAB, _STT_FUNC = 2, 2
_PROLOGUE = b"\x55\x48\x89\xe5\x48\x81\xec"
"""push %rbp; mov %rsp,%rbp; sub $imm32,%rsp: how tcc begins every function."""

_TRIAL = """\
#include <wasm2so/mem.h>
#include <wasm2so/call.h>
#include <wasm2so/tail.h>
#include <wasm2so/exception.h>
static double nan, big = 18446744073709549568.0, half = 9223372036854775808.0;
static uint64_t wide(uint64_t x, uint64_t y) { return (uint64_t)(uint32_t)(x + y); }
static uint64_t extended(uint32_t x) { return (uint64_t)(int64_t)(int32_t)(int8_t)x; }
static int chosen(double x) { if (x < 1) return 1; if (!(x >= 1)) return 2; return 3; }
static int both(double x) { return x >= 0 && x < 2; }
int main(void) {
  uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 0x88, 9};
  nan = w2s_f64_bits(0x7ff8000000000000ull);
  if (wide(~0ull, 2) != 1 || wide(0xffffffffull, 0) != 0xffffffffull) return 1;
  if (extended(0x80) != 0xffffffffffffff80ull) return 2;
  if (nan == nan || nan < 1 || nan > 1 || nan <= 1 || nan >= 1 || !(nan != nan)) return 3;
  if (chosen(nan) != 2 || chosen(0) != 1 || chosen(1) != 3 || both(nan) || !both(1)) return 4;
  if (w2s_i64_trunc_f64_u(0, big) != 0xfffffffffffff800ull || w2s_i64_trunc_sat_f64_u(nan) != 0) return 5;
  if (w2s_i64_trunc_f32_u(0, 9223372036854775808.0f) != 1ull << 63) return 6;
  if (w2s_i32_trunc_f64_u(0, 4294967295.0) != 0xffffffffu) return 6;
  if (w2s_f64_convert_i64_u(0xfffffffffffffbffull) != big || w2s_f64_convert_i64_u(1ull << 63) != half) return 7;
  if (w2s_f32_convert_i64_u(0x8000008000000001ull) != 9223373136366403584.0f) return 8;
  if (w2s_i32_bits(w2s_f32_convert_i32_u(0x80000000u)) != 0x4f000000u) return 9;
  if (w2s_i32_bits(w2s_f32_min(0.0f, w2s_f32_bits(0x80000000u))) != 0x80000000u) return 10;
  if (w2s_i64_load(bytes, 0, 1) != 0x0988070605040302ull || w2s_i32_load16_s(bytes, 6, 0) != 0xffff8807u) return 11;
  if (w2s_i32_clz(1) != 31 || w2s_i32_clz(0) != 32 || w2s_i64_ctz(1ull << 40) != 40) return 12;
  if (w2s_i64_popcnt(~0ull) != 64 || w2s_i32_popcnt(0x80000001u) != 2) return 12;
  if (w2s_i32_rotl(0x80000001u, 1) != 3 || w2s_i64_rotr(1, 1) != 1ull << 63 || w2s_i32_rotr(5, 32) != 5) return 13;
  if (w2s_i32_rem_s(0, 0x80000000u, 0xffffffffu) || w2s_i64_div_s(0, -7ull, 2) != -3ull) return 14;
  if (w2s_i64_mul_high_u(~0ull, ~0ull) != ~1ull || w2s_i64_mul_high_s(~0ull, 5) != ~0ull) return 15;
  if (w2s_f64_nearest(2.5) != 2 || w2s_f32_floor(-0.5f) != -1 || __builtin_sqrt(9.0) != 3) return 16;
  return 0;
}
"""
"""What a tcc must get right; the exit status says which line it did not."""


@dataclass(frozen=True, slots=True)
class Tcc:
    """A tcc that can be used. ``command`` is its absolute path, ``banner`` what it says of its version."""

    command: tuple[str, ...]
    banner: str

    @property
    def version(self) -> str:
        """For people: ``tcc 0.9.27``."""
        found = re.search(r"\d[\w.]*", self.banner)
        return f"tcc {found[0]}" if found else "tcc"

    def compile_command(self, source: str, out: str, include: Path) -> tuple[str, ...]:
        """C file to relocatable object."""
        return (*self.command, "-w", f"-I{include}", "-c", source, "-o", out)


def find_tcc(machine: str, include: Path) -> Tcc | None:
    """The tcc on the PATH, if there is one for ``machine`` that gets the trial right; ``include`` has the headers."""
    path = shutil.which("tcc")
    if path is None or machine != _MACHINE:
        return None
    info = Path(path).stat()
    return _tried(path, (info.st_size, info.st_mtime_ns), include)


@functools.lru_cache(maxsize=4)
def _tried(path: str, stamp: tuple[int, ...], include: Path) -> Tcc | None:
    """Asked again in this process only if the file changed."""
    with tempfile.TemporaryDirectory(prefix="wasm2so-tcc-") as name:
        folder = Path(name)
        context = "struct w2s_vm { struct w2s_vm_head head; };\n"
        (folder / "trial.c").write_text(f"#include <wasm2so/abi.h>\n{context}{_TRIAL}", encoding="ascii")
        environment = compiler_environment(folder)
        command = (path, "-w", f"-I{include}", "-run", "trial.c")
        try:
            said = run_compiler((path, "-v"), folder, _PROBE_LIMITS, environment)
            trial = run_compiler(command, folder, _PROBE_LIMITS, environment)
        except OSError:
            return None
    if said.outcome is not Outcome.OK or trial.outcome is not Outcome.OK:
        return None
    return Tcc((path,), said.log.partition("\n")[0].strip())


def check_frames(path: Path) -> str:
    """Why the object's functions might overrun the stack; empty if they cannot. Raises FormatError for other files."""
    check_whole(path, ObjectKind.RELOCATABLE, _MACHINE)
    data = path.read_bytes()
    (*_, shoff, _, _, _, _, _, n_sections, _) = _HEADER.unpack_from(data)
    sections = [_SECTION.unpack_from(data, shoff + k * _SECTION.size) for k in range(n_sections)]
    for section in sections:
        if section[1] != _SHT_SYMTAB:
            continue
        start, size = section[4], section[5]
        if size % _SYMBOL.size:
            raise FormatError("damaged ELF file: its symbol table has a part of a symbol")
        for _, info, _, place, value, _ in _SYMBOL.iter_unpack(data[start : start + size]):
            if info & 15 == _STT_FUNC and 0 < place < n_sections:
                at = sections[place][4] + value
                if data[at : at + len(_PROLOGUE)] != _PROLOGUE:
                    return "a function does not begin as it should"
                (frame,) = struct.unpack_from("<I", data, at + len(_PROLOGUE))
                if frame > MAX_FRAME_BYTES:
                    return f"a function has a frame of {frame} bytes"
    return ""


def why_not(tcc: Tcc, source: str, out: str, tmp: Path, include: Path, limits: RunLimits) -> str:
    """Compile ``source`` to ``out``, both in ``tmp``. Returns why it cannot be done, empty where it was.

    Raises BuildError if the compiler cannot be started.
    """
    command = tcc.compile_command(source, out, include)
    try:
        result = run_compiler(command, tmp, limits, compiler_environment(tmp))
    except OSError as err:
        raise BuildError(f"C compiler {command[0]}: {err.strerror}", command) from None
    if result.outcome is not Outcome.OK:
        said = re.search(r"error: (?:#error )?(.{0,200})", result.log)
        return said[1] if said else f"{tcc.version} {result.outcome}"
    try:
        return check_frames(tmp / out)
    except (FormatError, OSError) as err:
        return str(err)
