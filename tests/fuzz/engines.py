"""The two sides: this engine and wasmtime behind the same interface, so that a run looks the same for both."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aot
from aot.errors import LinkError, ModuleError, ResourceError
from tests.fuzz.settings import Settings
from tests.fuzz.support import ARGUMENT, CALL, TOKEN

wasmtime: Any = __import__("wasmtime")

MEMORY_BYTES = 64 << 20
TABLE_ELEMENTS = 100_000
"""How far memories and tables may grow, on both sides."""
STACK_BYTES = 1 << 20

HostCall = Callable[["Side", int, tuple[int, ...]], int]
"""(side, number of the import, arguments) -> what the results are made of; may raise `HostStop`."""


class RefusedError(Exception):
    """A module was refused: it is not valid, or uses what the engine does not know."""


class HostStop(Exception):  # noqa: N818, it is no error
    """A host function ends the call, as embedders' code may."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind`` is "return", "trap", "exception", "stopped by host" or "link error"; ``detail`` the kind of trap."""

    kind: str
    detail: str = ""
    values: tuple[object, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}{self.values if self.kind == 'return' else ''}".strip()


class Token:
    """The host's object that externref values refer to."""


@dataclass(slots=True)
class Side(ABC):
    """One engine with one store and one instance of the module under test.

    ``log`` holds what host functions saw since it was last cleared.
    """

    host: HostCall
    log: list[tuple[int, ...]] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    token: Token = field(default_factory=Token)

    @property
    @abstractmethod
    def started(self) -> bool:
        """Whether exports can be called: not from a start function."""

    @abstractmethod
    def start(self, support: bytes, data: bytes, imports: Sequence[str]) -> Outcome:
        """Compile and instantiate. Raises RefusedError."""

    @abstractmethod
    def call(self, function: str, args: Sequence[object]) -> Outcome:
        """Call an export."""

    @abstractmethod
    def memory(self, export: str) -> tuple[int, int]:
        """Address and size in bytes."""

    @abstractmethod
    def close(self) -> None: ...

    def note(self, value: int) -> None:
        """The host function ``argument``."""
        self.pending.append(value & 0xFFFF_FFFF_FFFF_FFFF)

    def called(self, number: int) -> int:
        """The host function ``call``."""
        args = tuple(self.pending)
        self.pending.clear()
        return self.host(self, number, args)

    def plain(self, values: object, n: int) -> tuple[object, ...]:
        """Results as a tuple, in which references of the host are true or false."""
        listed = () if n == 0 else (values,) if n == 1 else tuple(values)  # type: ignore[arg-type]
        return tuple(v if isinstance(v, int) else v is not None for v in listed)


_OURS = {"UNDEFINED_ELEMENT": "TABLE_OUT_OF_BOUNDS", "WAIT_ON_UNSHARED": "ATOMIC_WAIT_NON_SHARED_MEMORY"}
"""Our name of a trap -> wasmtime's."""
_THROWN = "thrown Wasm exception"
"""What wasmtime says of an exception that nobody caught."""


@dataclass(slots=True)
class Ours(Side):
    """This engine."""

    settings: Settings = field(default_factory=Settings)
    supports: dict[tuple[str, bytes], Any] = field(default_factory=dict)
    """Compiled support modules by kind of memory and content; shared by all sides of a process."""
    _store: Any = None
    _exports: Any = None
    _calls: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def start(self, support: bytes, data: bytes, imports: Sequence[str]) -> Outcome:
        engine = aot.Engine(self.settings.config())
        store = self._store = aot.Store(engine)
        store.set_limits(MEMORY_BYTES, TABLE_ELEMENTS, total_memory_size=4 * MEMORY_BYTES, stack_size=STACK_BYTES)
        try:
            key = self.settings.memory, support
            helper = self.supports.get(key)
            if helper is None:
                cheapest = aot.Engine(Settings(memory=self.settings.memory).config())
                helper = self.supports[key] = aot.Module(cheapest, support)
            module = aot.Module(engine, data)
        except ModuleError as error:
            raise RefusedError(str(error)) from None
        i32, i64 = aot.ValType.i32(), aot.ValType.i64()
        host = {
            ARGUMENT: aot.Func(store, aot.FuncType((i64,), ()), self.note),
            CALL: aot.Func(store, aot.FuncType((i32,), (i64,)), self.called),
            TOKEN: aot.Global(store, aot.GlobalType(aot.ValType.externref(), False), self.token),
        }
        given = aot.Instance(store, helper, list(host.values())).exports
        return self._run(lambda: self._instantiate(module, [given[name] for name in imports]), 0)

    @property
    def started(self) -> bool:
        return self._exports is not None

    def _instantiate(self, module: Any, imports: list[Any]) -> None:
        self._exports = aot.Instance(self._store, module, imports).exports

    def call(self, function: str, args: Sequence[object]) -> Outcome:
        found = self._calls.get(function)
        if found is None:
            func = self._exports[function]
            found = self._calls[function] = (func, len(func.type().results))
        func, n_results = found
        return self._run(lambda: func(*args), n_results)

    def _run(self, action: Callable[[], object], n_results: int) -> Outcome:
        try:
            return Outcome("return", "", self.plain(action(), n_results))
        except aot.Trap as trap:
            name = trap.trap_code.name if trap.trap_code is not None else trap.message
            return Outcome("trap", _OURS.get(name, name))
        except aot.WasmException:
            return Outcome("exception")
        except HostStop:
            return Outcome("stopped by host")
        except (LinkError, ResourceError) as error:
            return Outcome("link error", str(error))

    def memory(self, export: str) -> tuple[int, int]:
        found = self._exports[export]
        with found.buffer if isinstance(found, aot.SharedMemory) else memoryview(found) as view:
            n = len(view)
            return (ctypes.addressof(ctypes.c_ubyte.from_buffer(view)) if n else 0), n

    def close(self) -> None:
        self._calls.clear()
        self._exports = None
        self._store.close()


