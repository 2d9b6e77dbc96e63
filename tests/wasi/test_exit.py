"""How programs end, and that nothing of them stays behind."""

from __future__ import annotations

import gc
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import aot
from aot.wasi import CAPTURE
from tests.wasi import direct, tool


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.parametrize("depth", [0, 10, 5000])
@pytest.mark.parametrize("status", [0, 1, 3, 125, 255, 256, 70000])
def test_exit_at_any_depth(status: int, depth: int) -> None:
    done = tool.run("exit", str(status), str(depth))
    assert done.exit_status == status
    assert done.wasi.exit_status == status
    assert (done.stdout, done.stderr) == (b"no newline", b"exit handler\n")


def test_exit_is_an_exception_for_whoever_calls() -> None:
    store = aot.Store()
    instance = tool.module()(store=store, wasi=aot.Wasi(["tool", "exit", "7", "5"], stdout=CAPTURE))
    with pytest.raises(aot.ExitTrap, match="exited with status 7") as caught:
        instance.exports["_start"]()
    assert isinstance(caught.value, aot.Trap)
    assert (caught.value.code, caught.value.exit_status) == (7, 7)
    assert caught.value.trap_code is aot.TrapCode.EXIT
    assert pickle.loads(pickle.dumps(caught.value)).code == 7
    assert instance.wasi is not None
    assert instance.wasi.stdout == b"no newline"


def test_status_is_that_of_the_context_which_ended() -> None:
    store = aot.Store()
    instances = [direct.module()(store=store, wasi=aot.Wasi()) for _ in range(3)]
    for status, instance in [(5, instances[1]), (6, instances[0]), (7, instances[1])]:
        with pytest.raises(aot.ExitTrap) as caught:
            instance.exports["proc_exit"](status)
        assert caught.value.code == status
    assert [instance.wasi.exit_status for instance in instances if instance.wasi] == [6, 7, None]


def test_return_without_exit() -> None:
    done = tool.run("args")
    assert done.exit_status == 0
    assert done.wasi.exit_status in (0, None)


def test_trap_keeps_what_was_written() -> None:
    context: list[bytes] = []
    with pytest.raises(aot.Trap, match="unreachable") as caught:
        tool.run("trap", stdout=context.append)
    assert not isinstance(caught.value, aot.ExitTrap)
    assert context == [b"before\n"]


def test_no_command() -> None:
    with pytest.raises(aot.UsageError, match="_start"):
        aot.wasi.run(direct.module())


def test_unknown_function_of_wasi(
    wat_module: str = '(module (import "wasi_snapshot_preview1" "fd_teleport" (func)))',
) -> None:
    module = aot.Module(aot.Engine(), wat_module)
    with pytest.raises(aot.LinkError, match="fd_teleport"):
        module(wasi=aot.Wasi())


def test_wrong_type_of_a_function() -> None:
    module = aot.Module(aot.Engine(), '(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64))))')
    with pytest.raises(aot.LinkError, match="incompatible import type"):
        module(wasi=aot.Wasi())


def test_without_wasi_the_error_says_what_to_do() -> None:
    with pytest.raises(aot.LinkError, match=r"wasi=aot\.Wasi"):
        tool.module()()


def test_the_older_name() -> None:
    text = """(module
      (import "wasi_unstable" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
      (import "wasi_unstable" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 100) "file")
      (func (export "stat") (result i32)
        (call $stat (i32.const 3) (i32.const 0) (i32.const 100) (i32.const 4) (i32.const 0))))"""
    instance = aot.Module(aot.Engine(), text)(wasi=aot.Wasi(dirs={"/": {"file": b"12345"}}))
    assert instance.stat() == 0
    memory = memoryview(instance.memory)
    assert int.from_bytes(memory[24:32], "little") == 5  # the size lies 8 bytes earlier than in preview 1
    assert memory[16] == 4


