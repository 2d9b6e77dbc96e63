"""Seed page 0, `InstanceHandle`: each row of the page has a test that says which."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import aot
from aot.build import compile_to_file
from aot.build.toolchain import find_toolchain
from aot.vm import ExportIndex, FinishedError, InstanceHandle, VMOffsets

Compile = Callable[[str], aot.Module]

PARTS = """(module
  (import "env" "log" (func $log (param i32)))
  (import "env" "memory" (memory $imported 1))
  (import "env" "table" (table $itab 2 funcref))
  (import "env" "base" (global $base i32))
  (memory $own (export "own") 1 3) (memory (export "other") 1)
  (table $t0 (export "t0") 3 10 funcref) (table $t1 (export "t1") 2 externref)
  (global $g (export "g") (mut i64) (i64.const -5)) (global $f (export "f") f64 (f64.const 1.5))
  (data (memory $imported) (i32.const 8) "first") (data (memory $own) (i32.const 16) "own")
  (elem (table $itab) (i32.const 1) func $seven)
  (elem (table $t0) (i32.const 0) func $seven $log)
  (func $seven (export "seven") (result i32) i32.const 7)
  (func $start (call $log (i32.load8_u $imported (i32.const 8)))) (start $start)
  (export "log" (func $log)) (export "imported" (memory $imported)) (export "itab" (table $itab)))"""


class World:
    """A store with what `PARTS` imports; ``calls`` are those of its host function."""

    def __init__(self, engine: aot.Engine) -> None:
        self.store = aot.Store(engine)
        self.calls: list[int] = []
        self.log = aot.Func(self.store, aot.FuncType([aot.ValType.i32()], []), self.calls.append)
        self.memory = aot.Memory(self.store, aot.MemoryType(aot.Limits(1)))
        self.table = aot.Table(self.store, aot.TableType(aot.ValType.funcref(), aot.Limits(2)), None)
        self.imports = {"env": {"log": self.log, "memory": self.memory, "table": self.table, "base": 3}}

    def new(self, module: aot.Module) -> InstanceHandle:
        return InstanceHandle.new(module, self.imports, store=self.store)


@pytest.fixture
def world(engine: aot.Engine) -> World:
    return World(engine)


def test_new(wat: Compile, world: World) -> None:
    """Page 0, row: new. Only what cannot fail by the guest's doing: no segment, no start function."""
    handle = world.new(wat(PARTS))
    assert world.calls == [] and world.memory[8] == 0 and world.table[1] is None
    assert handle.lookup("g").value == -5 and len(handle.lookup("own")) == 1 << 16
    assert handle.lookup("own")[16:19] == bytes(3) and handle.table_get(0, 0) is None
    assert handle.lookup("seven")() == 7
    with pytest.raises(TypeError, match=r"InstanceHandle\.new"):
        InstanceHandle()


def test_new_leaves_nothing_where_it_fails(wat: Compile, world: World) -> None:
    """Page 0, row: new, failures. tests/test_oom.c makes every allocation fail in turn."""
    module = wat(PARTS)
    for name, limit in (("memory_size", 100), ("tables", 2), ("memories", 2), ("instances", 0)):
        before = world.store.limits
        world.store.set_limits(**{name: limit})
        with pytest.raises(aot.ResourceError):
            world.new(module)
        world.store.limits = before
    with pytest.raises(aot.LinkError, match='"env" "log"'):
        InstanceHandle.new(module, {}, store=world.store)
    world.store.set_limits(instances=1)
    world.new(module).finish()
    assert world.calls == [ord("f")]


def test_finish_instantiation(wat: Compile, world: World) -> None:
    """Page 0, row: finish_instantiation. Elements, then data, then the start function; once."""
    handle = world.new(wat(PARTS))
    handle.finish()
    assert world.calls == [ord("f")] and world.memory[8:13] == b"first"
    assert world.table[1] is not None and world.table[1]() == 7
    assert handle.lookup("own")[16:19] == b"own" and handle.table_get(0, 1) == world.log
    with pytest.raises(FinishedError) as caught:
        handle.finish()
    assert isinstance(caught.value, RuntimeError) and world.calls == [ord("f")]


