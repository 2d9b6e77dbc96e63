"""A C header for one module: how a C program calls its exports and gives its imports, with their types.

Of the guest's names only ASCII letters, digits and underscores reach the text, behind a prefix that is not the guest's;
the items themselves are named by their positions, which the header's check of the module's digest makes sure of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aot.embed.wasi import WASI_MODULES
from aot.errors import UsageError
from aot.interface.model import Interface, Item, Value
from aot.wasm.module import ExternKind

LONGEST_NAME = 120

_C_TYPES = {
    "i32": "int32_t",
    "i64": "int64_t",
    "f32": "float",
    "f64": "double",
    "func": "struct w2s_funcref *",
    "extern": "uint32_t",
    "ref": "uint32_t",
}
_CASTS = {"i32": "(uint32_t)", "i64": "(uint64_t)"}
_FIELDS = {"i32": "i32", "i64": "i64", "f32": "f32", "f64": "f64", "func": "func", "extern": "ref", "ref": "ref"}
_KINDS = {
    ExternKind.TABLE: ("struct w2s_table *", "table"),
    ExternKind.MEMORY: ("struct w2s_memory *", "memory"),
    ExternKind.GLOBAL: ("struct w2s_global *", "global"),
    ExternKind.TAG: ("struct w2s_tag *", "tag"),
}

_OPEN = """\
/* An instance, which belongs to the store. Zero-initialised, it is none. */
struct @ {
  struct w2s_store *store;
  struct w2s_instance *instance;
  struct w2s_extern exports[@_N_EXPORTS + 1]; /* in the module's order */
};

/* Load the compiled module. W2S_ERR_FORMAT if it was made from another one than this header. Give it back with
 * w2s_module_release when no store uses it any more. */
static inline int32_t @_load(const char *path, struct w2s_module **out, struct w2s_error *error) {
  *out = NULL;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    memset(error, 0, sizeof *error);
    error->status = W2S_ERR_FORMAT;
    snprintf(error->message, sizeof error->message, "%s: %s", path, strerror(errno));
    return W2S_ERR_FORMAT;
  }
  int32_t status = w2s_module_open(fd, path, out, error);
  close(fd);
  if (status == W2S_OK && memcmp(w2s_module_descriptor_of(*out)->meta->wasm_digest, @_digest, 32) != 0) {
    w2s_module_release(*out);
    *out = NULL;
    status = error->status = W2S_ERR_FORMAT;
    snprintf(error->message, sizeof error->message, "%s: made from another module than its header", path);
  }
  return status;
}

/* Instantiate a module that @_load has loaded, and run its start function. `imports` has an entry for each
 * @_IMPORT_...; it may be NULL if there are none. */
static inline int32_t @_instantiate(struct @ *self, struct w2s_store *store, struct w2s_module *module,
                                    const struct w2s_extern *imports, struct w2s_error *error) {
  self->store = store;
  self->instance = NULL;
  for (int32_t i = 0; i < @_N_IMPORTS; i++) {
    const struct w2s_extern *given = &imports[i];
    if (given->func || given->table || given->memory || given->global.value || given->tag) continue;
    memset(error, 0, sizeof *error);
    error->status = W2S_ERR_LINK;
    error->index = i;
    snprintf(error->message, sizeof error->message, "import %d is missing", (int)i);
    return W2S_ERR_LINK;
  }
  int32_t status = w2s_instantiate(store, module, imports, @_N_IMPORTS, &self->instance, error);
  for (uint32_t i = 0; status == W2S_OK && i < @_N_EXPORTS; i++) {
    status = w2s_instance_export(self->instance, i, &self->exports[i]);
  }
  return status;
}
"""


def c_header(interface: Interface, prefix: str) -> str:
    """The text of ``<prefix>.h``. Raises UsageError if ``prefix`` is no C identifier."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", prefix):
        raise UsageError(f"the prefix {prefix!r} is no C identifier: give another one, with --prefix")
    return "\n".join(_lines(interface, prefix)) + "\n"


def c_name(text: str) -> str:
    """What is left of a name in a C identifier.

    >>> c_name("memory-size"), c_name("*/ evil();")
    ('memory_size', '___evil___')
    """
    return re.sub(r"[^A-Za-z0-9_]", "_", text)[:LONGEST_NAME]