def test_nothing_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    reader, writer = os.pipe()
    before = open_descriptors()
    for _ in range(3):
        dirs = {"/d": tmp_path, "/m": {"a": b""}}
        tool.run("many", "/d/file", "50", dirs=dirs, stdin=tmp_path / "file", stdout=tmp_path / "out")
        with open(reader, "rb", closefd=False) as pipe:
            tool.run("many", "/d/file", "5", dirs=dirs, stdin=pipe)
        with pytest.raises(aot.Trap):
            tool.run("trap", dirs=dirs)
        with pytest.raises(FileNotFoundError):
            tool.run("args", dirs={"/d": tmp_path, "/e": tmp_path / "missing"})
        assert open_descriptors() == before
    os.close(reader)
    os.close(writer)


def test_store_closes_its_contexts(tmp_path: Path) -> None:
    before = open_descriptors()
    store = aot.Store()
    store.set_wasi(aot.Wasi(dirs={"/": tmp_path}))
    assert open_descriptors() != before
    store.close()
    assert open_descriptors() == before
    store = aot.Store()
    store.set_wasi(aot.Wasi(dirs={"/": tmp_path}))
    del store
    gc.collect()
    assert open_descriptors() == before


def test_closed_context(tmp_path: Path) -> None:
    guest = direct.guest(tmp_path)
    context = guest.instance.wasi
    assert context is not None
    context.close()
    context.close()
    assert guest.close_fd(3) == direct.BADF
    assert guest.open(b"x")[0] == direct.BADF


def test_memory_does_not_grow() -> None:
    """Contexts, buffers, callables and files in memory are freed with their stores."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def once() -> None:
        dirs = {"/m": {f"file{n}": b"x" * 10000 for n in range(20)}}
        tool.run("fill", "/m/new", "200000", dirs=dirs, stderr=lambda data: None)

    for _ in range(30):
        once()
    before = resident()
    for _ in range(200):
        once()
    assert resident() - before < 10 << 20


def test_callable_that_refers_to_its_store_is_collected() -> None:
    import weakref

    class Holder:
        store: aot.Store

        def __call__(self, data: bytes) -> None:
            pass

    holder = Holder()
    holder.store = aot.Store()
    tool.module()(store=holder.store, wasi=aot.Wasi(["tool"], stderr=holder))
    gone = weakref.ref(holder)
    del holder
    gc.collect()
    assert gone() is None


def test_many_threads(tmp_path: Path) -> None:
    """Programs run side by side in threads of their own, each with its own files, streams and status."""
    (tmp_path / "shared").write_text("shared")

    def one(n: int) -> None:
        own = {"file": str(n).encode()}
        assert tool.run("show", "/m/file", dirs={"/m": own}).stdout == str(n).encode()
        assert tool.run("show", "/d/shared", dirs={"/d": tmp_path}).stdout == b"shared"
        assert tool.run("exit", str(n), "20").exit_status == n
        seen: list[bytes] = []
        tool.run("cat", "3", stdin=b"%d" % n * 100, stdout=seen.append)
        assert b"".join(seen) == b"%d" % n * 100

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(200)))


def test_a_blocked_program_does_not_block_others() -> None:
    """Waiting for input releases the interpreter."""
    reader, writer = os.pipe()
    with open(reader, "rb") as pipe, open(writer, "wb", buffering=0) as other:  # noqa: PTH123
        result: list[bytes] = []
        thread = threading.Thread(target=lambda: result.append(tool.run("cat", stdin=pipe).stdout))
        thread.start()
        for n in range(5):
            assert tool.run("args", str(n)).exit_status == 0
        other.write(b"done")
        other.close()
        thread.join(10)
        assert not thread.is_alive()
    assert result == [b"done"]


def test_interrupt_from_another_thread() -> None:
    context_ready = threading.Event()
    contexts: list[aot.wasi.WasiContext] = []

    def ready(data: bytes) -> None:
        context_ready.set()

    store = aot.Store()
    store.set_wasi(aot.Wasi(["tool", "sleep", "1000"], stdout=ready))
    assert store.wasi is not None
    contexts.append(store.wasi)
    instance = tool.module()(store=store)

    def interrupt() -> None:
        context_ready.wait(10)
        contexts[0].interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(aot.Trap) as caught:
        instance.exports["_start"]()
    thread.join()
    assert caught.value.trap_code is aot.TrapCode.INTERRUPT
