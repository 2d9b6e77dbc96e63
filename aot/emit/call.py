"""Calls (spec: Control Instructions, call and call_indirect)."""

from __future__ import annotations

from aot.emit import names
from aot.emit.context import Signature
from aot.emit.immediates import read_u32
from aot.emit.state import BodyState, bare
from aot.emit.table import table_info
from aot.errors import DecodeError, InvalidError
from aot.wasm.types import FUNCREF, FuncType, RefType


def _finish(st: BodyState, signature: Signature, call: str) -> None:
    """Write a call and push its results: the first is returned, the others wait in the store's slots."""
    st.calls = True
    if not signature.results:
        st.write(f"{call};")
        return
    st.push(signature.results[0], st.name(signature.rtypes[0], call))
    for k in range(1, len(signature.results)):
        t = signature.results[k]
        st.push(t, st.name(signature.rtypes[k], f"w2s_results(vm)[{k}].{st.cx.member(t)}"))


def call(st: BodyState) -> None:
    """call: own functions by name, imported ones through the context."""
    func, st.pos = read_u32(st.data, st.pos)
    module = st.cx.module
    if func >= len(module.func_types):
        raise InvalidError(f"unknown function {func}")
    type_index = module.func_types[func]
    signature = st.cx.signature(type_index)
    args = [bare(arg) for arg in st.pop_all(signature.params)]
    if func < module.n_imported_funcs:
        callee = f"(({names.func_type(module.canonical[type_index])} *)vm->f{func}.code)"
        args.insert(0, f"vm->f{func}.vm")
    else:
        if st.live:
            st.callees.add(func)
        callee = names.function(func)
        args.insert(0, "vm")
    _finish(st, signature, f"{callee}({', '.join(args)})")


def call_indirect(st: BodyState) -> None:
    """call_indirect: bounds, null and canonical type are checked, then a call through the element."""
    type_index, pos = read_u32(st.data, st.pos)
    if not st.cx.options.features.reference_types and st.data[pos]:
        raise DecodeError("zero byte expected: the feature reference_types is switched off")
    table_index, st.pos = read_u32(st.data, pos)
    module = st.cx.module
    info = table_info(st, table_index)
    if not st.matches(info.elem, FUNCREF):
        raise InvalidError(f"type mismatch: expected a table of funcref but got {info.elem}")
    if type_index >= len(module.types) or not isinstance(module.types[type_index].comp, FuncType):
        raise InvalidError(f"unknown type {type_index}")
    index = st.pop(info.index)
    signature = st.cx.signature(type_index)
    args = [bare(arg) for arg in st.pop_all(signature.params)]
    canonical = module.canonical[type_index]
    check = "w2s_callee" if module.types[type_index].final else "w2s_callee_sub"
    callee = st.name("struct w2s_funcref *", f"{check}(vm, {info.ref}, {bare(index)}, {names.TYPE_IDS}[{canonical}])")
    args.insert(0, f"{callee}->vm")
    _finish(st, signature, f"(({names.func_type(canonical)} *){callee}->code)({', '.join(args)})")


def call_ref(st: BodyState) -> None:
    """call_ref: null traps; the type is known."""
    type_index, st.pos = read_u32(st.data, st.pos)
    module = st.cx.module
    if type_index >= len(module.types) or not isinstance(module.types[type_index].comp, FuncType):
        raise InvalidError(f"unknown type {type_index}")
    func = st.pop(RefType(True, type_index))
    signature = st.cx.signature(type_index)
    args = [bare(arg) for arg in st.pop_all(signature.params)]
    callee = st.name("struct w2s_funcref *", f"w2s_non_null_func(vm, {bare(func)})")
    args.insert(0, f"{callee}->vm")
    _finish(st, signature, f"(({names.func_type(module.canonical[type_index])} *){callee}->code)({', '.join(args)})")