def _lines(interface: Interface, prefix: str) -> Iterator[str]:
    guard = f"WASM2SO_HEADER_{prefix.upper()}_H"
    yield "/* Written by `wasm2so header`: how a C program uses the compiled module. Link with the runtime that"
    yield " * `wasm2so runtime` makes. What takes an `error` returns an enum w2s_status, and fills it if that is not"
    yield " * W2S_OK. */"
    yield f"#ifndef {guard}\n#define {guard}\n"
    for name in ("errno.h", "fcntl.h", "stdio.h", "stdlib.h", "string.h", "unistd.h"):
        yield f"#include <{name}>"
    yield "#include <wasm2so/wasi.h>\n"
    yield f"#define {prefix}_N_IMPORTS {len(interface.imports)}"
    yield f"#define {prefix}_N_EXPORTS {len(interface.exports)}\n"
    names = _unique(f"{i.module}_{i.name}" for i in interface.imports)
    if names:
        yield f"/* Positions of imports. */\nenum {prefix}_import {{"
        yield from (f"  {prefix}_IMPORT_{name} = {n}," for n, name in enumerate(names))
        yield "};\n"
    digest = ", ".join(f"0x{byte:02x}" for byte in interface.digest)
    yield f"static const uint8_t {prefix}_digest[32] = {{{digest}}};\n"
    yield _OPEN.replace("@", prefix)
    yield from _wasi(interface, prefix)
    for n, (name, imported) in enumerate(zip(names, interface.imports, strict=True)):
        if imported.item.kind is ExternKind.FUNC and imported.module not in WASI_MODULES:
            yield from _import(prefix, n, name, imported.item)
    for n, (name, export) in enumerate(zip(_unique(e.name for e in interface.exports), interface.exports, strict=True)):
        yield from _export(prefix, n, name, export.item)
    yield "#endif"


def _unique(names: Iterator[str]) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    for n, text in enumerate(names):
        name = c_name(text)
        while name in seen:
            name = f"{name}_{n}"
        seen.add(name)
        found.append(name)
    return found


def _param(value: Value, name: str) -> str:
    if value.kind == "v128":
        return f"const uint64_t {name}[2]"
    c_type = _C_TYPES[value.kind]
    return f"{c_type}{'' if c_type.endswith('*') else ' '}{name}"


def _out(value: Value, name: str) -> str:
    if value.kind == "v128":
        return f"uint64_t {name}[2]"
    c_type = _C_TYPES[value.kind]
    return f"{c_type}{'' if c_type.endswith('*') else ' '}*{name}"


def _result_names(item: Item) -> list[str]:
    return ["result"] if len(item.results) == 1 else [f"result{i}" for i in range(len(item.results))]


def _parameters(item: Item) -> list[str]:
    params = [_param(value, f"p{i}") for i, value in enumerate(item.params)]
    return params + [_out(value, name) for value, name in zip(item.results, _result_names(item), strict=True)]


def _store(value: Value, slot: str, name: str) -> str:
    if value.kind == "v128":
        return f"memcpy({slot}.words, {name}, 16);"
    return f"{slot}.{_FIELDS[value.kind]} = {_CASTS.get(value.kind, '')}{name};"


def _load(value: Value, slot: str) -> str:
    if value.kind == "v128":
        return f"{slot}.words"
    cast = f"({_C_TYPES[value.kind]})" if value.kind in _CASTS else ""
    return f"{cast}{slot}.{_FIELDS[value.kind]}"


def _fetch(value: Value, slot: str, name: str) -> str:
    if value.kind == "v128":
        return f"if ({name}) memcpy({name}, {slot}.words, 16);"
    return f"if ({name}) *{name} = {_load(value, slot)};"


def _export(prefix: str, n: int, name: str, item: Item) -> Iterator[str]:
    if item.kind is not ExternKind.FUNC:
        c_type, field = _KINDS[item.kind]
        take = "&" if item.kind is ExternKind.GLOBAL else ""
        yield f"static inline {c_type}{prefix}_{field}_{name}(struct {prefix} *self) {{"
        yield f"  return {take}self->exports[{n}].{field};\n}}\n"
        return
    args = ", ".join([f"struct {prefix} *self", *_parameters(item), "struct w2s_error *error"])
    yield f"static inline int32_t {prefix}_call_{name}({args}) {{"
    yield f"  union w2s_value values[{max(len(item.params), len(item.results), 1)}];"
    yield from (f"  {_store(value, f'values[{i}]', f'p{i}')}" for i, value in enumerate(item.params))
    yield f"  const int32_t status = w2s_call(self->store, self->exports[{n}].func, values, error);"
    if item.results:
        yield "  if (status != W2S_OK) return status;"
        for i, (value, out) in enumerate(zip(item.results, _result_names(item), strict=True)):
            yield f"  {_fetch(value, f'values[{i}]', out)}"
    yield "  return status;\n}\n"


