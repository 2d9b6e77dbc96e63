"""Which function handles which instruction that has no C template of its own."""

from __future__ import annotations

from collections.abc import Callable

from aot.emit import call, constant, control, memory, table, variable
from aot.emit.state import BodyState
from aot.wasm.opcodes import BY_NAME

Handler = Callable[[BodyState], None]

HANDLERS: dict[str, Handler] = {
    "unreachable": control.unreachable,
    "nop": control.nop,
    "block": control.block,
    "loop": control.loop,
    "if": control.if_,
    "else": control.else_,
    "end": control.end,
    "br": control.br,
    "br_if": control.br_if,
    "br_table": control.br_table,
    "return": control.return_,
    "call": call.call,
    "call_indirect": call.call_indirect,
    "drop": variable.drop,
    "select": variable.select,
    "select t": variable.select_t,
    "local.get": variable.local_get,
    "local.set": variable.local_set,
    "local.tee": variable.local_tee,
    "global.get": variable.global_get,
    "global.set": variable.global_set,
    "table.get": table.table_get,
    "table.set": table.table_set,
    "memory.size": memory.memory_size,
    "memory.grow": memory.memory_grow,
    "i32.const": constant.i32_const,
    "i64.const": constant.i64_const,
    "f32.const": constant.f32_const,
    "f64.const": constant.f64_const,
    "ref.null": table.ref_null,
    "ref.is_null": table.ref_is_null,
    "ref.func": table.ref_func,
    "memory.init": memory.memory_init,
    "data.drop": memory.data_drop,
    "memory.copy": memory.memory_copy,
    "memory.fill": memory.memory_fill,
    "table.init": table.table_init,
    "elem.drop": table.elem_drop,
    "table.copy": table.table_copy,
    "table.grow": table.table_grow,
    "table.size": table.table_size,
    "table.fill": table.table_fill,
}

HANDLER_BY_CODE: dict[int, Handler] = {BY_NAME[name].code: handler for name, handler in HANDLERS.items()}
