"""The segment register, which holds a memory's base: whoever calls whom, all find their own memory afterwards.

Instances call each other in a circle. Each has a digit in its memory, and writes it behind what the next one gives,
reading it when that call is over; so whoever read another's memory would write a wrong digit.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import aot
from aot.build import BuildOptions, compile_to_file
from aot.build.describe import describe_object
from aot.build.elf import read_meta
from aot.build.segments import can_set_segment
from aot.build.toolchain import find_toolchain
from tests.wast.assemble import assemble

ASK = "(i32.sub (local.get 0) (i32.const 1))"
NEXT = "(global.get $next)"
CALLS = {
    "call_indirect": f"(call_indirect $table (type $f) {ASK} {NEXT})",
    "call_ref": f"(call_ref $f {ASK} (table.get $table {NEXT}))",
    "import": f"(call $host {ASK} {NEXT})",
    "return_call_indirect": f"(call $indirect {ASK})",
    "return_call_ref": f"(call $ref {ASK})",
}
TAILS = f"""
  (func $indirect (param i32) (result i32) (return_call_indirect $table (type $f) (local.get 0) {NEXT}))
  (func $ref (param i32) (result i32) (return_call_ref $f (local.get 0) (table.get $table {NEXT})))"""
HEAD = """(type $f (func (param i32) (result i32)))
  (import "env" "host" (func $host (param i32 i32) (result i32)))
  (import "env" "table" (table $table 3 (ref null $f)))
  (import "env" "next" (global $next i32))"""


def node(digit: int, call: str, *, memory: bool) -> str:
    """A module whose f(n) is its digit behind what ``call`` gives, or the digit alone if n is 0."""
    own = "(i32.load (i32.const 0))" if memory else f"(i32.const {digit})"
    declaration = rf'(memory 1) (data (i32.const 0) "\{digit:02x}")' if memory else ""
    return f"""(module {HEAD} {declaration} {TAILS if call.startswith("(call $") else ""}
      (func (export "f") (type $f)
        (if (result i32) (local.get 0)
          (then (i32.add (i32.mul (i32.const 10) {call}) {own}))
          (else {own}))))"""


def expected(n: int, at: int, digits: str) -> int:
    return int("".join(digits[(at + k) % len(digits)] for k in range(n, -1, -1)))


@pytest.fixture(scope="module", params=[0, 2], ids=["O0", "O2"])
def engine(request: pytest.FixtureRequest, cache_dir: Path) -> aot.Engine:
    return aot.Engine(aot.Config(opt_level=request.param))


class Circle:
    """Instances 1, 2, 3, ...; ``host(n, k)`` is a Python function that asks instance k."""

    def __init__(self, engine: aot.Engine, texts: list[str]) -> None:
        self.store = aot.Store(engine)
        modules = [aot.Module(engine, text) for text in texts]
        table_type = next(t.type for t in modules[0].imports if isinstance(t.type, aot.TableType))
        assert isinstance(table_type, aot.TableType)
        self.table = aot.Table(self.store, table_type, None)
        i32 = aot.ValType.i32()
        host = aot.Func(self.store, aot.FuncType([i32, i32], [i32]), self.host)
        self.instances = []
        for k, module in enumerate(modules):
            following = aot.Global(self.store, aot.GlobalType(i32, False), (k + 1) % len(texts))
            self.instances.append(aot.Instance(self.store, module, [host, self.table, following]))
            self.table.set(k, self.instances[k].f)

    def host(self, n: int, k: int) -> int:
        value = self.instances[k].f(n)
        assert isinstance(value, int)
        return value


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("without", [None, 0, 1, 2], ids=["all", "not-1", "not-2", "not-3"])
def test_everyone_finds_their_own_memory(engine: aot.Engine, call: str, without: int | None) -> None:
    circle = Circle(engine, [node(k + 1, CALLS[call], memory=k != without) for k in range(3)])
    for _ in range(2):
        for at in range(3):
            assert circle.instances[at].f(7) == expected(7, at, "123")


@pytest.mark.parametrize(
    "mixture", [("call_indirect", "return_call_ref", "import"), ("import", "call_ref", "call_ref")]
)
def test_mixed_calls(engine: aot.Engine, mixture: tuple[str, ...]) -> None:
    circle = Circle(engine, [node(k + 1, CALLS[call], memory=True) for k, call in enumerate(mixture)])
    assert [circle.instances[at].f(8) for at in range(3)] == [expected(8, at, "123") for at in range(3)]


def test_after_a_trap_in_another_instance(engine: aot.Engine) -> None:
    """A host function calls an instance that traps, and hides it: its caller still has its own memory."""

    class Hiding(Circle):
        def host(self, n: int, k: int) -> int:
            with pytest.raises(aot.Trap):
                self.instances[k].f(n)
            return 5

    broken = node(2, "(i32.load (i32.const -1))", memory=True)
    circle = Hiding(engine, [node(1, CALLS["import"], memory=True), broken, broken])
    assert circle.instances[0].f(2) == 51


EXCEPTION = """(module {head} (import "env" "tag" (tag $e (param i32))) (memory 1) (data (i32.const 0) "\\{digit:02x}")
  (func $sum (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.mul (i32.const 10) (call $caught (local.get 0))) (i32.load (i32.const 0))))
      (else (i32.load (i32.const 0)))))
  (func $caught (param i32) (result i32)
    (block $h (result i32)
      (try_table (catch $e $h) (drop (call_indirect $table (type $f) {ask} {next}))) (unreachable)))
  (func (export "f") (type $f) (throw $e (call $sum (local.get 0))))
  (func (export "sum") (type $f) (call $sum (local.get 0))))"""
PASSING = """(module {head} (import "env" "tag" (tag $e (param i32))) (memory 1) (data (i32.const 0) "\\{digit:02x}")
  (func (export "f") (type $f) (i32.add (i32.load (i32.const 0)) (call_indirect $table (type $f) {ask} {next}))))"""


@pytest.mark.parametrize("passing", [False, True])
def test_exceptions_from_other_instances(engine: aot.Engine, passing: bool) -> None:
    """Thrown in one, caught in another; with ``passing`` through one that knows nothing of exceptions."""
    store = aot.Store(engine)
    i32 = aot.ValType.i32()
    tag = aot.Tag(store, aot.TagType(aot.FuncType([i32], [])))
    texts = [
        (PASSING if passing and k == 1 else EXCEPTION).format(head=HEAD, digit=k + 1, ask=ASK, next=NEXT)
        for k in range(3)
    ]
    modules = [aot.Module(engine, text) for text in texts]
    table_type = modules[0].imports[1].type
    assert isinstance(table_type, aot.TableType)
    table = aot.Table(store, table_type, None)
    host = aot.Func(store, aot.FuncType([i32, i32], [i32]), lambda n, k: n)
    instances = []
    for k, module in enumerate(modules):
        following = aot.Global(store, aot.GlobalType(i32, False), (k + 1) % 3)
        instances.append(aot.Instance(store, module, [host, table, following, tag]))
        table.set(k, instances[k].f)
    if not passing:
        assert instances[0].sum(5) == expected(5, 0, "123")
    else:  # 2 passes on what 3 throws
        assert instances[0].sum(5) == 3131
        assert instances[2].sum(3) == 313


def test_calls_that_wait(engine: aot.Engine) -> None:
    """Two circles suspended in the middle of each other, on stacks of their own, and plain calls in between."""

    class Waiting(Circle):
        async def host(self, n: int, k: int) -> int:  # type: ignore[override]
            await asyncio.sleep(0)
            value = await self.instances[k].f.call_async(n)
            await asyncio.sleep(0)
            assert plain.instances[0].f(2) == expected(2, 0, "789")
            assert isinstance(value, int)
            return value

    plain = Circle(engine, [node(k + 7, CALLS["call_ref"], memory=True) for k in range(3)])
    circles = [Waiting(engine, [node(k + d, CALLS["import"], memory=True) for k in range(3)]) for d in (1, 4)]

    async def main() -> list[object]:
        return list(await asyncio.gather(*(c.instances[at].f.call_async(6) for c in circles for at in range(3))))

    found = asyncio.run(main())
    assert found == [expected(6, at, digits) for digits in ("123", "456") for at in range(3)]


@pytest.mark.parametrize(
    ("text", "segmented"),
    [
        ("(module (memory 1))", True),
        ('(module (import "" "" (memory 1)))', True),
        ("(module (memory 1) (memory 1))", False),
        ("(module (memory 1 1 shared))", False),
        ("(module (memory i64 1))", False),
        ("(module)", False),
    ],
)
def test_which_modules_use_it(text: str, segmented: bool, tmp_path: Path) -> None:
    data = assemble(text.encode())
    compile_to_file(data, tmp_path / "m.so", BuildOptions(opt_level=0))
    available = find_toolchain().segments and can_set_segment()
    assert ("needs FSGSBASE" in next(describe_object(read_meta(tmp_path / "m.so")))) == (segmented and available)
    compile_to_file(data, tmp_path / "n.so", BuildOptions(opt_level=0, segment=False))
    assert "needs FSGSBASE" not in next(describe_object(read_meta(tmp_path / "n.so")))


@pytest.mark.parametrize(("segment", "segmented"), [(None, False), (True, True), (False, False)])
def test_files_for_others(segment: bool | None, segmented: bool, tmp_path: Path) -> None:
    """They have none unless that is asked for."""
    aot.compile(assemble(b"(module (memory 1))"), tmp_path / "m.so", aot.Config(opt_level=0, segment=segment))
    available = find_toolchain().segments and can_set_segment()
    assert ("needs FSGSBASE" in next(describe_object(read_meta(tmp_path / "m.so")))) == (segmented and available)


def test_a_process_with_something_at_low_addresses(tmp_path: Path) -> None:
    """Where an access without its segment would go there must be nothing."""
    data = assemble(b"(module (memory 1))")
    compile_to_file(data, tmp_path / "m.so", BuildOptions(opt_level=0))
    if "needs FSGSBASE" not in next(describe_object(read_meta(tmp_path / "m.so"))):
        pytest.skip("this machine or compiler has no segments")
    script = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mmap.restype = ctypes.c_void_p
MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS = 2, 16, 32
assert libc.mmap(1 << 32, 4096, 3, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0) == 1 << 32
import aot
from aot.build.segments import can_set_segment
assert not can_set_segment()
try:
    aot.Module.deserialize_file(aot.Engine(), sys.argv[1])
except aot.FormatError as err:
    print(err)
"""
    run = subprocess.run([sys.executable, "-c", script, tmp_path / "m.so"], capture_output=True, text=True, check=True)
    assert "nothing below 8 GiB" in run.stdout