def _import(prefix: str, n: int, name: str, item: Item) -> Iterator[str]:
    """A host function's type, the code between it and the runtime, and the function that makes an import of it."""
    this, code, env = f"{prefix}_host_{name}", f"{prefix}_hostcall_{name}", f"struct {prefix}_hostenv_{name}"
    args = ", ".join(["void *env", *_parameters(item)])
    yield f"/* For import {n}. Returns W2S_HOST_OK, or W2S_HOST_FAILED to stop the program with W2S_TRAP_HOST. */"
    yield f"typedef int32_t {this}({args});"
    yield f"{env} {{\n  {this} *call;\n  void *env;\n}};\n"
    yield f"static int32_t {code}(struct w2s_host_func *self, union w2s_value *values) {{"
    yield f"  const {env} *host = self->env;"
    for i, value in enumerate(item.results):
        yield f"  {_C_TYPES.get(value.kind, 'uint64_t')} r{i}{'[2]' if value.kind == 'v128' else ''};"
    given = [_load(value, f"values[{i}]") for i, value in enumerate(item.params)]
    given += [f"{'' if value.kind == 'v128' else '&'}r{i}" for i, value in enumerate(item.results)]
    if not given:
        yield "  (void)values;"
    yield f"  const int32_t status = host->call({', '.join(['host->env', *given])});"
    if item.results:
        yield "  if (status != W2S_HOST_OK) return status;"
        yield from (f"  {_store(value, f'values[{i}]', f'r{i}')}" for i, value in enumerate(item.results))
    yield "  return status;\n}\n"
    yield "/* An import that calls `call` with `env`. One without a function if there is no memory. */"
    yield f"static inline struct w2s_extern {prefix}_import_{name}(struct w2s_store *store, struct w2s_module *module,"
    yield f"    {this} *call, void *env) {{"
    yield "  struct w2s_extern made = {.kind = W2S_EXTERN_FUNC};"
    yield f"  {env} *host = malloc(sizeof *host);"
    yield "  if (!host) return made;"
    yield "  host->call = call;\n  host->env = env;"
    yield f"  const uint32_t type = w2s_module_descriptor_of(module)->type_ids[{item.type_index}];"
    yield f"  made.func = w2s_func_new(store, type, {code}, host, free);"
    yield "  if (!made.func) free(host);"
    yield "  return made;\n}\n"


def _wasi(interface: Interface, prefix: str) -> Iterator[str]:
    """Only names that WASI's functions can have are written: letters, digits and underscores."""
    found = [
        (n, i.module, i.name)
        for n, i in enumerate(interface.imports)
        if i.module in WASI_MODULES and i.item.kind is ExternKind.FUNC and re.fullmatch(r"[a-z0-9_]{1,64}", i.name)
    ]
    if not found:
        return
    yield "/* Fill in all imports of WASI. W2S_ERR_LINK if the context has not one of them. */"
    yield f"static inline int32_t {prefix}_import_wasi(struct w2s_wasi *wasi, struct w2s_extern *imports) {{"
    yield "  static const struct {\n    uint32_t nth;\n    const char *module;\n    const char *name;\n  } rows[] = {"
    yield from (f'    {{{n}, "{module}", "{name}"}},' for n, module, name in found)
    yield "  };"
    yield "  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {"
    yield "    struct w2s_extern *out = &imports[rows[i].nth];"
    yield "    const size_t n_module = strlen(rows[i].module), n_name = strlen(rows[i].name);"
    yield "    const int32_t found = w2s_wasi_function(wasi, rows[i].module, n_module, rows[i].name, n_name, out);"
    yield "    if (found != 1) return W2S_ERR_LINK;\n  }\n  return W2S_OK;\n}\n"