def test_finish_instantiation_keeps_earlier_effects(wat: Compile, world: World) -> None:
    """Page 0, row: finish_instantiation, traps. What earlier segments wrote stays."""
    module = wat("""(module (import "env" "memory" (memory 1)) (import "env" "table" (table 2 funcref)) (func $f)
      (elem (i32.const 0) func $f) (data (i32.const 0) "before") (data (i32.const 65535) "beyond")
      (func $start unreachable) (start $start))""")
    handle = InstanceHandle.new(module, world.imports, store=world.store)
    with pytest.raises(aot.Trap) as caught:
        handle.finish()
    assert caught.value.trap_code == aot.TrapCode.MEMORY_OUT_OF_BOUNDS
    assert world.memory[0:6] == b"before" and world.table[0] is not None
    with pytest.raises(FinishedError):
        handle.finish()
    elements = wat("""(module (import "env" "memory" (memory 1)) (import "env" "table" (table 2 funcref)) (func $f)
      (elem (i32.const 2) func $f) (data (i32.const 20) "never"))""")
    late = InstanceHandle.new(elements, world.imports, store=world.store)
    with pytest.raises(aot.Trap, match="out of bounds table access"):
        late.finish()
    assert world.memory[20:25] == bytes(5)


def test_drop(wat: Compile, engine: aot.Engine) -> None:
    """Page 0, row: Drop / InstanceAllocator. Exports outlive the handle; closing is idempotent."""
    module = wat('(module (memory (export "m") 1) (func (export "f") (result i32) i32.const 4))')
    handle = InstanceHandle.new(module)
    handle.finish()
    func, memory = handle.lookup("f"), handle.lookup("m")
    view = memoryview(memory)
    with pytest.raises(BufferError):
        handle.close()
    view.release()
    maps = Path("/proc/self/maps")
    del handle
    gc.collect()
    assert func() == 4 and memory[0] == 0
    before = len(maps.read_text().splitlines())
    func.store.close()
    assert len(maps.read_text().splitlines()) < before
    own = InstanceHandle.new(module)
    own.close()
    own.close()
    with pytest.raises(aot.UsageError, match="handle is closed"):
        own.lookup("f")
    store = aot.Store(engine)
    shared = InstanceHandle.new(module, store=store)
    kept = shared.lookup("f")
    shared.close()
    assert kept() == 4 and not store.closed


def test_vmctx(wat: Compile, world: World) -> None:
    """Page 0, row: vmctx, vmctx_ptr. The address is what compiled functions get; the view names its fields."""
    handle = world.new(wat(PARTS))
    context = handle.vmctx
    assert context.head.magic == 0x6F733277 and context.head.store == world.store._address
    assert context.head.instance == handle._address and list(context) == list(handle.offsets)
    # a function value carries the context that its code gets
    assert {ref.vm for ref in context.refs if ref.vm} >= {handle.vmctx_ptr}
    assert context.mem1.bytes == 1 << 16 and context.mem0 == world.memory._address
    assert context["tab1"].n_elems == 3 and context.g1 == (1 << 64) - 5
    handle.lookup("g").value = 6
    assert context.g1 == 6
    assert set(dir(context)) == set(handle.offsets) and "base" in dir(context.mem1)
    for wrong in ("nothing", "mem9"):
        with pytest.raises(AttributeError, match=wrong):
            getattr(context, wrong)
    with pytest.raises(AttributeError):
        context.mem1.nothing  # noqa: B018
    world.store.close()
    with pytest.raises(aot.UsageError, match="closed"):
        context.head  # noqa: B018


def test_vmctx_ptr_is_what_code_is_called_with(wat: Compile) -> None:
    """Page 0, row: vmctx_ptr. Code called by its address with that pointer is the function."""
    import ctypes

    handle = InstanceHandle.new(
        wat("""(module (global $g (mut i32) (i32.const 30))
      (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (global.get $g))))""")
    )
    handle.finish()
    code = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)(handle.info.function(0))
    assert code(handle.vmctx_ptr, 12) == handle.lookup("add")(12) == 42


