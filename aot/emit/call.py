"""Calls (spec: Control Instructions, call and call_indirect)."""

from __future__ import annotations

from aot.emit import meter, names
from aot.emit.context import Signature
from aot.emit.exception import test_text
from aot.emit.immediates import read_u32
from aot.emit.state import BodyState, bare
from aot.emit.table import table_info
from aot.errors import DecodeError, InvalidError
from aot.wasm.types import FUNCREF, FuncType, RefType


def _finish(st: BodyState, signature: Signature, call: str, *, throws: bool) -> None:
    """Write a call and push its results: the first is returned, the others wait in the store's slots."""
    st.calls = True
    test = test_text(st) if throws and st.cx.facts.catching else ""
    if test and (not signature.results or test.endswith(" X")):
        # one statement as far as others can see, so that the result may still land in a local
        call, test = f"{call}; {test}", ""
    if not signature.results:
        st.write(f"{call};")
        meter.cut(st)
        return
    st.push(signature.results[0], st.name(signature.rtypes[0], call))
    if test:
        st.write(f"{test};")
    for k in range(1, len(signature.results)):
        t = signature.results[k]
        st.push(t, st.name(signature.rtypes[k], st.cx.slot(f"w2s_results(vm)[{k}]", t)))
    meter.cut(st)


def direct_callee(st: BodyState) -> tuple[int, int]:
    """Read a function index: (function, its type)."""
    func, st.pos = read_u32(st.data, st.pos)
    if func >= len(st.cx.module.func_types):
        raise InvalidError(f"unknown function {func}")
    return func, st.cx.module.func_types[func]


def way(canonical: int, code: str, callee_vm: str) -> str:
    """C text of the function to call for ``code`` of an instance that may be another one."""
    return f"(({names.func_type(canonical)} *)w2s_way(vm, {code}, {callee_vm}, {names.CROSSINGS}[{canonical}]))"


def call(st: BodyState) -> None:
    """call: own functions by name, imported ones through the context."""
    func, type_index = direct_callee(st)
    module = st.cx.module
    signature = st.cx.signature(type_index)
    args = [bare(arg) for arg in st.pop_all(signature.params)]
    if func < module.n_imported_funcs:
        callee = way(module.canonical[type_index], f"vm->f{func}.code", f"vm->f{func}.vm")
        args.insert(0, f"vm->f{func}.vm")
    else:
        if st.live:
            st.callees.add(func)
        callee = names.function(func)
        args.insert(0, "vm")
    throws = func < module.n_imported_funcs or func in st.cx.facts.throwing
    _finish(st, signature, f"{callee}({', '.join(args)})", throws=throws)


def indirect_callee(st: BodyState) -> tuple[int, str]:
    """Read call_indirect's immediates and check the callee: (its type, the temporary that holds it)."""
    type_index, pos = read_u32(st.data, st.pos)
    if not st.cx.options.features.reference_types and st.data[pos]:
        raise DecodeError("zero byte expected: the feature reference_types is switched off")
    table_index, st.pos = read_u32(st.data, pos)
    info = table_info(st, table_index)
    if not st.matches(info.elem, FUNCREF):
        raise InvalidError(f"type mismatch: expected a table of funcref but got {info.elem}")
    _check_func_type(st, type_index)
    index = bare(st.pop(info.index))
    check = "w2s_callee" if st.cx.module.types[type_index].final else "w2s_callee_sub"
    type_id = f"{names.TYPE_IDS}[{st.cx.module.canonical[type_index]}]"
    return type_index, _name_callee(st, f"{check}(vm, {info.ref}, {index}, {type_id})")


def ref_callee(st: BodyState) -> tuple[int, str]:
    """Read call_ref's immediate and check the callee for null: (its type, the temporary that holds it)."""
    type_index, st.pos = read_u32(st.data, st.pos)
    _check_func_type(st, type_index)
    func = bare(st.pop(RefType(True, type_index)))
    return type_index, _name_callee(st, f"w2s_non_null_func(vm, {func})")


def _name_callee(st: BodyState, callee: str) -> str:
    """Name a function reference that is going to be called; in catching modules one with a `raw` entry."""
    if st.cx.facts.catching:
        st.exceptions = True
        callee = f"w2s_raw(vm, {callee})"
    return st.name("struct w2s_funcref *", callee)


def entry(st: BodyState, callee: str) -> str:
    return f"{callee}->{'raw' if st.cx.facts.catching else 'code'}"


def _check_func_type(st: BodyState, type_index: int) -> None:
    types = st.cx.module.types
    if type_index >= len(types) or not isinstance(types[type_index].comp, FuncType):
        raise InvalidError(f"unknown type {type_index}")


def _call_through(st: BodyState, type_index: int, callee: str) -> None:
    signature = st.cx.signature(type_index)
    args = [f"{callee}->vm", *(bare(arg) for arg in st.pop_all(signature.params))]
    callee = way(st.cx.module.canonical[type_index], entry(st, callee), f"{callee}->vm")
    _finish(st, signature, f"{callee}({', '.join(args)})", throws=True)


def call_indirect(st: BodyState) -> None:
    """call_indirect: bounds, null and canonical type are checked, then a call through the element."""
    _call_through(st, *indirect_callee(st))


def call_ref(st: BodyState) -> None:
    """call_ref: null traps; the type is known."""
    _call_through(st, *ref_callee(st))
