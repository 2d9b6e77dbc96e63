"""Validation of everything but function bodies, which are checked as they are emitted (spec: Validation, Modules)."""

from __future__ import annotations

from typing import Final

from aot.errors import InvalidError, LimitError, ModuleError, Site
from aot.wasm.constexpr import ConstChecker
from aot.wasm.decode import sections
from aot.wasm.limits import MAX_SUBTYPING_DEPTH
from aot.wasm.module import ElemSegment, Export, ExternKind, Module, SegmentMode
from aot.wasm.subtyping import comp_matches, is_defaultable, ref_matches
from aot.wasm.types import (
    I32,
    I64,
    PAGE_LOG2,
    ArrayType,
    CompType,
    FuncType,
    Limits,
    MemoryType,
    RefType,
    StructType,
    TableType,
    TagType,
    ValType,
)

_TYPES, _FUNCS, _TABLES, _MEMORIES, _GLOBALS, _TAGS = 1, 3, 4, 5, 6, 13
"""Section ids, to say where something is that carries no offset itself."""

_MIN_OVER_MAX: Final = "size minimum must not be greater than maximum"


def validate_module(module: Module) -> None:
    """Check every rule of module validation except those of function bodies (Module_ok).

    Raises InvalidError, or LimitError where an implementation limit is passed. Its site is the import, export,
    segment or constant expression at fault, or else the section.
    """
    checker = ConstChecker(module)
    for section, check in (
        (_TYPES, _check_types),
        (_FUNCS, _check_functions),
        (_TABLES, _check_table_types),
        (_MEMORIES, _check_memories),
        (_GLOBALS, _check_global_types),
        (_TAGS, _check_tags),
    ):
        try:
            check(module)
        except ModuleError as err:
            raise err.at(Site(_section_start(module, section))) from None
    _check_globals(module, checker)
    _check_tables(module, checker)
    _check_exports(module)
    _check_start(module)
    _check_elems(module, checker)
    _check_datas(module, checker)


def _section_start(module: Module, wanted: int) -> int:
    return next((start for section, start, _ in sections(module.data) if section == wanted), 0)


def _import_site(module: Module, kind: ExternKind, index: int) -> Site | None:
    """The site of the import that is item ``index`` of its kind, if that is an import."""
    return next((Site(i.offset) for i in module.imports if i.kind is kind and i.index == index), None)


# ---- types


def _check_types(module: Module) -> None:
    """Type_ok: indices first, as matching relies on them; then what each type declares of its supertype."""
    types = module.types
    depths: list[int] = []
    for index, sub in enumerate(types):
        _check_indices(sub.comp, sub.rec_start + sub.rec_n, index)
        depth = 0
        if sub.super is not None:
            if sub.super >= index:
                raise InvalidError(f"unknown type {sub.super}: the supertype of type {index} must come before it")
            depth = depths[sub.super] + 1
            if depth > MAX_SUBTYPING_DEPTH:
                raise LimitError(f"type {index} is {depth} levels below its root, the limit is {MAX_SUBTYPING_DEPTH}")
        depths.append(depth)
    for index, sub in enumerate(types):
        if sub.super is None:
            continue
        parent = types[sub.super]
        if parent.final:
            raise InvalidError(f"sub type: type {index} has the final type {sub.super} as its supertype")
        if not comp_matches(module, sub.comp, parent.comp):
            raise InvalidError(f"sub type: type {index} does not match its supertype {sub.super}")


def _check_indices(comp: CompType, n_types: int, index: int) -> None:
    """The type indices in ``comp`` are below ``n_types``."""
    match comp:
        case FuncType():
            mentioned: tuple[ValType, ...] = comp.params + comp.results
        case StructType():
            mentioned = tuple([f.storage for f in comp.fields])
        case ArrayType():
            mentioned = (comp.field.storage,)
    for ty in mentioned:
        if isinstance(ty, RefType) and ty.heap >= n_types:
            raise InvalidError(f"unknown type {ty.heap} in type {index}")


