"""Constant expressions: read from the binary format, and their validation (spec: Validation, Constant Expressions).

They are flat (no constant instruction nests), so both are single loops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aot.errors import DecodeError, InvalidError, LimitError, ModuleError, Site
from aot.wasm.decode_types import read_heap_type
from aot.wasm.limits import MAX_NEW_FIXED
from aot.wasm.module import ConstExpr, ConstInstr, Module
from aot.wasm.reader import Reader
from aot.wasm.subtyping import is_defaultable, val_matches
from aot.wasm.types import (
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    V128,
    ArrayType,
    CompType,
    FieldType,
    HeapKind,
    NumType,
    RefType,
    StructType,
    ValType,
)

END: Final = 0x0B
GLOBAL_GET: Final = 0x23
I32_CONST: Final = 0x41
I64_CONST: Final = 0x42
F32_CONST: Final = 0x43
F64_CONST: Final = 0x44
REF_NULL: Final = 0xD0
REF_FUNC: Final = 0xD2
_GC, _MISC, _SIMD, _ATOMIC = 0xFB, 0xFC, 0xFD, 0xFE
STRUCT_NEW: Final = _GC << 16
STRUCT_NEW_DEFAULT: Final = _GC << 16 | 0x01
ARRAY_NEW: Final = _GC << 16 | 0x06
ARRAY_NEW_DEFAULT: Final = _GC << 16 | 0x07
ARRAY_NEW_FIXED: Final = _GC << 16 | 0x08
ANY_CONVERT_EXTERN: Final = _GC << 16 | 0x1A
EXTERN_CONVERT_ANY: Final = _GC << 16 | 0x1B
REF_I31: Final = _GC << 16 | 0x1C
V128_CONST: Final = _SIMD << 16 | 0x0C

_ARITHMETIC: Final[dict[int, NumType]] = {0x6A: I32, 0x6B: I32, 0x6C: I32, 0x7C: I64, 0x7D: I64, 0x7E: I64}
"""i32 and i64: add, sub, mul."""
_CONSTS: Final[dict[int, NumType]] = {I32_CONST: I32, I64_CONST: I64, F32_CONST: F32, F64_CONST: F64, V128_CONST: V128}
_TYPE_OPS: Final = frozenset({STRUCT_NEW, STRUCT_NEW_DEFAULT, ARRAY_NEW, ARRAY_NEW_DEFAULT, ARRAY_NEW_FIXED})
_BARE_GC_OPS: Final = frozenset({ANY_CONVERT_EXTERN, EXTERN_CONVERT_ANY, REF_I31})

_UNUSED_OPCODES: Final = frozenset({0x16, 0x17, 0x1D, 0x1E, 0x27, *range(0xC5, 0xD0), *range(0xD7, 0xFB), 0xFF})
_PREFIX_LAST: Final = {_GC: 0x1E, _MISC: 0x16, _SIMD: 0x113, _ATOMIC: 0x4E}
"""The last code in use behind each prefix."""


def read_const_expr(r: Reader) -> ConstExpr:
    """A constant expression with its ``end``.

    Raises DecodeError for what is no instruction, InvalidError for an instruction that is not constant.
    """
    offset = r.pos
    first = _read_instr(r)
    if first is None:
        return ConstExpr((), offset)
    if r.pos < r.end and r.data[r.pos] == END:  # FAST: nearly all expressions are one instruction
        r.pos += 1
        return ConstExpr((first,), offset)
    instrs = [first]
    while (instr := _read_instr(r)) is not None:
        instrs.append(instr)
    return ConstExpr(tuple(instrs), offset)


def _read_instr(r: Reader) -> ConstInstr | None:
    """One instruction, or None for ``end``. Constants' values are their bits, unsigned."""
    start = r.pos
    op = r.byte()
    if op == I32_CONST:
        return ConstInstr(op, value=r.s32() & 0xFFFFFFFF)
    if op == END:
        return None
    if op in (GLOBAL_GET, REF_FUNC):
        return ConstInstr(op, index=r.u32())
    if op == REF_NULL:
        return ConstInstr(op, index=read_heap_type(r))
    if op in _ARITHMETIC:
        return ConstInstr(op)
    if op == I64_CONST:
        return ConstInstr(op, value=r.s64() & 0xFFFFFFFFFFFFFFFF)
    if op == F32_CONST:
        return ConstInstr(op, value=int.from_bytes(r.take(4), "little"))
    if op == F64_CONST:
        return ConstInstr(op, value=int.from_bytes(r.take(8), "little"))
    if op in _PREFIX_LAST:
        return _read_prefixed(r, op, start)
    if op in _UNUSED_OPCODES:
        raise DecodeError(f"illegal opcode {op:02x}", Site(start))
    raise InvalidError(f"constant expression required: opcode {op:02x} is not constant", Site(start))


def _read_prefixed(r: Reader, prefix: int, start: int) -> ConstInstr:
    code = r.u32()
    if code > _PREFIX_LAST[prefix]:
        raise DecodeError(f"illegal opcode {prefix:02x} {code:02x}", Site(start))
    op = prefix << 16 | code
    if op == V128_CONST:
        return ConstInstr(op, value=int.from_bytes(r.take(16), "little"))
    if op in _BARE_GC_OPS:
        return ConstInstr(op)
    if op in _TYPE_OPS:
        index = r.u32()
        return ConstInstr(op, index, r.u32() if op == ARRAY_NEW_FIXED else 0)
    raise InvalidError(f"constant expression required: opcode {prefix:02x} {code:02x} is not constant", Site(start))


