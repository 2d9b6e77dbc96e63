"""The layouts that Python computes are those of the C compiler."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from aot.abi import enum_values, header_text, include_dir, struct_layout
from aot.abi.headers import StructLayout, strip_for_pycparser
from aot.abi.layout import layout_of
from aot.emit import EmitOptions, plan_module, render_module
from aot.wasm.decode import decode_module
from tests.wast.assemble import assemble

STRUCTS = (
    "w2s_vm_head",
    "w2s_store",
    "w2s_tail",
    "w2s_funcref",
    "w2s_memory",
    "w2s_table",
    "w2s_global",
    "w2s_tag",
    "w2s_exception",
    "w2s_import_func",
    "w2s_host_func",
    "w2s_builtins",
    "w2s_valtype",
    "w2s_meta",
    "w2s_meta_type",
    "w2s_meta_import",
    "w2s_meta_export",
    "w2s_meta_func",
    "w2s_meta_memory",
    "w2s_meta_table",
    "w2s_meta_global",
    "w2s_meta_tag",
    "w2s_meta_elem",
    "w2s_meta_data",
    "w2s_meta_const",
    "w2s_meta_custom",
    "w2s_layout_row",
    "w2s_descriptor",
    "w2s_error",
    "w2s_extern",
    "w2s_limits",
    "w2s_growth",
    "w2s_image_place",
)
UNIONS = ("w2s_value", "w2s_ref")


def assertions(kind: str, layout: StructLayout) -> list[str]:
    name = f"{kind} {layout.name}"
    lines = [f'_Static_assert(sizeof({name}) == {layout.size}, "size of {name}");']
    for field in layout.fields:
        place = f"__builtin_offsetof({name}, {field.name})"
        lines.append(f'_Static_assert({place} == {field.offset}, "{name}.{field.name}");')
        size = f"sizeof((({name} *)0)->{field.name})"
        lines.append(f'_Static_assert({size} == {field.size}, "size of {name}.{field.name}");')
    return lines


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_struct_is_laid_out_as_the_compiler_does(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    lines = ["#include <wasm2so/runtime.h>"]
    for name in STRUCTS:
        lines += assertions("struct", struct_layout(name))
    for name in UNIONS:
        lines += assertions("union", struct_layout(name))
    for enum in ("w2s_trap_code", "w2s_valtype_code", "w2s_heaptype", "w2s_status", "w2s_constants"):
        lines += [f'_Static_assert({name} == {value}, "{name}");' for name, value in enum_values(enum).items()]
    source = tmp_path / "layouts.c"
    source.write_text("\n".join(lines))
    command = [compiler, "-std=c11", "-Wall", "-Werror", "-fsyntax-only", "-I", str(include_dir()), str(source)]
    subprocess.run(command, check=True, timeout=60)


def test_no_struct_of_the_headers_is_left_out() -> None:
    defined = set()
    for name in ("abi.h", "libcalls.h", "runtime.h"):
        words = strip_for_pycparser(header_text(name)).split()
        defined |= {words[k + 1] for k, word in enumerate(words[:-2]) if word == "struct" and words[k + 2] == "{"}
    small = {"w2s_range", "w2s_str", "w2s_expr"}  # parts of the others
    assert defined - small <= set(STRUCTS), "add the new structs to STRUCTS"


def test_packed_records_are_as_long_as_their_structs() -> None:
    for name in STRUCTS:
        if name.startswith("w2s_meta") or name in ("w2s_layout_row", "w2s_valtype"):
            layout = struct_layout(name)
            assert layout.packer().size == layout.size


MODULE = """(module
  (import "a" "f" (func)) (import "a" "g" (global i64)) (import "a" "m" (memory 1)) (import "a" "t" (table 1 funcref))
  (memory 2 3) (table 4 externref)
  (global f64 (f64.const 0)) (global (mut i32) (i32.const 1)) (global i64 (i64.const 2))
  (func (export "x")) (data "abc") (data "d") (elem declare func 1))"""


def test_fields_of_a_context_do_not_overlap_and_are_aligned() -> None:
    layout = layout_of(decode_module(assemble(MODULE.encode())))
    position = 0
    for field in layout.fields:
        assert field.offset >= position, field
        assert field.offset % min(field.size, 8) == 0, field
        position = field.offset + field.size * (1 if field.n is None else field.n)
    assert layout.size >= position


def test_the_offsets_table_in_the_metadata_is_the_layout() -> None:
    module = decode_module(assemble(MODULE.encode()))
    plan = plan_module(module, EmitOptions())
    blob = render_module(module, plan, "")["meta.bin"]
    head, row = struct_layout("w2s_meta"), struct_layout("w2s_layout_row")
    first, n = struct.unpack_from("<2I", blob, head.offset("layout"))
    strings, _ = struct.unpack_from("<2I", blob, head.offset("strings"))
    rows = []
    for k in range(n):
        name_at, name_bytes, offset, size, count = row.packer().unpack_from(blob, first + k * row.size)
        rows.append((blob[strings + name_at : strings + name_at + name_bytes].decode(), offset, size, count))
    expected = [(f.name, f.offset, f.size, 1 if f.n is None else f.n) for f in plan.layout.fields]
    assert rows == expected
