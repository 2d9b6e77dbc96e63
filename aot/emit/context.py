"""What every function body needs to know of its module, worked out once: signatures, C types, access texts."""

from __future__ import annotations

from dataclasses import dataclass

from aot.abi.layout import is_func_ref, is_inline_memory, value_ctype
from aot.emit.literal import f32_text, f64_text, literal_text, v128_text
from aot.emit.plan import Plan
from aot.wasm.module import Module
from aot.wasm.switches import refused_codes
from aot.wasm.types import FuncType, NumType, RefType, ValType

StackType = str | RefType
"""Types on the operand stack: ``i l f d v`` for numbers and vectors, the type itself for references."""

BOTTOM = "?"
"""The type of a value that unreachable code made up; it matches every type."""

_CTYPES = {"i": "uint32_t", "l": "uint64_t", "f": "float", "d": "double", "v": "w2s_v128", BOTTOM: "uint32_t"}
TYPE_NAMES = {"i": "i32", "l": "i64", "f": "f32", "d": "f64", "v": "v128", BOTTOM: "any"}


def stack_type(t: ValType) -> StackType:
    return t.char if isinstance(t, NumType) else t


def type_name(t: StackType) -> str:
    return TYPE_NAMES[t] if isinstance(t, str) else str(t)


@dataclass(frozen=True, slots=True)
class Signature:
    """A function type as the emitter uses it; ``ctypes`` are C types of the parameters, ``rtypes`` of the results."""

    params: tuple[StackType, ...]
    results: tuple[StackType, ...]
    ctypes: tuple[str, ...]
    rtypes: tuple[str, ...]

    @property
    def creturn(self) -> str:
        return self.rtypes[0] if self.rtypes else "void"


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """``index`` is the type of addresses; ``ref`` is C text of a pointer to the memory."""

    index: str
    guarded: bool
    ref: str
    page_log2: int
    shared: bool


@dataclass(frozen=True, slots=True)
class TableInfo:
    index: str
    elem: RefType
    ref: str
    is_func: bool


@dataclass(frozen=True, slots=True)
class GlobalInfo:
    """``text`` reads or assigns the global; ``constant`` says that reading it always gives the same value."""

    type: StackType
    ctype: str
    mutable: bool
    text: str
    constant: bool


class ModuleContext:
    """A module, its layout and everything derived from both. Read-only once made; shared by all bodies."""

    def __init__(self, module: Module, plan: Plan) -> None:
        self.module = module
        self.options = plan.options
        self.segmented = plan.segmented
        self.refused = refused_codes(plan.options.features)
        self.layout = plan.layout
        self.facts = plan.facts
        self.n_imported_tags = module.n_imported_tags
        self.ref_slots = {func: slot for slot, func in enumerate(self.layout.escapes)}
        self._signatures: dict[int, Signature] = {}
        self.memories = tuple(self._memory(k) for k in range(len(module.memories)))
        self.tables = tuple(self._table(k) for k in range(len(module.tables)))
        self.globals = tuple(self._global(k) for k in range(len(module.globals)))

    def signature(self, type_index: int) -> Signature:
        """The signature of function type ``type_index``, which must be one."""
        found = self._signatures.get(type_index)
        if found is None:
            comp = self.module.types[type_index].comp
            assert isinstance(comp, FuncType)
            found = self._signatures[type_index] = Signature(
                tuple(map(stack_type, comp.params)),
                tuple(map(stack_type, comp.results)),
                tuple(value_ctype(self.module, t)[0] for t in comp.params),
                tuple(value_ctype(self.module, t)[0] for t in comp.results),
            )
        return found

    def ctype(self, t: StackType) -> str:
        """The C type of a value on the stack."""
        if isinstance(t, str):
            return _CTYPES[t]
        return value_ctype(self.module, t)[0]

    def zero(self, t: StackType) -> str:
        """C text of the default value of type ``t``."""
        return v128_text(0) if t == "v" else "0"

    def initial(self, t: StackType) -> str:
        """C text of what a local begins with. Compilers must not see the zeros of floats: they would fold x - 0 to x,
        which does not quiet NaNs.
        """
        if t == "f":
            return f32_text(0)
        return f64_text(0) if t == "d" else self.zero(t)

    def slot(self, place: str, t: StackType) -> str:
        """C text that reads or assigns the value of type ``t`` in ``place``, a `union w2s_value`."""
        return f"*w2s_slot_v128({place}.words)" if t == "v" else f"{place}.{self._member(t)}"

    def _member(self, t: StackType) -> str:
        """The member of `union w2s_value` that holds a value of type ``t``."""
        if isinstance(t, str):
            return {"i": "i32", "l": "i64", "f": "f32", "d": "f64"}[t]
        return "func" if is_func_ref(self.module, t) else "ref"

    def _memory(self, k: int) -> MemoryInfo:
        memory = self.module.memories[k]
        inline = is_inline_memory(self.module, k)
        is64 = memory.limits.is64
        guarded = self.options.guard and not is64 and memory.page_log2 == 16
        ref = f"&vm->mem{k}" if inline else f"vm->mem{k}"
        return MemoryInfo("l" if is64 else "i", guarded, ref, memory.page_log2, memory.limits.shared)

    def _table(self, k: int) -> TableInfo:
        own = k >= self.module.n_imported_tables
        table = self.module.tables[k]
        index = "l" if table.limits.is64 else "i"
        return TableInfo(
            index, table.elem, f"&vm->tab{k}" if own else f"vm->tab{k}", is_func_ref(self.module, table.elem)
        )

    def _global(self, k: int) -> GlobalInfo:
        type_ = self.module.globals[k]
        first_own = self.module.n_imported_globals
        text = f"vm->g{k}" if k >= first_own else f"(*vm->g{k})"
        if k >= first_own and not type_.mutable:
            text = literal_text(self.module.own_globals[k - first_own].init) or text
        ctype = value_ctype(self.module, type_.value)[0]
        return GlobalInfo(stack_type(type_.value), ctype, type_.mutable, text, not type_.mutable)
