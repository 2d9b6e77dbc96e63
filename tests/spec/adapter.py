"""The only file of the suite's runner that knows the engine's interface.

Values cross as bits: f32 and f64 go in and out as Python floats that carry every NaN exactly, an f32 NaN as the f64
with the same upper payload bits, as the engine's binding defines it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import aot
from aot import (
    Func,
    FuncType,
    Global,
    GlobalType,
    Limits,
    Memory,
    MemoryType,
    SharedMemory,
    Table,
    TableType,
    Trap,
    ValType,
)
from aot.errors import LinkError, ModuleError, UnsupportedError
from tests.spec.outcome import MisfitError, NotLinkedError, RefusedError, ThrownError, TrappedError
from tests.translation import check
from tests.wast.model import LANE_BITS, Nan, Number, Ref, Value, Vector

Compiled = aot.Module
Instance = aot.Instance
Extern = Func | Memory | SharedMemory | Table | Global | aot.Tag

_F32_EXPONENT, _F32_MANTISSA = 0x7F80_0000, 0x007F_FFFF
_F64_EXPONENT = 0x7FF0_0000_0000_0000


@dataclass(frozen=True, slots=True)
class Settings:
    """How the modules are compiled. ``jobs`` is how many of one script are compiled at a time."""

    cc: str | None = None
    opt_level: int = 0
    memory: Literal["auto", "guard", "checked"] = "auto"
    cpu_level: int = 2
    cache: bool = True
    jobs: int = 1
    fast: bool = False

    def __str__(self) -> str:
        how = f"{self.cc or 'cc'}{' fast' if self.fast else ''}"
        return f"{how} -O{self.opt_level} memory={self.memory} cpu={self.cpu_level}"


@dataclass(frozen=True, slots=True)
class HostRef:
    """A host object passed as externref; scripts tell them apart by number."""

    number: int


# ---- values


def f32_to_python(bits: int) -> float:
    """The Python float that stands for an f32, NaNs included."""
    if bits & _F32_EXPONENT == _F32_EXPONENT and bits & _F32_MANTISSA:
        wide = (bits & 0x8000_0000) << 32 | _F64_EXPONENT | (bits & _F32_MANTISSA) << 29
        return float(struct.unpack("<d", wide.to_bytes(8, "little"))[0])
    return float(struct.unpack("<f", bits.to_bytes(4, "little"))[0])


def f32_from_python(value: float) -> int:
    """The bits of the f32 that a Python float stands for."""
    wide = f64_from_python(value)
    if value != value:
        assert wide & 0x1FFF_FFFF == 0, "not the image of an f32"
        return wide >> 32 & 0x8000_0000 | _F32_EXPONENT | wide >> 29 & _F32_MANTISSA
    return int.from_bytes(struct.pack("<f", value), "little")


def f64_to_python(bits: int) -> float:
    return float(struct.unpack("<d", bits.to_bytes(8, "little"))[0])


def f64_from_python(value: float) -> int:
    return int.from_bytes(struct.pack("<d", value), "little")


def vector_to_python(lane: str, bits: Sequence[int | Nan]) -> bytes:
    """The sixteen bytes of a vector given by its lanes."""
    return b"".join(value.to_bytes(LANE_BITS[lane] // 8, "little") for value in bits if isinstance(value, int))


_NUMBERS: dict[str, tuple[Callable[[int], object], Callable[[object], int]]] = {
    "i32": (lambda bits: bits, lambda value: _integer(value) & 0xFFFF_FFFF),
    "i64": (lambda bits: bits, lambda value: _integer(value) & 0xFFFF_FFFF_FFFF_FFFF),
    "f32": (f32_to_python, lambda value: f32_from_python(_float(value))),
    "f64": (f64_to_python, lambda value: f64_from_python(_float(value))),
}
"""Type -> bits to Python, Python to bits."""


def _integer(value: object) -> int:
    assert type(value) is int
    return value


def _float(value: object) -> float:
    assert type(value) is float
    return value


class Session:
    """A store and the host module `spectest` in it."""

    def __init__(self, store: aot.Store) -> None:
        self.store = store
        self._hosts: dict[int, HostRef] = {}

    def spectest(self) -> dict[str, Extern]:
        store, memory, table = self.store, MemoryType(Limits(1, 2)), TableType(ValType.funcref(), Limits(10, 20))
        i32, i64, f32, f64 = ValType.i32(), ValType.i64(), ValType.f32(), ValType.f64()
        prints = {"": (), "_i32": (i32,), "_i64": (i64,), "_f32": (f32,), "_f64": (f64,)}
        prints |= {"_i32_f32": (i32, f32), "_f64_f64": (f64, f64)}
        found: dict[str, Extern] = {
            f"print{suffix}": Func(store, FuncType(params, ()), lambda *args: None) for suffix, params in prints.items()
        }
        found |= {f"global_{t}": Global(store, GlobalType(t, False), 666) for t in (i32, i64)}
        found |= {f"global_{t}": Global(store, GlobalType(t, False), 666.6) for t in (f32, f64)}
        wide = TableType(ValType.funcref(), Limits(10, 20), is_64=True)
        tables = {"table": Table(store, table), "table64": Table(store, wide)}
        shared = SharedMemory(store.engine, MemoryType(Limits(1, 1), is_shared=True))
        return found | {"memory": Memory(store, memory), "shared_memory": shared} | tables

    def instantiate(self, module: Compiled, find: Callable[[str, str], Extern]) -> Instance:
        """Link and start. Raises NotLinkedError, TrappedError, ThrownError, and what ``find`` raises."""
        imports = [find(wanted.module, wanted.name) for wanted in module.imports]
        try:
            return aot.Instance(self.store, module, imports)
        except LinkError as error:
            raise NotLinkedError(str(error)) from None
        except Trap as trap:
            raise TrappedError(trap.message) from None
        except aot.WasmException as exception:
            raise ThrownError(str(exception)) from None

    def exports(self, instance: Instance) -> Mapping[str, Extern]:
        return instance.exports

    def shared_exports(self, instance: Instance) -> Mapping[str, Extern]:
        """The exports that can be used in other sessions, too."""
        return {name: item for name, item in instance.exports.items() if isinstance(item, SharedMemory)}

    def call(self, extern: Extern, args: Sequence[Value]) -> list[Value]:
        """Call a function. Raises TrappedError, ThrownError."""
        if not isinstance(extern, Func):
            raise MisfitError("not a function")
        try:
            returned = extern(*map(self._to_python, args))
        except Trap as trap:
            raise TrappedError(trap.message) from None
        except aot.WasmException as exception:
            raise ThrownError(str(exception)) from None
        types = extern.type().results
        values = () if not types else (returned,) if len(types) == 1 else returned
        return [self._from_python(t, value) for t, value in zip(types, values, strict=True)]

    def read_global(self, extern: Extern) -> Value:
        if not isinstance(extern, Global):
            raise MisfitError("not a global")
        return self._from_python(extern.type().content, extern.value)

    def _to_python(self, value: Value) -> object:
        match value:
            case Number(kind, int(bits)):
                return _NUMBERS[kind][0](bits)
            case Vector(lane, bits):
                return vector_to_python(lane, bits)
            case Ref(is_null=True):
                return None
            case Ref("externref", value=int(number)):
                return self._hosts.setdefault(number, HostRef(number))
        raise MisfitError(f"no such argument: {value}")

    def _from_python(self, type_: ValType, value: object) -> Value:
        name = str(type_)
        if name in _NUMBERS:
            return Number(name, _NUMBERS[name][1](value))
        if name == "v128":
            assert type(value) is bytes
            return Vector("i8", tuple(value))
        if value is None:
            return Ref(name, is_null=True)
        if isinstance(value, HostRef):
            return Ref("externref", value=value.number)
        if isinstance(value, Func):
            return Ref("funcref")
        raise MisfitError(f"no such result: {name} {value!r}")


class Engine:
    """Compiles modules, each once per script."""

    def __init__(self, settings: Settings) -> None:
        config = aot.Config(
            opt_level=settings.opt_level,
            cc=settings.cc,
            cpu_level=settings.cpu_level,
            memory=settings.memory,
            cache=settings.cache,
            fast=settings.fast,
            jobs=1,
        )
        self._engine = aot.Engine(config)
        self._jobs = settings.jobs
        self._made: dict[bytes, Compiled | RefusedError] = {}

    def prepare(self, modules: Sequence[bytes]) -> None:
        """Compile all modules of a script, several at a time, and forget those of the script before.

        The C compiler's start is most of the cost of a small module, and it runs in a process of its own: threads
        are enough to keep all processors busy.
        """
        with ThreadPoolExecutor(self._jobs) as pool:
            self._made = dict(zip(modules, pool.map(self._make, modules), strict=True))

    def _make(self, data: bytes) -> Compiled | RefusedError:
        try:
            return aot.Module(self._engine, data)
        except ModuleError as error:
            return RefusedError(str(error), isinstance(error, UnsupportedError))

    def compile(self, data: bytes) -> Compiled:
        """Raises RefusedError."""
        made = self._made.get(data) or self._make(data)
        self._made[data] = made
        if isinstance(made, RefusedError):
            raise made
        return made

    def validate(self, data: bytes, version: str) -> None:
        """Decode and validate by a version's rules, without compiling. Raises RefusedError."""
        try:
            check(data, version)
        except ModuleError as error:
            raise RefusedError(error.message, isinstance(error, UnsupportedError)) from None

    @contextmanager
    def session(self) -> Iterator[Session]:
        with aot.Store(self._engine) as store:
            yield Session(store)


def default_jobs() -> int:
    """One compiler per processor, or one in all where the test run is itself spread over processes."""
    return 1 if "PYTEST_XDIST_WORKER" in os.environ else len(os.sched_getaffinity(0))
