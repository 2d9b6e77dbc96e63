"""Stores: what instances, functions, memories, tables and globals live in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from aot.embed._native import ffi, lib
from aot.embed.engine import Engine
from aot.embed.metering import Metered
from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.embed.module import Module
    from aot.embed.pre import InstancePre, Prepared
    from aot.embed.wasi import WasiContext, WasiSetup


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What the code in a store may use. Sizes count bytes, ``table_elems`` elements.

    ``memory_bytes`` and ``table_elems`` bound each memory and table, ``total_memory_bytes`` all memories together,
    ``stack_bytes`` the stack of one chain of calls, ``exception_bytes`` all exceptions that exist at a time, ``fibers``
    the calls made with `Func.call_async` that have not ended.
    """

    memory_bytes: int
    total_memory_bytes: int
    table_elems: int
    instances: int
    tables: int
    memories: int
    stack_bytes: int
    exception_bytes: int
    fibers: int


class Store(Metered):
    """Owns everything made in it, and frees it when closed or when nothing refers to the store any more.

    A store is used by one thread at a time; another thread's use while code of the store runs raises UsageError.
    Different stores run in parallel. ``data`` is whatever the embedder wants to keep with the store.

    Host functions keep what they refer to alive. Objects passed as externref stay alive while something in the store
    refers to them, and until the next collection (`gc`).
    """

    def __init__(self, engine: Engine | None = None, data: Any = None) -> None:
        if engine is not None and not isinstance(engine, Engine):
            raise TypeError(f"expected an Engine, not {type(engine).__name__}")
        self.engine = engine if engine is not None else Engine()
        self.data = data
        self._modules: dict[int, Module] = {}
        """Modules that have instances here, by the address of the runtime's object."""
        self._wasi: WasiContext | None = None
        self._prepared: dict[InstancePre, Prepared] = {}
        """What was resolved for this store."""
        if self.engine._epoch is not None:
            lib.w2s_store_set_epoch(self._pointer, self.engine._epoch)

    @classmethod
    def _heir(cls, store: Store) -> Store:
        """A store without a C store, to get that of ``store`` by `_recycle`."""
        heir = cls._vacant()
        heir.__dict__.update(engine=store.engine, data=None, _modules=store._modules, _wasi=None, _prepared={})
        return heir

    @property
    def limits(self) -> StoreLimits:
        """The limits in force."""
        found = ffi.new("struct w2s_limits *")
        lib.w2s_store_get_limits(self._pointer, found)
        return StoreLimits(*(int(getattr(found, name)) for name in StoreLimits.__slots__))

    @limits.setter
    def limits(self, limits: StoreLimits) -> None:
        values = asdict(limits)
        for name, value in values.items():
            if not 0 <= value < 1 << 64:
                raise UsageError(f"limit {name}={value} is out of range")
        lib.w2s_store_set_limits(self._pointer, ffi.new("struct w2s_limits *", values))

    def set_limits(
        self,
        memory_size: int = -1,
        table_elements: int = -1,
        instances: int = -1,
        tables: int = -1,
        memories: int = -1,
        *,
        total_memory_size: int = -1,
        stack_size: int = -1,
        exception_size: int = -1,
        fibers: int = -1,
    ) -> None:
        """Set limits; a negative number leaves one as it is. Sizes count bytes.

        They apply to what is made or grows from now on.
        """
        given = {
            "memory_bytes": memory_size,
            "total_memory_bytes": total_memory_size,
            "table_elems": table_elements,
            "instances": instances,
            "tables": tables,
            "memories": memories,
            "stack_bytes": stack_size,
            "exception_bytes": exception_size,
            "fibers": fibers,
        }
        now = asdict(self.limits)
        self.limits = StoreLimits(**{name: value if value >= 0 else now[name] for name, value in given.items()})

    def set_wasi(self, wasi: WasiSetup) -> None:
        """Make a WASI context as described (`aot.Wasi`, `aot.WasiConfig`), for instances made from now on that import
        WASI's functions. Raises OSError for a directory or file that cannot be opened.
        """
        from aot.embed.wasi import open_wasi

        self._wasi = open_wasi(self, wasi)

    @property
    def wasi(self) -> WasiContext | None:
        """What `set_wasi` made."""
        return self._wasi

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {'closed' if self.closed else 'open'} at {id(self):#x}>"
