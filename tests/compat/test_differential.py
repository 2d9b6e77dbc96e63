"""The same small programs on wasmtime-py and here: the same values, or exceptions of the same classes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import aot
import aot.compat.wasmtime as ours
from tests.compat.scenarios import (
    Context,
    command,
    default_values,
    frames_of,
    fuel_left,
    host,
    import_with,
    interrupted,
    limited,
    named,
    on,
    placeholder,
    prelinked,
    put,
    raises,
    reactor,
    serialized,
    stdout_of,
    trap_of,
    with_caller,
)

theirs = pytest.importorskip("wasmtime")

Scenario = Callable[[Context], Any]


class Own(Exception):  # noqa: N818
    """Raised by host functions."""


CALLS: dict[str, Scenario] = {
    "every number": lambda c: c("all", -1, 2**63 - 1, 1.5, 2.5),
    "unsigned": lambda c: c("all", 2**32 - 1, 2**64 - 1, 0.0, -0.0),
    "too large": lambda c: c("all", 2**40 + 5, 2**70 + 3, 1.1, 1e300),
    "too small": lambda c: c("all", -(2**33) - 1, -(2**65) - 7, 1.1, 2.5),
    "f32 overflow": lambda c: c("f32", 1e300),
    "nan": lambda c: c("f64", math.nan),
    "infinity": lambda c: c("f32", -math.inf),
    "bools": lambda c: c("all", True, False, 1.0, 1.0),
    "int for float": lambda c: c("f32", 1),
    "float for int": lambda c: c("i32", 1.0),
    "str for int": lambda c: c("i32", "1"),
    "None for int": lambda c: c("i64", None),
    "func for int": lambda c: c("i64", c.e["none"]),
    "too few": lambda c: c("all", 1),
    "too many": lambda c: c("none", 1),
    "no results": lambda c: c("none"),
    "Val": lambda c: c("all", c.w.Val.i32(1), c.w.Val.i64(2), c.w.Val.f32(3.0), c.w.Val.f64(4.0)),
    "wrong Val": lambda c: c("i32", c.w.Val.i64(1)),
    "extern object": lambda c: c("extern", c) is c,
    "extern None": lambda c: c("extern", None),
    "extern Val": lambda c: c("extern", c.w.Val.externref("x")),
    "extern 0": lambda c: c("extern", 0),
    "extern func": lambda c: type(c("extern", c.e["none"])).__name__,
    "func": lambda c: c("func", c.e["none"])(c.s),
    "func None": lambda c: c("func", None),
    "func object": lambda c: c("func", "x"),
    "func Val": lambda c: c("func", c.w.Val.funcref(c.e["none"]))(c.s),
    "host func": lambda c: c("func", c.func("i32", "i32", lambda x: x + 1))(c.s, 4),
    "type": lambda c: (c.e["all"].type(c.s).params, c.e["all"].type(c.s).results),
    "no store": lambda c: c.e["none"](),
    "not a store": lambda c: c.e["none"](1),
}

HOSTS: dict[str, Scenario] = {
    "arguments": host("h", lambda a, b: int(a * 10 + b * 2)),
    "unsigned result": host("h", lambda a, b: 2**32 - 1),
    "large result": host("h", lambda a, b: 2**35 + 3),
    "bool result": host("h", lambda a, b: True),
    "str result": host("h", lambda a, b: "x"),
    "no result": host("h", lambda a, b: None),
    "float result": host("h", lambda a, b: 1.0),
    "tuple": host("pair", lambda: (1, 2)),
    "list": host("pair", lambda: [1, 2]),
    "too few results": host("pair", lambda: (1,)),
    "too many results": host("pair", lambda: (1, 2, 3)),
    "one result for two": host("pair", lambda: 1),
    "unwanted result": host("nothing", lambda: 7),
    "wrong arity": host("nothing", lambda x: None),
    "exception": host("nothing", raises(Own("x"))),
    "KeyboardInterrupt": host("nothing", raises(KeyboardInterrupt())),
    "TypeError": host("nothing", raises(TypeError("mine"))),
    "OverflowError": host("nothing", raises(OverflowError("mine"))),
    "own WasmtimeError": lambda c: host("nothing", raises(c.w.WasmtimeError("x")))(c),
    "own Trap": lambda c: host("nothing", raises(c.w.Trap("x")))(c),
    "called by the host": lambda c: c.func("i32 f64", "f64 i32", lambda a, b: [b, a])(c.s, 1, 2.0),
    "raised to the host": lambda c: c.func("", "", raises(Own("x")))(c.s),
    "no callable": lambda c: c.func("", "", 3)(c.s),  # type: ignore[arg-type]
    "re-entrant": lambda c: host("nothing", lambda: c("none"))(c),
    "trap inside": lambda c: host("nothing", lambda: c("unreachable"))(c),
    "caller": with_caller,
    "caller of none": lambda c: c.func("", "", lambda caller: caller.get("x"), True)(c.s),
    "caller without export": lambda c: c.func("", "", lambda caller: caller["x"], True)(c.s),
}

TRAPS: dict[str, Scenario] = {
    "division": lambda c: trap_of(lambda: c("div", 1, 0)),
    "overflow": lambda c: trap_of(lambda: c("div", -(2**31), -1)),
    "conversion": lambda c: trap_of(lambda: c("trunc", 1e300)),
    "conversion of nan": lambda c: trap_of(lambda: c("trunc", math.nan)),
    "unreachable": lambda c: trap_of(lambda: c("unreachable")),
    "load": lambda c: trap_of(lambda: c("load", 65534)),
    "load negative": lambda c: trap_of(lambda: c("load", -1)),
    "null element": lambda c: trap_of(lambda: c("icall", 0)),
    "wrong element": lambda c: trap_of(lambda: c("icall", 1)),
    "no element": lambda c: trap_of(lambda: c("icall", 9)),
    "null function": lambda c: trap_of(lambda: c("get_null")),
    "exception": lambda c: trap_of(lambda: c("throw")),
    "stack": lambda c: trap_of(lambda: c("deep")),
    "start": lambda c: trap_of(lambda: c.w.Instance(c.s, c.module("(module (func unreachable) (start 0))"), [])),
    "new": lambda c: (str(c.w.Trap("x")), c.w.Trap("x").message, c.w.Trap("x").trap_code, c.w.Trap("x").frames),
    "error": lambda c: (str(c.w.WasmtimeError("x")), repr(c.w.WasmtimeError("x"))),
    "classes": lambda c: [[b.__name__ for b in k.__mro__] for k in (c.w.Trap, c.w.ExitTrap, c.w.WasmtimeError)],
    "codes": lambda c: [(code.name, code.value) for code in c.w.TrapCode],
    "message": lambda c: "wasm trap: wasm `unreachable` instruction executed" in _message(lambda: c("unreachable")),
    "fuel": on(fuel_left, consume_fuel=True),
    "no fuel set": on(lambda c: trap_of(lambda: c("none")), consume_fuel=True),
    "fuel set": on(lambda c: (c.s.set_fuel(7), c.s.get_fuel()), consume_fuel=True),
    "fuel not configured": lambda c: c.s.set_fuel(1),
    "epochs": on(interrupted, epoch_interruption=True),
    "epochs not configured": lambda c: (c.s.set_epoch_deadline(1), c.engine.increment_epoch(), c("none")),
}


def _message(call: Callable[[], Any]) -> str:
    try:
        call()
    except Exception as err:
        return str(err)
    return ""


FRAMES: dict[str, Scenario] = {
    "names": lambda c: frames_of(lambda: named(c, "run", lambda: None)),
    "through the host": lambda c: frames_of(lambda: named(c, "host", lambda: c("unreachable"))),
    "division": lambda c: frames_of(lambda: c("div", 1, 0)),
    "conversion": lambda c: frames_of(lambda: c("trunc", math.nan)),
    "load": lambda c: frames_of(lambda: c("load", -1)),
    "null element": lambda c: frames_of(lambda: c("icall", 0)),
    "wrong element": lambda c: frames_of(lambda: c("icall", 1)),
    "null function": lambda c: frames_of(lambda: c("get_null")),
    "exception": lambda c: frames_of(lambda: c("throw")),
    "start": lambda c: frames_of(lambda: c.w.Instance(c.s, c.module("(module (func unreachable) (start 0))"), [])),
    "none": lambda c: c.w.Trap("x").frames,
}

ITEMS: dict[str, Scenario] = {
    "memory": lambda c: (c.e["memory"].size(c.s), c.e["memory"].data_len(c.s), c.e["memory"].page_size(c.s)),
    "memory type": lambda c: (c.e["memory"].type(c.s).limits.max, c.e["memory"].type(c.s).is_64),
    "memory grow": lambda c: (c.e["memory"].grow(c.s, 1), c.e["memory"].grow(c.s, 0), c.e["memory"].size(c.s)),
    "memory grow too far": lambda c: c.e["memory"].grow(c.s, 9),
    "memory shrink": lambda c: c.e["memory"].grow(c.s, -1),
    "memory read": lambda c: [c.e["memory"].read(c.s, *r) for r in ((8, 13), (-3,), (5, 2), (70000,), (65530, 70000))],
    "memory write": lambda c: (c.e["memory"].write(c.s, b"abc", 20), c.e["memory"].read(c.s, 19, 24)),
    "memory write at the end": lambda c: (c.e["memory"].write(c.s, b"abc", -3), c.e["memory"].read(c.s, -4)),
    "memory write outside": lambda c: c.e["memory"].write(c.s, b"abc", 65534),
    "memory write nothing outside": lambda c: c.e["memory"].write(c.s, b"", 65536),
    "memory pointer": lambda c: (c.e["memory"].data_ptr(c.s)[8], bytes(c.e["memory"].get_buffer_ptr(c.s, 5, 8))),
    "new memory": lambda c: c.w.Memory(c.s, c.w.MemoryType(c.w.Limits(2, 3))).size(c.s),
    "memory of no store": lambda c: c.w.Memory(1, c.w.MemoryType(c.w.Limits(2, 3))),
    "memory of no type": lambda c: c.w.Memory(c.s, 1),
    "table": lambda c: (c.e["table"].size(c.s), c.e["table"].type(c.s).limits.max, c.e["table"].type(c.s).element),
    "table func": lambda c: c.e["table"].get(c.s, 1)(c.s),
    "table outside": lambda c: (c.e["table"].get(c.s, 9), c.e["table"].get(c.s, -1)),
    "table set": lambda c: (c.e["table"].set(c.s, 0, c.e["none"]), c.e["table"].get(c.s, 0)(c.s)),
    "table set outside": lambda c: c.e["table"].set(c.s, 9, None),
    "table set object": lambda c: c.e["table"].set(c.s, 0, 3),
    "table grow": lambda c: (c.e["table"].grow(c.s, 2, None), c.e["table"].size(c.s)),
    "table grow too far": lambda c: c.e["table"].grow(c.s, 9, None),
    "table grow by text": lambda c: c.e["table"].grow(c.s, "x", None),
    "externs": lambda c: (c.e["externs"].set(c.s, 1, "x"), c.e["externs"].get(c.s, 1)),
    "new table": lambda c: c.w.Table(c.s, c.w.TableType(c.w.ValType.externref(), c.w.Limits(2, None)), "x").get(c.s, 1),
    "new table of no type": lambda c: c.w.Table(c.s, 1, None),
    "global": lambda c: (c.e["gi"].value(c.s), c.e["const"].value(c.s), c.e["gi"].type(c.s).mutable),
    "global set": lambda c: (c.e["gi"].set_value(c.s, 2**32 - 1), c.e["gi"].value(c.s)),
    "global set Val": lambda c: (c.e["gi"].set_value(c.s, c.w.Val.i32(3)), c.e["gi"].value(c.s)),
    "global set float": lambda c: c.e["gi"].set_value(c.s, 1.0),
    "constant set": lambda c: c.e["const"].set_value(c.s, 1.0),
    "global extern": lambda c: (c.e["ge"].set_value(c.s, c), c.e["ge"].value(c.s) is c),
    "global func": lambda c: (c.e["gf"].set_value(c.s, c.e["none"]), c.e["gf"].value(c.s)(c.s)),
    "new global": lambda c: c.w.Global(c.s, c.w.GlobalType(c.w.ValType.i64(), False), 5).value(c.s),
    "new global of no type": lambda c: c.w.Global(c.s, 1, 5),
    "new global of another value": lambda c: c.w.Global(c.s, c.w.GlobalType(c.w.ValType.i64(), False), "x"),
    "tag": lambda c: (c.e["tag"].eq(c.s, c.e["tag"]), c.e["tag"].type(c.s).functype.params),
    "exports": lambda c: (list(c.e), len(c.e), "none" in c.e, c.e.get("?"), [type(x).__name__ for x in c.e.by_index]),
    "exports are kept": lambda c: (c.instance.exports(c.s) is c.e, c.e["none"] is c.e["none"]),
    "missing export": lambda c: c.e["?"],
    "missing index": lambda c: c.e.by_index[99],
    "shared memory off": lambda c: c.w.SharedMemory(c.engine, c.w.MemoryType(c.w.Limits(1, 2), shared=True)),
    "shared memory": on(
        lambda c: (lambda m: (m.data_len(), m.grow(1), m.type().is_shared))(
            c.w.SharedMemory(c.engine, c.w.MemoryType(c.w.Limits(1, 2), shared=True))
        ),
        shared_memory=True,
    ),
}

TYPES: dict[str, Scenario] = {
    "names": lambda c: [str(getattr(c.w.ValType, n)()) for n in ("i32", "i64", "f32", "f64", "externref", "funcref")],
    "equal": lambda c: (c.w.ValType.i32() == c.w.ValType.i32(), c.w.ValType.i32() != c.w.ValType.i64()),
    "not made": lambda c: c.w.ValType(),
    "func": lambda c: (c.ty("i32 f32", "i64").params, c.ty("i32 f32", "i64").results),
    "func of numbers": lambda c: c.w.FuncType([1], []),
    "global": lambda c: (c.w.GlobalType(c.w.ValType.i32(), 1).mutable, c.w.GlobalType(c.w.ValType.i32(), 1).content),
    "global of numbers": lambda c: c.w.GlobalType(1, True),
    "limits": lambda c: (c.w.Limits(1, None) == c.w.Limits(1, None), c.w.Limits(1, 2) == c.w.Limits(1, 3)),
    "limits without max": lambda c: c.w.Limits(1),
    "memory": lambda c: (lambda t: (t.limits.min, t.limits.max, t.is_64, t.is_shared, t.page_size, t.page_size_log2))(
        c.w.MemoryType(c.w.Limits(1, 2), True)
    ),
    "memory upside down": lambda c: c.w.MemoryType(c.w.Limits(2, 1)),
    "memory too large": lambda c: c.w.MemoryType(c.w.Limits(2**32, None)),
    "memory of numbers": lambda c: c.w.MemoryType(1),
    "shared without max": lambda c: c.w.MemoryType(c.w.Limits(1, None), shared=True),
    "small pages": lambda c: c.w.MemoryType(c.w.Limits(1, None), page_size_log2=0).page_size,
    "odd pages": lambda c: c.w.MemoryType(c.w.Limits(1, None), page_size_log2=3),
    "table of numbers": lambda c: c.w.TableType(c.w.ValType.i32(), c.w.Limits(1, None)),
    "table without limits": lambda c: c.w.TableType(c.w.ValType.funcref(), 1),
    "tag of numbers": lambda c: c.w.TagType(1),
    "tag": lambda c: c.w.TagType(c.ty("i32", "")).functype.params,
    "vals": lambda c: [
        (v.value, v.type, v.as_i32(), v.as_i64(), v.as_f32(), v.as_f64())
        for v in (c.w.Val.i32(2**35 + 1), c.w.Val.i64(-(2**64) - 1), c.w.Val.f32(1.1), c.w.Val.f64(1.1))
    ],
    "val equality": lambda c: (c.w.Val.i32(1) == 1, c.w.Val.i32(1) == c.w.Val.i64(1), c.w.Val.i32(1) == c.w.Val.i32(1)),
    "val hash": lambda c: hash(c.w.Val.i32(1)),
    "val i32 of float": lambda c: c.w.Val.i32(1.0),
    "val f32 of int": lambda c: c.w.Val.f32(1),
    "val null": lambda c: (
        c.w.Val.ref_null(c.w.ValType.funcref()).value,
        c.w.Val.ref_null(c.w.ValType.externref()).type,
    ),
    "val null of numbers": lambda c: c.w.Val.ref_null(c.w.ValType.i32()),
    "val extern": lambda c: (c.w.Val.externref("x").as_externref(), c.w.Val.externref("x").as_i32()),
}

LINKING: dict[str, Scenario] = {
    "none given": lambda c: import_with(c, "(func)", []),
    "too many given": lambda c: import_with(c, "(func)", [c.func("", "", int)] * 2),
    "other type": lambda c: import_with(c, "(func)", [c.func("i32", "", int)]),
    "other kind": lambda c: import_with(c, "(func)", [c.e["memory"]]),
    "an int": lambda c: import_with(c, "(func)", [1]),
    "fits": lambda c: import_with(c, "(global (mut i32))", [c.e["gi"]]),
    "global by value": lambda c: import_with(c, "(global i32)", [1]),
    "no module": lambda c: c.w.Instance(c.s, 1, []),
    "no store": lambda c: c.w.Instance(1, c.module("(module)"), []),
    "linker": lambda c: (c.linker.define(c.s, "a", "b", c.e["none"]), c.linker.get(c.s, "a", "b")(c.s)),
    "define twice": lambda c: [c.linker.define(c.s, "a", "b", c.e["none"]) for _ in range(2)],
    "define func twice": lambda c: [c.linker.define_func("a", "b", c.ty("", ""), int) for _ in range(2)],
    "shadow": lambda c: (put(c.linker, "allow_shadowing", True), LINKING["define twice"](c)),
    "define an int": lambda c: c.linker.define(c.s, "a", "b", 1),
    "define by number": lambda c: c.linker.define(c.s, 1, "b", c.e["none"]),
    "define func of no type": lambda c: c.linker.define_func("a", "b", 1, int),
    "define instance": lambda c: (c.linker.define_instance(c.s, "i", c.instance), c.linker.get(c.s, "i", "none")(c.s)),
    "define no instance": lambda c: c.linker.define_instance(c.s, "i", 1),
    "get nothing": lambda c: c.linker.get(c.s, "a", "b"),
    "missing": lambda c: c.linker.instantiate(c.s, c.module('(module (import "a" "b" (func)))')),
    "no linker": lambda c: c.w.Linker(1),
    "instantiate nothing": lambda c: c.linker.instantiate(c.s, 1),
    "wasi": stdout_of,
    "wasi twice": lambda c: [c.linker.define_wasi() for _ in range(2)],
    "command": command,
    "reactor": reactor,
    "neither": lambda c: c.linker.define_module(
        c.s, "m", c.module('(module (func (export "_start")) (func (export "_initialize")))')
    ),
    "no command": lambda c: c.linker.define_module(
        c.s, "m", c.module('(module (func (export "_start")) (memory (export "m") 1))')
    ),
    "define no module": lambda c: c.linker.define_module(c.s, "m", 1),
    "default values": default_values,
    "placeholder": placeholder,
    "placeholders of nothing": lambda c: c.linker.define_unknown_imports_as_traps(1),
    "instance pre": prelinked,
    "instance pre of nothing": lambda c: c.linker.instantiate_pre(1),
    "instance pre without imports": lambda c: c.linker.instantiate_pre(c.module('(module (import "a" "b" (func)))')),
}

MODULES: dict[str, Scenario] = {
    "bad text": lambda c: c.module("(module"),
    "invalid": lambda c: c.module("(module (func i32.add))"),
    "empty": lambda c: c.module(b""),  # type: ignore[arg-type]
    "truncated": lambda c: c.module(b"\0asm\1\0\0\0\1"),  # type: ignore[arg-type]
    "a number": lambda c: c.module(1),  # type: ignore[arg-type]
    "text in bytes": lambda c: len(c.module(b"(module)").exports),  # type: ignore[arg-type]
    "bytearray": lambda c: len(c.module(bytearray(b"\0asm\1\0\0\0")).exports),  # type: ignore[arg-type]
    "no engine": lambda c: c.w.Module(1, b""),
    "validate": lambda c: c.w.Module.validate(c.engine, b"\0asm\1\0\0\0"),
    "validate nothing": lambda c: c.w.Module.validate(c.engine, b""),
    "validate text": lambda c: c.w.Module.validate(c.engine, "(module)"),
    "imports": lambda c: [
        (i.module, i.name, type(i.type).__name__)
        for i in c.module(
            '(module (import "a" "b" (func)) (import "" "" (table 1 funcref)) (import "x" "y" (global i32)))'
        ).imports
    ],
    "exports": lambda c: [
        (e.name, type(e.type).__name__)
        for e in c.module('(module (memory (export "m") 1) (func (export "f")) (tag (export "t")))').exports
    ],
    "serialize": serialized,
    "deserialize rubbish": lambda c: c.w.Module.deserialize(c.engine, b"rubbish"),
    "deserialize text": lambda c: c.w.Module.deserialize(c.engine, "rubbish"),
    "deserialize no file": lambda c: c.w.Module.deserialize_file(c.engine, "/no/such/file"),
    "from no file": lambda c: c.w.Module.from_file(c.engine, "/no/such/file"),
    "wat2wasm": lambda c: c.w.wat2wasm("(module)"),
    "wat2wasm bytes": lambda c: c.w.wat2wasm(b"(module)"),
    "wat2wasm bad": lambda c: c.w.wat2wasm("(modul"),
    "closed": lambda c: (lambda m: (m.close(), m.close(), m.exports))(c.module("(module)")),
}

STORES: dict[str, Scenario] = {
    "closed": lambda c: (c.s.close(), c.s.close(), c.s.set_epoch_deadline(1)),
    "closed func": lambda c: (lambda f: (c.s.close(), f(c.s)))(c.func("", "", lambda: None)),
    "with": lambda c: (c.s.__enter__() is c.s, c.s.__exit__(None, None, None), c.s.gc()),
    "data": lambda c: (c.w.Store(c.engine, "x").data(), c.w.Store(c.engine).data()),
    "no engine": lambda c: c.w.Store(1),
    "engine": lambda c: c.s.engine is c.engine,
    "memory limit": lambda c: c.w.Memory(limited(c, memory_size=65536), c.w.MemoryType(c.w.Limits(2, None))),
    "memory within the limit": lambda c: c.w.Memory(
        limited(c, memory_size=65536), c.w.MemoryType(c.w.Limits(1, None))
    ).size(c.s),
    "limits replace each other": lambda c: (
        limited(c, memory_size=65536),
        limited(c, table_elements=9),
        c.w.Memory(c.s, c.w.MemoryType(c.w.Limits(2, None))).size(c.s),
    )[-1],
    "memory growth limit": lambda c: (limited(c, memory_size=65536), c.e["memory"].grow(c.s, 1)),
    "table limit": lambda c: (
        limited(c, table_elements=1),
        c.w.Table(c.s, c.w.TableType(c.w.ValType.funcref(), c.w.Limits(2, None)), None),
    ),
    "instance limit": lambda c: [c.w.Instance(limited(c, instances=1), c.module("(module)"), []) for _ in range(2)],
    "no config": lambda c: c.w.Engine(1),
    "config taken": lambda c: (lambda config: [c.w.Engine(config) for _ in range(2)])(c.w.Config()),
    "config read": lambda c: c.w.Config().wasm_gc,
    "config bad type": lambda c: put(c.w.Config(), "wasm_gc", 1),
    "config closed": lambda c: (lambda config: (config.close(), put(config, "cache", True)))(c.w.Config()),
    "config no cache": lambda c: put(c.w.Config(), "cache", False),
    "config cache file": lambda c: put(c.w.Config(), "cache", "/no/such/file"),
    "config strategy": lambda c: put(c.w.Config(), "strategy", "x"),
    "config opt level": lambda c: put(c.w.Config(), "cranelift_opt_level", "x"),
    "config profiler": lambda c: put(c.w.Config(), "profiler", "x"),
    "config target": lambda c: put(c.w.Config(), "target", "x"),
    "config stack": lambda c: put(c.w.Config(), "max_wasm_stack", "x"),
    "config flag": lambda c: c.w.Config().cranelift_flag_enable(1),
    "pulley": lambda c: c.engine.is_pulley(),
    "wasi read": lambda c: c.w.WasiConfig().argv,
    "wasi no file": lambda c: put(c.w.WasiConfig(), "stdin_file", "/no/such/file"),
    "wasi no directory": lambda c: put(c.w.WasiConfig(), "stdout_file", "/no/such/file"),
    "wasi preopen": lambda c: c.w.WasiConfig().preopen_dir("/no/such/directory", "/"),
    "wasi taken": lambda c: (lambda config: [c.s.set_wasi(config) for _ in range(2)])(c.w.WasiConfig()),
}

FEATURES = {
    "wasm_bulk_memory": "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
    "wasm_multi_value": "(func (result i32 i32) unreachable)",
    "wasm_multi_memory": "(memory 1) (memory 1)",
    "wasm_memory64": "(memory i64 1)",
    "wasm_tail_call": "(func return_call 0)",
    "wasm_exceptions": "(tag)",
    "wasm_threads": "(memory 1 1 shared)",
}
for _name, _text in FEATURES.items():
    for _value in (False, True):
        MODULES[f"{_name}={_value}"] = on(
            lambda c, text=_text: len(c.module(f"(module {text})").imports),  # type: ignore[misc]
            **{_name: _value},
        )

_BACKTRACE = "error while executing at wasm backtrace:\n    0:    {}\n\n"

GROUPS = {
    "calls": CALLS,
    "hosts": HOSTS,
    "traps": TRAPS,
    "frames": FRAMES,
    "items": ITEMS,
    "types": TYPES,
    "linking": LINKING,
    "modules": MODULES,
    "stores": STORES,
}

DIFFERENT: dict[tuple[str, str], tuple[Any, Any]] = {
    ("frames", "exception"): (
        [[[16, None, None, 538, 3]], _BACKTRACE.format("0x21a - <unknown>!<wasm function 16>")],
        [[], "thrown Wasm exception"],
    ),
}
"""What is another result here on purpose: theirs and ours. docs/compat.md says why."""


def plain(value: Any) -> Any:
    """The value with objects of either package by their names, so that the two compare."""
    if isinstance(value, (list, tuple)):
        return [plain(x) for x in value]
    if isinstance(value, float):
        return repr(value)
    module = type(value).__module__.split(".")[0]
    if module in ("wasmtime", "aot"):
        return f"{type(value).__name__} {value}" if type(value).__name__ == "ValType" else type(value).__name__
    return value


def outcome(package: ModuleType, scenario: Scenario) -> Any:
    try:
        return plain(scenario(Context(package)))
    except BaseException as err:
        if type(err).__module__.startswith("_pytest"):
            raise
        return f"raises {type(err).__name__}"


HAS_FRAMES = pytest.mark.skipif(not hasattr(aot.Trap, "frames"), reason="traps tell no frames yet")
ALL = [
    pytest.param(group, name, marks=[HAS_FRAMES] if group == "frames" else [])
    for group, scenarios in GROUPS.items()
    for name in scenarios
]


@pytest.mark.usefixtures("cache_dir")
@pytest.mark.parametrize(("group", "name"), ALL, ids=lambda x: x)
def test_same_outcome(group: str, name: str) -> None:
    scenario = GROUPS[group][name]
    found = outcome(theirs, scenario), outcome(ours, scenario)
    expected = DIFFERENT.get((group, name))
    if expected is None:
        assert found[0] == found[1]
    else:
        assert found == expected


def test_the_comparison_sees_differences() -> None:
    assert outcome(theirs, lambda c: 1.0) == "1.0"
    assert plain([theirs.Limits(1, 2), ours.ValType.i32()]) == ["Limits", "ValType i32"]
    assert functools.partial(outcome, ours)(lambda c: c.w.Limits()) == "raises TypeError"
