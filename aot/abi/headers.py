"""Reads the runtime's headers with pycparser: struct layouts and enum values.

abi.h, libcalls.h and runtime.h hold nothing but structs, enums, prototypes, comments and includes, so they need no
preprocessor. Sizes and alignments are those of the LP64 ABIs (x86-64 and aarch64 Linux); generated C asserts them.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pycparser import c_ast, c_parser

from aot.abi.files import header_text

_HEADERS = ("abi.h", "libcalls.h", "runtime.h")

_SCALARS = {
    "char": ("c", 1),
    "int8_t": ("b", 1),
    "uint8_t": ("B", 1),
    "int16_t": ("h", 2),
    "uint16_t": ("H", 2),
    "int32_t": ("i", 4),
    "uint32_t": ("I", 4),
    "int64_t": ("q", 8),
    "uint64_t": ("Q", 8),
    "size_t": ("Q", 8),
    "float": ("f", 4),
    "double": ("d", 8),
}
_POINTER = ("Q", 8)

_PRELUDE = "".join(
    f"typedef {base} {name};\n"
    for name, base in {
        "int8_t": "signed char",
        "uint8_t": "unsigned char",
        "int16_t": "short",
        "uint16_t": "unsigned short",
        "int32_t": "int",
        "uint32_t": "unsigned int",
        "int64_t": "long",
        "uint64_t": "unsigned long",
        "size_t": "unsigned long",
    }.items()
)


@dataclass(frozen=True, slots=True)
class FieldLayout:
    """One field: ``offset`` and ``size`` in bytes; ``n`` elements if an array; ``struct`` is a nested struct."""

    name: str
    offset: int
    size: int
    align: int
    n: int | None
    code: str | None
    struct: StructLayout | None


@dataclass(frozen=True, slots=True)
class StructLayout:
    """A struct or union as the C compiler lays it out."""

    name: str
    size: int
    align: int
    fields: tuple[FieldLayout, ...]
    is_union: bool

    def offset(self, field: str) -> int:
        """Byte offset of ``field``. Raises KeyError for an unknown one."""
        for candidate in self.fields:
            if candidate.name == field:
                return candidate.offset
        raise KeyError(f"{self.name}.{field}")

    def scalars(self) -> Iterator[tuple[str, int, str, int]]:
        """Every scalar inside, nested structs and arrays flattened: (dotted name, offset, struct code, count)."""
        for field in self.fields:
            if field.struct is not None:
                count = 1 if field.n is None else field.n
                for i in range(count):
                    label = field.name if field.n is None else f"{field.name}[{i}]"
                    for name, offset, code, n in field.struct.scalars():
                        yield f"{label}.{name}", field.offset + i * field.struct.size + offset, code, n
            else:
                assert field.code is not None
                yield field.name, field.offset, field.code, 1 if field.n is None else field.n

    def packer(self) -> struct.Struct:
        """A `struct.Struct` for one record. Arrays of bytes take one bytes object, others one value an element."""
        parts, position = ["<"], 0
        for _, offset, code, n in self.scalars():
            if offset > position:
                parts.append(f"{offset - position}x")
            bytes_field = n > 1 and code in "Bc"
            parts.append(f"{n}s" if bytes_field else code * n)
            position = offset + struct.calcsize("<" + code) * n
        if self.size > position:
            parts.append(f"{self.size - position}x")
        return struct.Struct("".join(parts))


def strip_for_pycparser(text: str) -> str:
    """Drop comments and preprocessor lines; what is left must be plain C."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


@functools.cache
def _declarations() -> tuple[dict[str, c_ast.Struct | c_ast.Union], dict[str, dict[str, int]]]:
    source = _PRELUDE + "\n".join(strip_for_pycparser(header_text(name)) for name in _HEADERS)
    structs: dict[str, c_ast.Struct | c_ast.Union] = {}
    enums: dict[str, dict[str, int]] = {}
    for node in c_parser.CParser().parse(source, filename="abi.h").ext:
        if not isinstance(node, c_ast.Decl):
            continue
        if isinstance(node.type, c_ast.Struct | c_ast.Union) and node.type.decls:
            structs[node.type.name] = node.type
        elif isinstance(node.type, c_ast.Enum) and node.type.values:
            enums[node.type.name] = _enum(node.type)
    return structs, enums


def _constant(node: c_ast.Node | None) -> int:
    match node:
        case c_ast.Constant(value=value):
            return int(value, 0)
        case c_ast.UnaryOp(op="-", expr=expr):
            return -_constant(expr)
        case c_ast.ID(name=name):
            for values in _declarations()[1].values():
                if name in values:
                    return values[name]
    raise TypeError(f"abi.h: {getattr(node, 'coord', '')}: only plain integer constants are allowed")


def _enum(node: c_ast.Enum) -> dict[str, int]:
    values: dict[str, int] = {}
    following = 0
    for item in node.values.enumerators:
        following = _constant(item.value) if item.value is not None else following
        values[item.name] = following
        following += 1
    return values


@functools.cache
def struct_layout(name: str) -> StructLayout:
    """The layout of ``struct name`` or ``union name``. Raises KeyError if no header defines it."""
    node = _declarations()[0][name]
    is_union = isinstance(node, c_ast.Union)
    fields: list[FieldLayout] = []
    position, align = 0, 1
    for decl in node.decls:
        field = _field(decl.name, decl.type)
        offset = 0 if is_union else -(-position // field.align) * field.align
        fields.append(FieldLayout(field.name, offset, field.size, field.align, field.n, field.code, field.struct))
        position = max(position, offset + field.size)
        align = max(align, field.align)
    return StructLayout(name, -(-position // align) * align, align, tuple(fields), is_union)


def _field(name: str, node: c_ast.Node) -> FieldLayout:
    match node:
        case c_ast.PtrDecl():
            return FieldLayout(name, 0, _POINTER[1], _POINTER[1], None, _POINTER[0], None)
        case c_ast.TypeDecl(type=c_ast.IdentifierType(names=[scalar])) if scalar in _SCALARS:
            code, size = _SCALARS[scalar]
            return FieldLayout(name, 0, size, size, None, code, None)
        case c_ast.TypeDecl(type=c_ast.Struct(name=inner) | c_ast.Union(name=inner)):
            layout = struct_layout(inner)
            return FieldLayout(name, 0, layout.size, layout.align, None, None, layout)
        case c_ast.ArrayDecl(type=element, dim=dim):
            one, n = _field(name, element), _constant(dim)
            return FieldLayout(name, 0, one.size * n, one.align, n, one.code, one.struct)
    raise TypeError(f"abi.h: {getattr(node, 'coord', '')}: field {name}: only scalars, pointers, structs and arrays")


def enum_values(name: str) -> dict[str, int]:
    """The constants of ``enum name`` in order. Raises KeyError if no header defines it."""
    return dict(_declarations()[1][name])
