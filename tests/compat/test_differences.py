"""What is other than in wasmtime-py on purpose: the table in docs/compat.md, row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aot
import aot.compat.wasmtime
from tests.compat.scenarios import Context

w: Any = aot.compat.wasmtime
pytestmark = pytest.mark.usefixtures("cache_dir")


@pytest.fixture
def c() -> Context:
    return Context(w)


WRONG_STORE: dict[str, Callable[[Context, Any], Any]] = {
    "call": lambda c, s: c.e["none"](s),
    "func type": lambda c, s: c.e["none"].type(s),
    "argument": lambda c, s: c("func", Context(w).e["none"]),
    "exports": lambda c, s: c.instance.exports(s),
    "memory": lambda c, s: c.e["memory"].size(s),
    "memory read": lambda c, s: c.e["memory"].read(s),
    "memory grow": lambda c, s: c.e["memory"].grow(s, 1),
    "table": lambda c, s: c.e["table"].get(s, 0),
    "table set": lambda c, s: c.e["table"].set(s, 0, None),
    "element": lambda c, s: c.e["table"].set(c.s, 0, Context(w).e["none"]),
    "global": lambda c, s: c.e["gi"].value(s),
    "global set": lambda c, s: c.e["gi"].set_value(s, 1),
    "tag": lambda c, s: c.e["tag"].type(s),
    "define": lambda c, s: c.linker.define(s, "a", "b", c.e["none"]),
    "define instance": lambda c, s: c.linker.define_instance(s, "a", c.instance),
    "import": lambda c, s: w.Instance(s, c.module('(module (import "a" "b" (func)))'), [c.e["none"]]),
}


@pytest.mark.parametrize("use", WRONG_STORE)
def test_another_store(c: Context, use: str) -> None:
    assert c.e
    with pytest.raises(w.WasmtimeError, match="another store|wrong store"):
        WRONG_STORE[use](c, w.Store(c.engine))


def test_vectors(c: Context) -> None:
    module = c.module('(module (func (export "f") (param v128) (result v128) (local.get 0)))')
    assert module.exports[0].type.params == [w.ValType.v128()]
    assert w.Instance(c.s, module, []).exports(c.s)["f"](c.s, bytes(range(16))) == bytes(range(16))


def test_null_and_false_references(c: Context) -> None:
    assert c.e["ge"].value(c.s) is None
    assert c.e["gf"].value(c.s) is None
    assert c.e["table"].get(c.s, 0) is None
    c.e["externs"].set(c.s, 0, 0)
    c.e["externs"].set(c.s, 1, "")
    assert [c.e["externs"].get(c.s, n) for n in range(3)] == [0, "", None]
    assert w.Val.funcref(None).as_funcref() is None


def test_a_shared_memory_is_defined_and_imported() -> None:
    config = w.Config()
    config.shared_memory = True
    store = w.Store(w.Engine(config))
    memory = w.SharedMemory(store.engine, w.MemoryType(w.Limits(1, 2), shared=True))
    linker = w.Linker(store.engine)
    linker.define(store, "env", "memory", memory)
    assert isinstance(linker.get(store, "env", "memory"), w.SharedMemory)
    module = w.Module(
        store.engine,
        """(module (import "env" "memory" (memory 1 2 shared)) (export "m" (memory 0))
      (func (export "store") (i32.atomic.store (i32.const 4) (i32.const 7))))""",
    )
    exports = linker.instantiate(store, module).exports(store)
    exports["store"](store)
    assert memory.data_ptr()[4] == 7
    assert exports["m"].size() == memory.size() == 1


def test_a_function_type_is_not_taken_over(c: Context) -> None:
    functype = c.ty("i32", "")
    assert w.TagType(functype).functype.params == functype.params


def test_false_data(c: Context) -> None:
    assert w.Store(c.engine, 0).data() == 0


WASI = """(module (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 100) "hello")
  (func (export "run") (result i32) (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 5))
    (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"""


def test_wasi_without_a_context(c: Context) -> None:
    c.linker.define_wasi()
    assert c.linker.instantiate(c.s, c.module(WASI)).exports(c.s)["run"](c.s) == 0


def test_what_a_stream_raises_comes_out(c: Context) -> None:
    def fail(data: bytes) -> None:
        raise LookupError(data)

    config = w.WasiConfig()
    config.stdout_custom = fail
    c.linker.define_wasi()
    c.s.set_wasi(config)
    with pytest.raises(LookupError, match="hello"):
        c.linker.instantiate(c.s, c.module(WASI)).exports(c.s)["run"](c.s)


def test_buffers_end_with_the_memory(c: Context) -> None:
    memory = c.e["memory"]
    with pytest.raises(ValueError, match="size"):
        memory.get_buffer_ptr(c.s, 65536, 1)
    view = memory.get_buffer_ptr(c.s, 5, 8)
    c.s.close()
    assert bytes(view) == b"hello"
    with pytest.raises(ValueError, match="already closed"):
        memory.size(c.s)


def test_types_of_what_has_grown(c: Context) -> None:
    c.e["memory"].grow(c.s, 1)
    c.e["table"].grow(c.s, 1, None)
    assert c.e["memory"].type(c.s).limits == w.Limits(2, 3)
    assert c.e["table"].type(c.s).limits == w.Limits(5, 8)


def test_a_table_type_upside_down() -> None:
    with pytest.raises(w.WasmtimeError):
        w.TableType(w.ValType.funcref(), w.Limits(2, 1))


def test_limits_of_a_new_store(c: Context) -> None:
    with pytest.raises(w.WasmtimeError):
        w.Table(c.s, w.TableType(w.ValType.funcref(), w.Limits(10_000_001, None)), None)


def test_permissions_of_earlier_releases(tmp_path: Path) -> None:
    config = w.WasiConfig()
    config.preopen_dir(str(tmp_path), "/a", w.DirPerms.READ_ONLY, w.FilePerms.READ_ONLY)
    config.preopen_dir(str(tmp_path), "/b", w.DirPerms.READ_WRITE, w.FilePerms.READ_WRITE)
    config.preopen_dir(str(tmp_path), "/c", False)
    assert {guest: mode for guest, (_, mode) in config.ptr()._dirs.items()} == {"/a": "ro", "/b": "rw", "/c": "ro"}


def test_a_trap_is_one_object_through_host_functions(c: Context) -> None:
    seen: list[Any] = []

    def through() -> None:
        try:
            c("unreachable")
        except w.Trap as trap:
            seen.append(trap)
            raise

    c.calls["nothing"] = through
    with pytest.raises(w.Trap) as raised:
        c("call_nothing")
    assert raised.value is seen[0]


@pytest.mark.skipif(not hasattr(aot.Trap, "frames"), reason="traps tell no frames yet")
def test_frames_go_on_behind_host_functions(c: Context) -> None:
    c.calls["nothing"] = lambda: c("unreachable")
    with pytest.raises(w.Trap) as raised:
        c("call_nothing")
    assert len(raised.value.frames) == 2


def test_an_uncaught_exception_has_no_frames(c: Context) -> None:
    with pytest.raises(w.Trap, match="^thrown Wasm exception$") as raised:
        c("throw")
    assert raised.value.frames == []
