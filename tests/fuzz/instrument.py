"""Rewrites a module so that everything it does can be seen through integers.

Every exported function gets a wrapper whose parameters and results are i32, i64 and externref: floats cross as bits,
vectors as halves, other references as whether they are null. One more function gives a digest of all mutable globals,
table sizes and null entries, and of the values of exceptions that left a wrapper. All memories are exported. Everything
is appended, so indices stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from aot.wasm.decode import decode_module
from aot.wasm.module import ExternKind, Module
from aot.wasm.types import EXTERNREF, F32, F64, I32, I64, V128, FuncType, HeapKind, RefType, ValType
from tests.fuzz.binary import CODE, EXPORT, FUNCTION, GLOBAL, TYPE, extend, join, split, val_type
from tests.wasm_builder import body, i32_const, name, sleb, uleb

STATE = "$state"
_FUNC, _MEMORY = 0, 2
_EXNREF = b"\x69"
_MOST_ENTRIES = 64
_PRIME = 0x9E37_79B9_7F4A_7C15 - (1 << 64)


@dataclass(frozen=True, slots=True)
class Entry:
    """A wrapper: its export's name and the names of the original parameters' types, each of which stands for no, one or
    two parameters of the wrapper.
    """

    name: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instrumented:
    """``skipped`` exported functions take references that cannot be made from outside."""

    data: bytes
    entries: tuple[Entry, ...]
    memories: tuple[str, ...]
    skipped: int


def get(index: int) -> bytes:
    return b"\x20" + uleb(index)


def put(index: int) -> bytes:
    return b"\x21" + uleb(index)


def carriers(t: ValType) -> tuple[ValType, ...] | None:
    """What stands for a parameter of type ``t``; None if nothing can."""
    if t in (I32, F32):
        return (I32,)
    if t in (I64, F64):
        return (I64,)
    if t is V128:
        return (I64, I64)
    assert isinstance(t, RefType)
    if t == EXTERNREF:
        return (t,)
    if t.heap == HeapKind.FUNC:
        return (I32,)
    return () if t.nullable else None


def from_carriers(t: ValType, at: int, func: int) -> bytes:
    """Code that makes a value of type ``t`` out of the parameters at ``at``; ``func`` may be referred to."""
    if t is F32:
        return get(at) + b"\xbe"
    if t is F64:
        return get(at) + b"\xbf"
    if t is V128:
        return get(at) + b"\xfd\x12" + get(at + 1) + b"\xfd\x1e\x01"
    if not isinstance(t, RefType) or t == EXTERNREF:
        return get(at)
    if t.heap == HeapKind.FUNC:
        null = b"\xd0\x70" if t.nullable else b"\xd2" + uleb(func)
        return get(at) + b"\x04" + val_type(t) + b"\xd2" + uleb(func) + b"\x05" + null + b"\x0b"
    return b"\xd0" + sleb(t.heap)


def result_carriers(t: ValType) -> tuple[ValType, ...]:
    return (t,) if t == EXTERNREF else (I32,) if isinstance(t, RefType) else carriers(t) or ()


def to_carriers(t: ValType, local: int) -> bytes:
    """Code that leaves what stands for the local's value."""
    if t is F32:
        return get(local) + b"\xbc"
    if t is F64:
        return get(local) + b"\xbd"
    if t is V128:
        return get(local) + b"\xfd\x1d\x00" + get(local) + b"\xfd\x1d\x01"
    if isinstance(t, RefType) and t != EXTERNREF:
        return get(local) + b"\xd1"
    return get(local)


def lanes64(t: ValType, value: bytes) -> list[bytes]:
    """Pieces of code that leave, as i64 each, what can be seen of the value that the code ``value`` leaves."""
    if t is I32:
        return [value + b"\xad"]
    if t is I64:
        return [value]
    if t is F32:
        return [value + b"\xbc\xad"]
    if t is F64:
        return [value + b"\xbd"]
    if t is V128:
        return [value + b"\xfd\x1d\x00", value + b"\xfd\x1d\x01"]
    return [value + b"\xd1\xad"]


def _mix(digest: int, lanes: list[bytes]) -> bytes:
    """Code that takes i64 values up into the digest, a local."""
    code = b""
    for lane in lanes:
        code += get(digest) + lane + b"\x85\x42" + sleb(_PRIME) + b"\x7e\x42\x1d\x89" + put(digest)
    return code


class _Types:
    """Appends function types; knows their indices."""

    def __init__(self, module: Module) -> None:
        self._first = len(module.types)
        self.entries: list[bytes] = []

    def index(self, params: list[ValType], results: list[bytes]) -> int:
        entry = b"\x60" + uleb(len(params)) + b"".join(map(val_type, params)) + uleb(len(results)) + b"".join(results)
        if entry not in self.entries:
            self.entries.append(entry)
        return self._first + self.entries.index(entry)


