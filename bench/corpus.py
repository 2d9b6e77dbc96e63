"""The programs that engines are compared with: sources in bench/corpus, built natively and to wasm.

Each prints one line that tells its results, the same everywhere.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "corpus"
GROUPS = ("kernels", "programs")

# No contraction: wasm has no fused multiply-add, so that results can be compared bit by bit.
COMMON = ("-ffp-contract=off",)
C_ONLY = ("-std=gnu11",)
CXX_ONLY = ("-fno-exceptions", "-fno-rtti")


@dataclass(frozen=True, slots=True)
class Program:
    """A source file; ``group`` is the folder that it lies in."""

    name: str
    group: str
    source: Path

    @property
    def is_cxx(self) -> bool:
        return self.source.suffix == ".cpp"

    @property
    def flags(self) -> tuple[str, ...]:
        return (*COMMON, *(CXX_ONLY if self.is_cxx else C_ONLY))


def programs(names: list[str]) -> list[Program]:
    """All programs, or those whose name or group is among ``names``. Raises ValueError for a name that is none."""
    found = [
        Program(path.stem, group, path)
        for group in GROUPS
        for path in sorted((SOURCES / group).iterdir())
        if path.suffix in (".c", ".cpp")
    ]
    known = {*GROUPS, *(program.name for program in found)}
    if unknown := set(names) - known:
        raise ValueError(f"no such program: {', '.join(sorted(unknown))}")
    return [p for p in found if not names or p.name in names or p.group in names]


def build_native(program: Program, folder: Path, compiler: str, opt: str) -> Path:
    """``compiler`` is gcc or clang."""
    out = folder / f"{program.name}.{compiler}{opt}"
    if not out.exists():
        command = compiler if not program.is_cxx else {"gcc": "g++", "clang": "clang++"}[compiler]
        subprocess.run([command, opt, *program.flags, program.source, "-o", out, "-lm"], check=True)
    return out


def build_wasm(program: Program, folder: Path, *, simd: bool) -> Path:
    """With ``zig cc``: -O2, or -O3 with vector instructions."""
    out = folder / f"{program.name}{'.simd' if simd else ''}.wasm"
    if not out.exists():
        flags = ("-O3", "-mcpu=generic+simd128") if simd else ("-O2",)
        command = [sys.executable, "-m", "ziglang", "c++" if program.is_cxx else "cc", "-target", "wasm32-wasi", *flags]
        subprocess.run([*command, *program.flags, "-Wl,--strip-all", program.source, "-o", out, "-lm"], check=True)
    return out
