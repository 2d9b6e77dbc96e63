"""Which function handles which instruction that has no C template of its own."""

from __future__ import annotations

from collections.abc import Callable

from aot.emit import atomic, call, constant, control, exception, memory, table, tail_call, variable, vector, wide
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
    "call_ref": call.call_ref,
    "return_call": tail_call.return_call,
    "return_call_indirect": tail_call.return_call_indirect,
    "return_call_ref": tail_call.return_call_ref,
    "throw": exception.throw,
    "throw_ref": exception.throw_ref,
    "try_table": exception.try_table,
    "try": exception.try_,
    "catch": exception.catch,
    "catch_all": exception.catch_all,
    "delegate": exception.delegate,
    "rethrow": exception.rethrow,
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
    "ref.as_non_null": table.ref_as_non_null,
    "br_on_null": control.br_on_null,
    "br_on_non_null": control.br_on_non_null,
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
    "memory.atomic.notify": atomic.notify,
    "memory.atomic.wait32": atomic.wait32,
    "memory.atomic.wait64": atomic.wait64,
    "atomic.fence": atomic.fence,
    "v128.const": vector.v128_const,
    "i8x16.shuffle": vector.shuffle,
    "i64.add128": wide.add128,
    "i64.sub128": wide.sub128,
    "i64.mul_wide_s": wide.mul_wide_s,
    "i64.mul_wide_u": wide.mul_wide_u,
}

HANDLER_BY_CODE: dict[int, Handler] = {BY_NAME[name].code: handler for name, handler in HANDLERS.items()}