def _check_val_type(module: Module, ty: ValType, what: str) -> None:
    if isinstance(ty, RefType) and ty.heap >= len(module.types):
        raise InvalidError(f"unknown type {ty.heap} in {what}")


def _check_functions(module: Module) -> None:
    types = module.types
    is_func = [isinstance(sub.comp, FuncType) for sub in types]
    n = len(types)
    for func, index in enumerate(module.func_types):
        if index < n and is_func[index]:
            continue
        message = f"unknown type {index} of function {func}"
        if index < n:
            message = f"type mismatch: type {index} of function {func} is not a function type"
        raise InvalidError(message, _import_site(module, ExternKind.FUNC, func))


def _check_tags(module: Module) -> None:
    for index, tag in enumerate(module.tags):
        try:
            _check_tag(module, tag)
        except InvalidError as err:
            site = _import_site(module, ExternKind.TAG, index)
            raise (err.at(site) if site else err) from None


def _check_tag(module: Module, tag: TagType) -> None:
    if tag.type >= len(module.types):
        raise InvalidError(f"unknown type {tag.type} of a tag")
    comp = module.types[tag.type].comp
    if not isinstance(comp, FuncType):
        raise InvalidError(f"type mismatch: type {tag.type} of a tag is not a function type")
    if comp.results:
        raise InvalidError(f"non-empty tag result type: {comp}")


# ---- limits


def _check_table_types(module: Module) -> None:
    for index, table in enumerate(module.tables):
        try:
            _check_val_type(module, table.elem, f"table {index}")
            _check_table_limits(table, index)
        except ModuleError as err:
            site = _import_site(module, ExternKind.TABLE, index)
            raise (err.at(site) if site else err) from None


def _check_table_limits(table: TableType, index: int) -> None:
    limits = table.limits
    top = (1 << (64 if limits.is64 else 32)) - 1
    if max(limits.min, limits.max or 0) > top:
        raise InvalidError(f"table size must be at most {top}: table {index} is {table}")
    _check_order(limits, f"table {index}")


def _check_memories(module: Module) -> None:
    for index, memory in enumerate(module.memories):
        try:
            _check_memory(memory, index)
        except ModuleError as err:
            site = _import_site(module, ExternKind.MEMORY, index)
            raise (err.at(site) if site else err) from None


def _check_memory(memory: MemoryType, index: int) -> None:
    limits = memory.limits
    if memory.page_log2 not in (0, PAGE_LOG2):
        raise InvalidError(f"invalid custom page size: 2**{memory.page_log2} bytes in memory {index}")
    bits = 64 if limits.is64 else 32
    top = min(1 << (bits - memory.page_log2), (1 << bits) - 1)
    if max(limits.min, limits.max or 0) > top:
        size = " (4GiB)" if top == 65536 else ""
        raise InvalidError(f"memory size must be at most {top} pages{size}: memory {index} is {memory}")
    _check_order(limits, f"memory {index}")
    if limits.shared and limits.max is None:
        raise InvalidError(f"shared memory must have maximum: memory {index}")


def _check_order(limits: Limits, what: str) -> None:
    if limits.max is not None and limits.min > limits.max:
        raise InvalidError(f"{_MIN_OVER_MAX}: {limits.min} and {limits.max} in {what}")


# ---- definitions


def _check_global_types(module: Module) -> None:
    for index, ty in enumerate(module.globals):
        _check_val_type(module, ty.value, f"global {index}")


def _check_globals(module: Module, checker: ConstChecker) -> None:
    """Globals_ok: an initialiser may mention the globals before its own."""
    n_before = module.n_imported_globals
    for index, glob in enumerate(module.own_globals, n_before):
        checker.check(glob.init, glob.type.value, index)