def instrument(data: bytes) -> Instrumented:
    """Rewrite a valid module. Raises ModuleError if it cannot be decoded."""
    module, sections = decode_module(data), split(data)
    types = _Types(module)
    n_funcs, seen = len(module.func_types), len(module.globals)
    entries: list[Entry] = []
    functions: list[bytes] = []
    exports: list[bytes] = []
    code: list[bytes] = []
    skipped = 0
    exported = [e for e in module.exports if e.kind is ExternKind.FUNC]
    for func in dict.fromkeys(export.index for export in exported):
        wrapper = _wrapper(module, types, func, seen)
        if wrapper is None:
            skipped += 1
            continue
        entry = Entry(f"$f{func}", tuple(map(str, module.func_type(func).params)))
        entries.append(entry)
        exports.append(name(entry.name) + bytes((_FUNC,)) + uleb(n_funcs + len(functions)))
        functions.append(uleb(wrapper[0]))
        code.append(wrapper[1])
    exports.append(name(STATE) + bytes((_FUNC,)) + uleb(n_funcs + len(functions)))
    functions.append(uleb(types.index([], [b"\x7e"])))
    code.append(_state(module, seen))
    memories = tuple(f"$m{k}" for k in range(len(module.memories)))
    exports += [name(memory) + bytes((_MEMORY,)) + uleb(k) for k, memory in enumerate(memories)]
    extend(sections, TYPE, types.entries)
    extend(sections, FUNCTION, functions)
    extend(sections, GLOBAL, [b"\x7e\x01\x42\x00\x0b"])
    extend(sections, EXPORT, exports)
    extend(sections, CODE, code)
    return Instrumented(join(sections), tuple(entries), memories, skipped)


def _wrapper(module: Module, types: _Types, func: int, seen: int) -> tuple[int, bytes] | None:
    """(type index, body) of the wrapper of ``func``; exceptions that pass are taken up into the global ``seen``."""
    ty = module.func_type(func)
    params: list[ValType] = []
    call = b""
    for t in ty.params:
        stand_ins = carriers(t)
        if stand_ins is None:
            return None
        call += from_carriers(t, len(params), func)
        params += stand_ins
    call += b"\x10" + uleb(func)
    results = [val_type(c) for t in ty.results for c in result_carriers(t)]
    first = len(params)
    locals_ = [uleb(1) + val_type(t) for t in ty.results]
    convert = b"".join(put(first + k) for k in reversed(range(len(ty.results))))
    convert += b"".join(to_carriers(t, first + k) for k, t in enumerate(ty.results))
    if module.tags:
        call, more = _watched(module, types, call, convert, (ty, results), (first + len(locals_), seen))
        locals_ += more
    else:
        call += convert
    groups = [(1, group[1:]) for group in locals_]
    return types.index(params, results), body(call, groups)


def _watched(
    module: Module,
    types: _Types,
    call: bytes,
    convert: bytes,
    typing: tuple[FuncType, list[bytes]],
    at: tuple[int, int],
) -> tuple[bytes, list[bytes]]:
    """The call with a handler for each tag, which takes the values up into a digest and throws again; its locals."""
    (ty, results), (local, seen) = typing, at
    digest, exn, free = local, local + 1, local + 2
    locals_ = [uleb(1) + b"\x7e", uleb(1) + _EXNREF]
    payloads = []
    for tag in module.tags:
        comp = module.types[tag.type].comp
        assert isinstance(comp, FuncType)
        payloads.append(comp.params)
    n = len(payloads)
    blocks = [[*map(val_type, payload), _EXNREF] for payload in payloads]
    code = b"\x02" + sleb(types.index([], results))
    code += b"".join(b"\x02" + sleb(types.index([], block)) for block in blocks)
    code += b"\x1f" + sleb(types.index([], [val_type(t) for t in ty.results])) + uleb(n)
    code += b"".join(b"\x01" + uleb(k) + uleb(n - 1 - k) for k in range(n))
    code += call + b"\x0b" + convert + b"\x0c" + uleb(n)
    for k in reversed(range(n)):
        code += b"\x0b" + put(exn)
        code += b"".join(put(free + i) for i in reversed(range(len(payloads[k]))))
        code += b"\x23" + uleb(seen) + put(digest) + _mix(digest, [b"\x42" + sleb(k + 1)])
        for i, t in enumerate(payloads[k]):
            code += _mix(digest, lanes64(t, get(free + i)))
        code += get(digest) + b"\x24" + uleb(seen) + get(exn) + b"\x0a"
        locals_ += [uleb(1) + val_type(t) for t in payloads[k]]
        free += len(payloads[k])
    return code + b"\x0b", locals_


def _state(module: Module, seen: int) -> bytes:
    """The body of the function that gives the digest. Local 0 is the digest; 1 and 2 count, as i32 and i64."""
    code = _mix(0, [b"\x23" + uleb(seen)])
    for k, ty in enumerate(module.globals):
        if ty.mutable:
            code += _mix(0, lanes64(ty.value, b"\x23" + uleb(k)))
    for k, memory in enumerate(module.memories):
        code += _mix(0, [b"\x3f" + uleb(k) + (b"" if memory.limits.is64 else b"\xad")])
    for k, table in enumerate(module.tables):
        size = b"\xfc\x10" + uleb(k)
        wide = table.limits.is64
        code += _mix(0, [size + (b"" if wide else b"\xad")])
        zero, one = (b"\x42\x00", b"\x42\x01") if wide else (b"\x41\x00", b"\x41\x01")
        most = b"\x42" + sleb(_MOST_ENTRIES) if wide else i32_const(_MOST_ENTRIES)
        at, less, add = (2, b"\x54", b"\x7c") if wide else (1, b"\x49", b"\x6a")
        inside = get(at) + size + less + get(at) + most + less + b"\x71\x45\x0d\x01"
        step = _mix(0, [get(at) + b"\x25" + uleb(k) + b"\xd1\xad"]) + get(at) + one + add + put(at)
        code += zero + put(at) + b"\x02\x40\x03\x40" + inside + step + b"\x0c\x00\x0b\x0b"
    return body(code + get(0), [(1, b"\x7e"), (1, b"\x7f"), (1, b"\x7e")])