def test_vmoffsets(wat: Compile, world: World) -> None:
    """Page 0, row: vmoffsets. A global that is read through its raw offset has its value."""
    handle = world.new(wat(PARTS))
    offsets = handle.offsets
    assert list(offsets)[0] == "head" and offsets["head"].offset == 0
    from aot.embed import raw

    field = offsets["g1"]
    assert (field.size, field.count, field.stride) == (8, 1, 8)
    assert int.from_bytes(raw.read(handle.vmctx_ptr + field.offset, 8), "little", signed=True) == -5
    end = max(f.offset + f.stride * f.count for f in offsets.values())
    assert end <= offsets.size_of_vmctx < end + 16
    assert offsets["refs"].count == 3 and offsets["refs"].stride == offsets["refs"].size
    assert "g1" in offsets and "g9" not in offsets and len(offsets) == len(list(offsets))


def test_vmoffsets_are_the_c_compilers(wat: Compile, tmp_path: Path) -> None:
    """Page 0, row: vmoffsets. Every row equals offsetof and sizeof in C."""
    module = wat(PARTS)
    from aot.embed.wat import to_wasm

    compile_to_file(to_wasm(PARTS), tmp_path / "c", emit="c")
    offsets = VMOffsets(module)
    lines = "".join(
        f'printf("{name} %zu %zu\\n", __builtin_offsetof(struct w2s_vm, {name}), sizeof ((struct w2s_vm *)0)->{name});'
        for name in offsets
    )
    source = tmp_path / "main.c"
    source.write_text(
        f'#include <stdio.h>\n#include "module.h"\nint main(void) {{ {lines} '
        'printf("%zu\\n", sizeof(struct w2s_vm)); return 0; }\n'
    )
    tool = find_toolchain(None)
    built = tmp_path / "printing"
    subprocess.run([*tool.command, "-I", str(tmp_path / "c"), "-msse4.2", str(source), "-o", str(built)], check=True)
    printed = subprocess.run([built], check=True, capture_output=True, text=True).stdout.splitlines()
    assert printed[:-1] == [f"{name} {f.offset} {f.size * f.count}" for name, f in offsets.items()]
    assert int(printed[-1]) == offsets.size_of_vmctx


def test_module(wat: Compile, world: World) -> None:
    """Page 0, row: module, module_ref."""
    module = wat(PARTS)
    handle = world.new(module)
    assert handle.module is module is handle.info.module
    own = aot.Module(world.store.engine, '(module (func (export "f") (result i32) i32.const 3))')
    other = InstanceHandle.new(own)
    del own
    gc.collect()
    assert other.lookup("f")() == 3 and [e.name for e in other.module.exports] == ["f"]


def test_lookup(wat: Compile, world: World) -> None:
    """Page 0, row: lookup. Imports that are exported again are what was given."""
    handle = world.new(wat(PARTS))
    assert handle.lookup("seven")() == 7 and handle.lookup("nothing") is None
    assert handle.lookup("log") == world.log and handle.lookup("imported") == world.memory
    assert handle.lookup("itab") == world.table and handle.lookup("own") != world.memory
    assert handle.lookup("own") is handle.lookup("own")


def test_lookup_by_declaration(wat: Compile, world: World) -> None:
    """Page 0, row: lookup_by_declaration. The same as by name, without one."""
    handle = world.new(wat(PARTS))
    for name, declaration in handle.exports():
        assert handle.lookup_by_declaration(declaration) == handle.lookup(name)
    assert handle.lookup_by_declaration(ExportIndex("func", 0)) == world.log
    for wrong in (ExportIndex("func", 99), ExportIndex("nothing", 0), ExportIndex("memory", -1), ExportIndex("tag", 0)):
        with pytest.raises(aot.UsageError, match="there is no"):
            handle.lookup_by_declaration(wrong)


def test_exports(wat: Compile, world: World) -> None:
    """Page 0, row: exports. Declarations in the order of the binary; nothing is made."""
    handle = world.new(wat(PARTS))
    found = dict(handle.exports())
    assert list(found) == ["own", "other", "t0", "t1", "g", "f", "seven", "log", "imported", "itab"]
    assert found["own"] == ExportIndex("memory", 1) and found["t1"] == ExportIndex("table", 2)
    assert found["g"] == ExportIndex("global", 1) and found["log"] == ExportIndex("func", 0)