@dataclass(slots=True)
class Wasmtime(Side):
    """wasmtime, the reference. ``engine`` as `wasmtime_engine` makes it."""

    engine: Any = None
    _store: Any = None
    _exports: Any = None
    _calls: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def start(self, support: bytes, data: bytes, imports: Sequence[str]) -> Outcome:
        store = self._store = wasmtime.Store(self.engine)
        store.set_limits(memory_size=MEMORY_BYTES, table_elements=TABLE_ELEMENTS)
        try:
            helper, module = wasmtime.Module(self.engine, support), wasmtime.Module(self.engine, data)
        except wasmtime.WasmtimeError as error:
            raise RefusedError(str(error)) from None
        i32, i64, ref = wasmtime.ValType.i32(), wasmtime.ValType.i64(), wasmtime.ValType.externref()
        host = [
            wasmtime.Func(store, wasmtime.FuncType([i64], []), self.note),
            wasmtime.Func(store, wasmtime.FuncType([i32], [i64]), self.called),
            wasmtime.Global(store, wasmtime.GlobalType(ref, False), wasmtime.Val.externref(self.token)),
        ]
        given = wasmtime.Instance(store, helper, host).exports(store)
        return self._run(lambda: self._instantiate(module, [given[name] for name in imports]), 0)

    @property
    def started(self) -> bool:
        return self._exports is not None

    def _instantiate(self, module: Any, imports: list[Any]) -> None:
        self._exports = wasmtime.Instance(self._store, module, imports).exports(self._store)

    def call(self, function: str, args: Sequence[object]) -> Outcome:
        found = self._calls.get(function)
        if found is None:
            func = self._exports[function]
            found = self._calls[function] = (func, len(func.type(self._store).results))
        func, n_results = found
        return self._run(lambda: func(self._store, *args), n_results)

    def _run(self, action: Callable[[], object], n_results: int) -> Outcome:
        try:
            return Outcome("return", "", self.plain(action(), n_results))
        except wasmtime.Trap as trap:
            code = trap.trap_code
            if code is None and _THROWN in trap.message:
                return Outcome("exception")
            return Outcome("trap", code.name if code is not None else trap.message)
        except HostStop:
            return Outcome("stopped by host")
        except wasmtime.WasmtimeError as error:
            return Outcome("exception") if _THROWN in str(error) else Outcome("link error", str(error))

    def memory(self, export: str) -> tuple[int, int]:
        found = self._exports[export]
        store = () if isinstance(found, wasmtime.SharedMemory) else (self._store,)
        size = found.data_len(*store)
        return (ctypes.addressof(found.data_ptr(*store).contents) if size else 0), size

    def close(self) -> None:
        self._calls.clear()
        self._exports = None
        self._store.close()


def wasmtime_engine() -> Any:
    """An engine with every feature on that it has, and relaxed instructions that give the same everywhere."""
    config = wasmtime.Config()
    for switch in (
        "simd",
        "relaxed_simd",
        "relaxed_simd_deterministic",
        "threads",
        "multi_memory",
        "memory64",
        "tail_call",
        "exceptions",
        "function_references",
        "custom_page_sizes",
        "wide_arithmetic",
    ):
        setattr(config, f"wasm_{switch}", True)
    config.shared_memory = True
    config.cranelift_opt_level = "none"
    config.parallel_compilation = False
    return wasmtime.Engine(config)