def _check_tables(module: Module, checker: ConstChecker) -> None:
    """Table_ok: an initialiser may mention imported globals only; without one the elements must be nullable."""
    n_globals = module.n_imported_globals
    for index, table in enumerate(module.own_tables, module.n_imported_tables):
        if table.init is not None:
            checker.check(table.init, table.type.elem, n_globals)
        elif not is_defaultable(table.type.elem):
            raise InvalidError(
                f"type mismatch: table {index} of {table.type.elem} needs an initial value",
                Site(_section_start(module, _TABLES)),
            )


def _check_exports(module: Module) -> None:
    """Export_ok, and names are unique."""
    bounds = {
        ExternKind.FUNC: (len(module.func_types), "function"),
        ExternKind.TABLE: (len(module.tables), "table"),
        ExternKind.MEMORY: (len(module.memories), "memory"),
        ExternKind.GLOBAL: (len(module.globals), "global"),
        ExternKind.TAG: (len(module.tags), "tag"),
    }
    names: set[str] = set()
    for export in module.exports:
        n, what = bounds[export.kind]
        if export.index >= n:
            raise InvalidError(f"unknown {what} {export.index}", Site(export.offset))
        if export.name in names:
            raise _duplicate(export)
        names.add(export.name)


def _duplicate(export: Export) -> InvalidError:
    return InvalidError(f"duplicate export name {export.name[:100]!r}", Site(export.offset))


def _check_start(module: Module) -> None:
    if module.start is None:
        return
    site = Site(_section_start(module, 8))
    if module.start >= len(module.func_types):
        raise InvalidError(f"unknown function {module.start}", site)
    ty = module.func_type(module.start)
    if ty.params or ty.results:
        raise InvalidError(f"start function must have type [] -> [], not {ty}", site)


# ---- segments


def _check_elems(module: Module, checker: ConstChecker) -> None:
    for elem in module.elems:
        try:
            _check_elem(module, elem, checker)
        except ModuleError as err:
            raise err.at(Site(elem.offset)) from None


def _check_elem(module: Module, elem: ElemSegment, checker: ConstChecker) -> None:
    """Elem_ok and Elemmode_ok."""
    _check_val_type(module, elem.type, "an element segment")
    if elem.mode is SegmentMode.ACTIVE:
        if elem.table >= len(module.tables):
            raise InvalidError(f"unknown table {elem.table}")
        table = module.tables[elem.table]
        if not ref_matches(module, elem.type, table.elem):
            raise InvalidError(f"type mismatch: elements of {elem.type} for a table of {table.elem}")
        assert elem.place is not None
        checker.check(elem.place, I64 if table.limits.is64 else I32, len(module.globals))
    if elem.funcs is not None:
        _check_elem_funcs(module, elem.type, elem.funcs)
    checked: set[int] = set()
    for expr in elem.exprs or ():
        if id(expr) not in checked:  # equal expressions are one object
            checker.check(expr, elem.type, len(module.globals))
            checked.add(id(expr))


def _check_elem_funcs(module: Module, ty: RefType, funcs: tuple[int, ...]) -> None:
    if not funcs:
        return
    func_types = module.func_types
    if max(funcs) >= len(func_types):
        raise InvalidError(f"unknown function {max(funcs)}")
    for index in {func_types[f] for f in funcs}:
        actual = RefType(False, index)
        if not ref_matches(module, actual, ty):
            raise InvalidError(f"type mismatch: a function of type {index} in a segment of {ty}")


def _check_datas(module: Module, checker: ConstChecker) -> None:
    """Data_ok."""
    places = [I64 if memory.limits.is64 else I32 for memory in module.memories]
    n_globals = len(module.globals)
    for data in module.datas:
        if data.mode is not SegmentMode.ACTIVE:
            continue
        if data.memory >= len(places):
            raise InvalidError(f"unknown memory {data.memory}", Site(data.offset))
        assert data.place is not None
        checker.check(data.place, places[data.memory], n_globals)
