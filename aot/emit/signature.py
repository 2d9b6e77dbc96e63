"""Function types in C: typedefs, prototypes, and the stubs between native calls and arrays of values."""

from __future__ import annotations

from aot.emit import names
from aot.emit.context import ModuleContext, Signature
from aot.wasm.types import FuncType


def canonical_func_types(cx: ModuleContext) -> list[int]:
    """The function types of the module, each once (by the smallest index of equal ones)."""
    module = cx.module
    return [k for k, t in enumerate(module.types) if module.canonical[k] == k and isinstance(t.comp, FuncType)]


def parameters(signature: Signature, prefix: str | None) -> str:
    """A C parameter list; without names if ``prefix`` is None."""
    parts = ["w2s_vm *vm" if prefix is not None else "w2s_vm *"]
    for k, ctype in enumerate(signature.ctypes):
        star = "" if ctype[-1] == "*" else " "
        parts.append(ctype if prefix is None else f"{ctype}{star}{prefix}{k}")
    return ", ".join(parts)


def result(signature: Signature) -> str:
    """The C type that a function returns, as it stands before a name."""
    return signature.creturn if signature.creturn[-1] == "*" else signature.creturn + " "


def typedef(cx: ModuleContext, type_index: int) -> str:
    """The C function type of a wasm function type."""
    signature = cx.signature(type_index)
    return f"typedef {result(signature)}{names.func_type(type_index)}({parameters(signature, None)});"


def prototype(cx: ModuleContext, func: int, *, static: bool) -> str:
    """Declaration of an own function."""
    signature = cx.signature(cx.module.func_types[func])
    storage = "static " if static else ""
    return f"{storage}{result(signature)}{names.function(func)}({parameters(signature, None)});"


def definition_head(cx: ModuleContext, func: int, *, static: bool) -> str:
    """The first line of an own function's definition."""
    signature = cx.signature(cx.module.func_types[func])
    storage = "static " if static else ""
    return f"{storage}{result(signature)}{names.function(func)}({parameters(signature, 'l')}) {{"


def unwinding_entry(cx: ModuleContext, func: int) -> str:
    """The entry of an own function of a catching module for callers that do not test for exceptions."""
    signature = cx.signature(cx.module.func_types[func])
    args = ", ".join(["vm", *(f"a{k}" for k in range(len(signature.params)))])
    call = f"{names.function(func)}({args})"
    const = "const " if signature.creturn[-1] != "*" else ""
    lines = [f"static {result(signature)}{names.entry(func)}({parameters(signature, 'a')}) {{"]
    lines.append(f"  {const}{result(signature)}r = {call};" if signature.results else f"  {call};")
    lines.append("  if (W2S_UNLIKELY(vm->head.store->pending)) w2s_unwind(vm);")
    lines += ["  return r;"] if signature.results else []
    return "\n".join([*lines, "}"])


def trampoline(cx: ModuleContext, type_index: int) -> str:
    """Array call to native call: arguments out of ``v``, results into it. ``f`` may be overwritten by the call."""
    signature = cx.signature(type_index)
    args = ["f->vm", *(cx.slot(f"v[{k}]", t) for k, t in enumerate(signature.params))]
    call = f"(({names.func_type(type_index)} *)f->code)({', '.join(args)})"
    lines = [f"void {names.trampoline(type_index)}(struct w2s_funcref *f, union w2s_value *v) {{"]
    if signature.results:
        if len(signature.results) > 1:
            lines.append("  const union w2s_value *const more = w2s_results(f->vm);")
        const = "const " if signature.creturn[-1] != "*" else ""
        lines.append(f"  {const}{result(signature)}r = {call};")
        for k in range(1, len(signature.results)):
            lines.append(f"  v[{k}] = more[{k}];")
        lines.append(f"  {cx.slot('v[0]', signature.results[0])} = r;")
    elif not signature.params:
        lines += ["  (void)v;", f"  {call};"]
    else:
        lines.append(f"  {call};")
    return "\n".join([*lines, "}"])


def crossing_stub(cx: ModuleContext, type_index: int) -> str:
    """A call into another instance, with the segment register set for it meanwhile."""
    signature = cx.signature(type_index)
    args = ", ".join(["vm", *(f"a{k}" for k in range(len(signature.params)))])
    call = f"(({names.func_type(type_index)} *)w2s_crossing(vm))({args})"
    const = "const " if signature.creturn[-1] != "*" else ""
    lines = [f"static {result(signature)}{names.crossing(type_index)}({parameters(signature, 'a')}) {{"]
    lines.append("  uint8_t *const before = w2s_cross(vm);")
    lines.append(f"  {const}{result(signature)}r = {call};" if signature.results else f"  {call};")
    lines.append("  w2s_cross_back(before);")
    lines += ["  return r;"] if signature.results else []
    return "\n".join([*lines, "}"])


def host_stub(cx: ModuleContext, type_index: int) -> str:
    """Native call to array call of a host function, whose context is a `w2s_host_func`."""
    signature = cx.signature(type_index)
    slots = max(1, len(signature.params), len(signature.results))
    head = f"static {result(signature)}{names.host_stub(type_index)}({parameters(signature, 'a')}) {{"
    lines = [head, f"  union w2s_value v[{slots}];"]
    lines += [f"  {cx.slot(f'v[{k}]', t)} = a{k};" for k, t in enumerate(signature.params)]
    lines.append("  w2s_call_host((struct w2s_host_func *)(void *)vm, v);")
    lines += [f"  w2s_results(vm)[{k}] = v[{k}];" for k in range(1, len(signature.results))]
    if signature.results:
        lines.append(f"  return {cx.slot('v[0]', signature.results[0])};")
    return "\n".join([*lines, "}"])