def test_memory_index(wat: Compile, world: World) -> None:
    """Page 0, row: memory_index. Own memories count from 0; foreign ones are errors."""
    handle = world.new(wat(PARTS))
    assert [handle.memory_index(handle.lookup(name)) for name in ("own", "other")] == [0, 1]
    for foreign in (world.memory, handle.lookup("imported"), world.new(wat(PARTS)).lookup("own")):
        with pytest.raises(ValueError, match="own"):
            handle.memory_index(foreign)


def test_table_index(wat: Compile, world: World) -> None:
    """Page 0, row: table_index."""
    handle = world.new(wat(PARTS))
    assert [handle.table_index(handle.lookup(name)) for name in ("t0", "t1")] == [0, 1]
    for foreign in (world.table, world.new(wat(PARTS)).lookup("t0")):
        with pytest.raises(ValueError, match="own"):
            handle.table_index(foreign)


def test_memory_grow(wat: Compile, world: World) -> None:
    """Page 0, row: memory_grow. Old pages or None; maximum, limits, nothing, wrong index."""
    handle = world.new(wat(PARTS))
    assert handle.memory_grow(0, 0) == 1 and handle.memory_grow(0, 1) == 1 and handle.memory_grow(0, 0) == 2
    assert handle.memory_grow(0, 2) is None and handle.memory_grow(0, 1 << 70) is None
    world.store.set_limits(total_memory_size=5 << 16)
    assert handle.memory_grow(1, 2) is None and handle.memory_grow(1, 1) == 1
    with pytest.raises(IndexError, match="memory 2 of 2"):
        handle.memory_grow(2, 1)
    with pytest.raises(aot.UsageError):
        handle.memory_grow(0, -1)


def test_table_grow(wat: Compile, world: World) -> None:
    """Page 0, row: table_grow. Old number of elements (the page says pages, which is a mistake) or None."""
    handle = world.new(wat(PARTS))
    seven = handle.lookup("seven")
    assert handle.table_grow(0, 2, seven) == 3 and handle.table_get(0, 4)() == 7
    assert handle.table_grow(0, 6) is None and handle.table_grow(0, 5) == 5 and handle.table_grow(0, 0) == 10
    assert handle.table_grow(1, 1, "object") == 2 and handle.table_get(1, 2) == "object"
    assert handle.table_grow(1, 1 << 70) is None
    with pytest.raises(IndexError, match="table 2 of 2"):
        handle.table_grow(2, 1)
    with pytest.raises(TypeError):
        handle.table_grow(0, 0, "object")


def test_table_get_and_set(wat: Compile, world: World) -> None:
    """Page 0, row: table_get / table_set. None, and a trap, out of bounds; TypeError for another type."""
    handle = world.new(wat(PARTS))
    seven = handle.lookup("seven")
    assert handle.table_get(0, 2) is None and handle.table_get(0, 3) is None and handle.table_get(0, -1) is None
    handle.table_set(0, 2, seven)
    assert handle.table_get(0, 2) == seven
    handle.table_set(0, 2, None)
    assert handle.table_get(0, 2) is None
    for index in (3, -1, 1 << 40):
        with pytest.raises(aot.Trap) as caught:
            handle.table_set(0, index, seven)
        assert caught.value.trap_code == aot.TrapCode.TABLE_OUT_OF_BOUNDS
    with pytest.raises(TypeError):
        handle.table_set(0, 0, "object")


def test_get_local_table(wat: Compile, world: World) -> None:
    """Page 0, row: get_local_table. The index leaves imports out."""
    handle = world.new(wat(PARTS))
    assert handle.get_local_table(0) == handle.lookup("t0") != world.table
    with pytest.raises(IndexError, match="table 2 of 2"):
        handle.get_local_table(2)
    with pytest.raises(IndexError):
        handle.get_local_table(-1)


def test_debug_and_equality(wat: Compile, world: World) -> None:
    """Page 0, row: Debug, PartialEq. Handles of one instance are equal."""
    handle = world.new(wat(PARTS))
    assert ", new>" in repr(handle)
    handle.finish()
    again = InstanceHandle.of(handle.instance())
    assert again == handle and hash(again) == hash(handle) and again is not handle
    assert world.new(wat(PARTS)) != handle and handle != "handle"
    assert ", finished>" in repr(again)
    with pytest.raises(FinishedError):
        again.finish()
    again.close()
    assert ", closed>" in repr(again) and handle.lookup("seven")() == 7