class ConstChecker:
    """Validates the constant expressions of one module (Expr_ok_const)."""

    __slots__ = ("defaultable", "module", "n_globals", "stack")

    def __init__(self, module: Module) -> None:
        self.module = module
        self.n_globals = 0
        self.stack: list[ValType] = []
        self.defaultable: dict[int, bool] = {}

    def check(self, expr: ConstExpr, expected: ValType, n_globals: int) -> None:
        """``expr`` is valid and leaves one value of type ``expected``; it may mention the first ``n_globals`` globals.

        Raises InvalidError or LimitError at the expression's offset. The types, and the functions' type indices,
        must be valid already.
        """
        instrs = expr.instrs
        if len(instrs) == 1 and expected is _CONSTS.get(instrs[0].op):  # FAST: offsets and number globals
            return
        self.n_globals = n_globals
        self.stack.clear()
        try:
            for instr in instrs:
                self.step(instr)
            self.pop(expected)
            if self.stack:
                raise InvalidError(f"type mismatch: {len(self.stack)} values too many in a constant expression")
        except ModuleError as err:
            raise err.at(Site(expr.offset)) from None

    def step(self, instr: ConstInstr) -> None:
        op = instr.op
        if op in _CONSTS:
            self.stack.append(_CONSTS[op])
        elif op in _ARITHMETIC:
            self.pop(_ARITHMETIC[op])
            self.pop(_ARITHMETIC[op])
            self.stack.append(_ARITHMETIC[op])
        else:
            _STEPS[op](self, instr)

    def pop(self, expected: ValType) -> None:
        if not self.stack:
            raise InvalidError(f"type mismatch: expected {expected} but nothing is on the stack")
        actual = self.stack.pop()
        if not val_matches(self.module, actual, expected):
            raise InvalidError(f"type mismatch: expected {expected} but got {actual}")

    def global_get(self, instr: ConstInstr) -> None:
        if instr.index >= self.n_globals:
            raise InvalidError(f"unknown global {instr.index}")
        ty = self.module.globals[instr.index]
        if ty.mutable:
            raise InvalidError(f"constant expression required: global {instr.index} is mutable")
        self.stack.append(ty.value)

    def ref_null(self, instr: ConstInstr) -> None:
        if instr.index >= len(self.module.types):
            raise InvalidError(f"unknown type {instr.index}")
        self.stack.append(RefType(True, instr.index))

    def ref_func(self, instr: ConstInstr) -> None:
        if instr.index >= len(self.module.func_types):
            raise InvalidError(f"unknown function {instr.index}")
        self.stack.append(RefType(False, self.module.func_types[instr.index]))

    def ref_i31(self, _: ConstInstr) -> None:
        self.pop(I32)
        self.stack.append(RefType(False, HeapKind.I31))

    def convert(self, instr: ConstInstr) -> None:
        """any.convert_extern and extern.convert_any keep the operand's nullability."""
        to_any = instr.op == ANY_CONVERT_EXTERN
        source, target = (HeapKind.EXTERN, HeapKind.ANY) if to_any else (HeapKind.ANY, HeapKind.EXTERN)
        top = self.stack[-1] if self.stack else None
        self.pop(RefType(True, source))
        assert isinstance(top, RefType)
        self.stack.append(RefType(top.nullable, target))

    def struct_new(self, instr: ConstInstr) -> None:
        comp = self._comp(instr.index)
        if not isinstance(comp, StructType):
            raise InvalidError(f"type mismatch: type {instr.index} is not a struct type")
        if instr.op == STRUCT_NEW:
            for field in reversed(comp.fields):
                self.pop(_unpacked(field))
        else:
            self._require_default(instr.index, comp.fields)
        self.stack.append(RefType(False, instr.index))

    def array_new(self, instr: ConstInstr) -> None:
        comp = self._comp(instr.index)
        if not isinstance(comp, ArrayType):
            raise InvalidError(f"type mismatch: type {instr.index} is not an array type")
        if instr.op == ARRAY_NEW_FIXED:
            if instr.value > MAX_NEW_FIXED:
                raise LimitError(f"array.new_fixed of {instr.value} operands, the limit is {MAX_NEW_FIXED}")
            for _ in range(instr.value):
                self.pop(_unpacked(comp.field))
        else:
            self.pop(I32)
            if instr.op == ARRAY_NEW:
                self.pop(_unpacked(comp.field))
            else:
                self._require_default(instr.index, (comp.field,))
        self.stack.append(RefType(False, instr.index))

    def _comp(self, index: int) -> CompType:
        if index >= len(self.module.types):
            raise InvalidError(f"unknown type {index}")
        return self.module.types[index].comp

    def _require_default(self, index: int, fields: tuple[FieldType, ...]) -> None:
        # remembered, because one short instruction can name a type of many fields again and again
        if index not in self.defaultable:
            self.defaultable[index] = all(is_defaultable(field.storage) for field in fields)
        if not self.defaultable[index]:
            raise InvalidError(f"type mismatch: type {index} has no default value")


def _unpacked(field: FieldType) -> ValType:
    return I32 if field.storage in (I8, I16) else field.storage


_STEPS: Final[dict[int, Callable[[ConstChecker, ConstInstr], None]]] = {
    GLOBAL_GET: ConstChecker.global_get,
    REF_NULL: ConstChecker.ref_null,
    REF_FUNC: ConstChecker.ref_func,
    REF_I31: ConstChecker.ref_i31,
    ANY_CONVERT_EXTERN: ConstChecker.convert,
    EXTERN_CONVERT_ANY: ConstChecker.convert,
    STRUCT_NEW: ConstChecker.struct_new,
    STRUCT_NEW_DEFAULT: ConstChecker.struct_new,
    ARRAY_NEW: ConstChecker.array_new,
    ARRAY_NEW_DEFAULT: ConstChecker.array_new,
    ARRAY_NEW_FIXED: ConstChecker.array_new,
}
