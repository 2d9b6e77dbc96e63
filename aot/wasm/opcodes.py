"""The opcode table: one row per instruction (spec: Index of Instructions).

A row says everything most instructions need: byte, name, signature, C template, whether the result may stay a pending
expression, and which immediate follows. A row without a template has a handler in `aot.emit`; a test sees to it that
no instruction has both or neither.

Signatures read ``params_results`` in one-letter types: i = i32, l = i64, f = f32, d = f64, v = v128. In templates
``%s`` stands for one operand, in order; loads and stores are given the memory, the address, the offset and the value.
"""

from __future__ import annotations

from aot.wasm.op import Effect, Imm, Op
from aot.wasm.opcodes_simd import SIMD
from aot.wasm.opcodes_threads import THREADS

__all__ = ["BY_CODE", "BY_NAME", "TABLE", "UNSUPPORTED", "Effect", "Imm", "Op"]


def _handled(code: int, name: str) -> Op:
    return Op(code, name, imm=Imm.OTHER)


def _load(code: int, name: str, sig: str, align: int) -> Op:
    return Op(code, name, sig, "w2s_" + name.replace(".", "_"), Effect.READ, Imm.MEMARG, align)


def _store(code: int, name: str, sig: str, align: int) -> Op:
    return Op(code, name, sig, "w2s_" + name.replace(".", "_"), Effect.WRITE, Imm.MEMARG, align)


TRAP = Effect.TRAP

TABLE: tuple[Op, ...] = (
    # -- control
    _handled(0x00, "unreachable"),
    _handled(0x01, "nop"),
    _handled(0x02, "block"),
    _handled(0x03, "loop"),
    _handled(0x04, "if"),
    _handled(0x05, "else"),
    _handled(0x06, "try"),
    _handled(0x07, "catch"),
    _handled(0x08, "throw"),
    _handled(0x09, "rethrow"),
    _handled(0x0A, "throw_ref"),
    _handled(0x0B, "end"),
    _handled(0x0C, "br"),
    _handled(0x0D, "br_if"),
    _handled(0x0E, "br_table"),
    _handled(0x0F, "return"),
    _handled(0x10, "call"),
    _handled(0x11, "call_indirect"),
    _handled(0x12, "return_call"),
    _handled(0x13, "return_call_indirect"),
    _handled(0x14, "call_ref"),
    _handled(0x15, "return_call_ref"),
    _handled(0x18, "delegate"),
    _handled(0x19, "catch_all"),
    _handled(0x1F, "try_table"),
    # -- parametric, variables, tables
    _handled(0x1A, "drop"),
    _handled(0x1B, "select"),
    _handled(0x1C, "select t"),
    _handled(0x20, "local.get"),
    _handled(0x21, "local.set"),
    _handled(0x22, "local.tee"),
    _handled(0x23, "global.get"),
    _handled(0x24, "global.set"),
    _handled(0x25, "table.get"),
    _handled(0x26, "table.set"),
    # -- memory
    _load(0x28, "i32.load", "i_i", 2),
    _load(0x29, "i64.load", "i_l", 3),
    _load(0x2A, "f32.load", "i_f", 2),
    _load(0x2B, "f64.load", "i_d", 3),
    _load(0x2C, "i32.load8_s", "i_i", 0),
    _load(0x2D, "i32.load8_u", "i_i", 0),
    _load(0x2E, "i32.load16_s", "i_i", 1),
    _load(0x2F, "i32.load16_u", "i_i", 1),
    _load(0x30, "i64.load8_s", "i_l", 0),
    _load(0x31, "i64.load8_u", "i_l", 0),
    _load(0x32, "i64.load16_s", "i_l", 1),
    _load(0x33, "i64.load16_u", "i_l", 1),
    _load(0x34, "i64.load32_s", "i_l", 2),
    _load(0x35, "i64.load32_u", "i_l", 2),
    _store(0x36, "i32.store", "ii_", 2),
    _store(0x37, "i64.store", "il_", 3),
    _store(0x38, "f32.store", "if_", 2),
    _store(0x39, "f64.store", "id_", 3),
    _store(0x3A, "i32.store8", "ii_", 0),
    _store(0x3B, "i32.store16", "ii_", 1),
    _store(0x3C, "i64.store8", "il_", 0),
    _store(0x3D, "i64.store16", "il_", 1),
    _store(0x3E, "i64.store32", "il_", 2),
    _handled(0x3F, "memory.size"),
    _handled(0x40, "memory.grow"),
    # -- constants
    _handled(0x41, "i32.const"),
    _handled(0x42, "i64.const"),
    _handled(0x43, "f32.const"),
    _handled(0x44, "f64.const"),
    # -- comparisons: every template has the form (uint32_t)(condition), which branches take apart again
    Op(0x45, "i32.eqz", "i_i", "(uint32_t)(%s == 0)"),
    Op(0x46, "i32.eq", "ii_i", "(uint32_t)(%s == %s)"),
    Op(0x47, "i32.ne", "ii_i", "(uint32_t)(%s != %s)"),
    Op(0x48, "i32.lt_s", "ii_i", "(uint32_t)((int32_t)%s < (int32_t)%s)"),
    Op(0x49, "i32.lt_u", "ii_i", "(uint32_t)(%s < %s)"),
    Op(0x4A, "i32.gt_s", "ii_i", "(uint32_t)((int32_t)%s > (int32_t)%s)"),
    Op(0x4B, "i32.gt_u", "ii_i", "(uint32_t)(%s > %s)"),
    Op(0x4C, "i32.le_s", "ii_i", "(uint32_t)((int32_t)%s <= (int32_t)%s)"),
    Op(0x4D, "i32.le_u", "ii_i", "(uint32_t)(%s <= %s)"),
    Op(0x4E, "i32.ge_s", "ii_i", "(uint32_t)((int32_t)%s >= (int32_t)%s)"),
    Op(0x4F, "i32.ge_u", "ii_i", "(uint32_t)(%s >= %s)"),
    Op(0x50, "i64.eqz", "l_i", "(uint32_t)(%s == 0)"),
    Op(0x51, "i64.eq", "ll_i", "(uint32_t)(%s == %s)"),
    Op(0x52, "i64.ne", "ll_i", "(uint32_t)(%s != %s)"),
    Op(0x53, "i64.lt_s", "ll_i", "(uint32_t)((int64_t)%s < (int64_t)%s)"),
    Op(0x54, "i64.lt_u", "ll_i", "(uint32_t)(%s < %s)"),
    Op(0x55, "i64.gt_s", "ll_i", "(uint32_t)((int64_t)%s > (int64_t)%s)"),
    Op(0x56, "i64.gt_u", "ll_i", "(uint32_t)(%s > %s)"),
    Op(0x57, "i64.le_s", "ll_i", "(uint32_t)((int64_t)%s <= (int64_t)%s)"),
    Op(0x58, "i64.le_u", "ll_i", "(uint32_t)(%s <= %s)"),
    Op(0x59, "i64.ge_s", "ll_i", "(uint32_t)((int64_t)%s >= (int64_t)%s)"),
    Op(0x5A, "i64.ge_u", "ll_i", "(uint32_t)(%s >= %s)"),
    Op(0x5B, "f32.eq", "ff_i", "(uint32_t)(%s == %s)"),
    Op(0x5C, "f32.ne", "ff_i", "(uint32_t)(%s != %s)"),
    Op(0x5D, "f32.lt", "ff_i", "(uint32_t)(%s < %s)"),
    Op(0x5E, "f32.gt", "ff_i", "(uint32_t)(%s > %s)"),
    Op(0x5F, "f32.le", "ff_i", "(uint32_t)(%s <= %s)"),
    Op(0x60, "f32.ge", "ff_i", "(uint32_t)(%s >= %s)"),
    Op(0x61, "f64.eq", "dd_i", "(uint32_t)(%s == %s)"),
    Op(0x62, "f64.ne", "dd_i", "(uint32_t)(%s != %s)"),
    Op(0x63, "f64.lt", "dd_i", "(uint32_t)(%s < %s)"),
    Op(0x64, "f64.gt", "dd_i", "(uint32_t)(%s > %s)"),
    Op(0x65, "f64.le", "dd_i", "(uint32_t)(%s <= %s)"),
    Op(0x66, "f64.ge", "dd_i", "(uint32_t)(%s >= %s)"),
    # -- i32
    Op(0x67, "i32.clz", "i_i", "w2s_i32_clz(%s)"),
    Op(0x68, "i32.ctz", "i_i", "w2s_i32_ctz(%s)"),
    Op(0x69, "i32.popcnt", "i_i", "w2s_i32_popcnt(%s)"),
    Op(0x6A, "i32.add", "ii_i", "(%s + %s)"),
    Op(0x6B, "i32.sub", "ii_i", "(%s - %s)"),
    Op(0x6C, "i32.mul", "ii_i", "(%s * %s)"),
    Op(0x6D, "i32.div_s", "ii_i", "w2s_i32_div_s(vm, %s, %s)", TRAP),
    Op(0x6E, "i32.div_u", "ii_i", "w2s_i32_div_u(vm, %s, %s)", TRAP),
    Op(0x6F, "i32.rem_s", "ii_i", "w2s_i32_rem_s(vm, %s, %s)", TRAP),
    Op(0x70, "i32.rem_u", "ii_i", "w2s_i32_rem_u(vm, %s, %s)", TRAP),
    Op(0x71, "i32.and", "ii_i", "(%s & %s)"),
    Op(0x72, "i32.or", "ii_i", "(%s | %s)"),
    Op(0x73, "i32.xor", "ii_i", "(%s ^ %s)"),
    Op(0x74, "i32.shl", "ii_i", "(%s << (%s & 31))"),
    Op(0x75, "i32.shr_s", "ii_i", "(uint32_t)((int32_t)%s >> (%s & 31))"),
    Op(0x76, "i32.shr_u", "ii_i", "(%s >> (%s & 31))"),
    Op(0x77, "i32.rotl", "ii_i", "w2s_i32_rotl(%s, %s)"),
    Op(0x78, "i32.rotr", "ii_i", "w2s_i32_rotr(%s, %s)"),
    # -- i64
    Op(0x79, "i64.clz", "l_l", "w2s_i64_clz(%s)"),
    Op(0x7A, "i64.ctz", "l_l", "w2s_i64_ctz(%s)"),
    Op(0x7B, "i64.popcnt", "l_l", "w2s_i64_popcnt(%s)"),
    Op(0x7C, "i64.add", "ll_l", "(%s + %s)"),
    Op(0x7D, "i64.sub", "ll_l", "(%s - %s)"),
    Op(0x7E, "i64.mul", "ll_l", "(%s * %s)"),
    Op(0x7F, "i64.div_s", "ll_l", "w2s_i64_div_s(vm, %s, %s)", TRAP),
    Op(0x80, "i64.div_u", "ll_l", "w2s_i64_div_u(vm, %s, %s)", TRAP),
    Op(0x81, "i64.rem_s", "ll_l", "w2s_i64_rem_s(vm, %s, %s)", TRAP),
    Op(0x82, "i64.rem_u", "ll_l", "w2s_i64_rem_u(vm, %s, %s)", TRAP),
    Op(0x83, "i64.and", "ll_l", "(%s & %s)"),
    Op(0x84, "i64.or", "ll_l", "(%s | %s)"),
    Op(0x85, "i64.xor", "ll_l", "(%s ^ %s)"),
    Op(0x86, "i64.shl", "ll_l", "(%s << (%s & 63))"),
    Op(0x87, "i64.shr_s", "ll_l", "(uint64_t)((int64_t)%s >> (%s & 63))"),
    Op(0x88, "i64.shr_u", "ll_l", "(%s >> (%s & 63))"),
    Op(0x89, "i64.rotl", "ll_l", "w2s_i64_rotl(%s, %s)"),
    Op(0x8A, "i64.rotr", "ll_l", "w2s_i64_rotr(%s, %s)"),
    # -- f32
    Op(0x8B, "f32.abs", "f_f", "w2s_f32_abs(%s)"),
    Op(0x8C, "f32.neg", "f_f", "w2s_f32_neg(%s)"),
    Op(0x8D, "f32.ceil", "f_f", "w2s_f32_ceil(%s)"),
    Op(0x8E, "f32.floor", "f_f", "w2s_f32_floor(%s)"),
    Op(0x8F, "f32.trunc", "f_f", "w2s_f32_trunc(%s)"),
    Op(0x90, "f32.nearest", "f_f", "w2s_f32_nearest(%s)"),
    Op(0x91, "f32.sqrt", "f_f", "__builtin_sqrtf(%s)"),
    Op(0x92, "f32.add", "ff_f", "(%s + %s)"),
    Op(0x93, "f32.sub", "ff_f", "(%s - %s)"),
    Op(0x94, "f32.mul", "ff_f", "(%s * %s)"),
    Op(0x95, "f32.div", "ff_f", "(%s / %s)"),
    Op(0x96, "f32.min", "ff_f", "w2s_f32_min(%s, %s)"),
    Op(0x97, "f32.max", "ff_f", "w2s_f32_max(%s, %s)"),
    Op(0x98, "f32.copysign", "ff_f", "w2s_f32_copysign(%s, %s)"),
    # -- f64
    Op(0x99, "f64.abs", "d_d", "w2s_f64_abs(%s)"),
    Op(0x9A, "f64.neg", "d_d", "w2s_f64_neg(%s)"),
    Op(0x9B, "f64.ceil", "d_d", "w2s_f64_ceil(%s)"),
    Op(0x9C, "f64.floor", "d_d", "w2s_f64_floor(%s)"),
    Op(0x9D, "f64.trunc", "d_d", "w2s_f64_trunc(%s)"),
    Op(0x9E, "f64.nearest", "d_d", "w2s_f64_nearest(%s)"),
    Op(0x9F, "f64.sqrt", "d_d", "__builtin_sqrt(%s)"),
    Op(0xA0, "f64.add", "dd_d", "(%s + %s)"),
    Op(0xA1, "f64.sub", "dd_d", "(%s - %s)"),
    Op(0xA2, "f64.mul", "dd_d", "(%s * %s)"),
    Op(0xA3, "f64.div", "dd_d", "(%s / %s)"),
    Op(0xA4, "f64.min", "dd_d", "w2s_f64_min(%s, %s)"),
    Op(0xA5, "f64.max", "dd_d", "w2s_f64_max(%s, %s)"),
    Op(0xA6, "f64.copysign", "dd_d", "w2s_f64_copysign(%s, %s)"),
    # -- conversions
    Op(0xA7, "i32.wrap_i64", "l_i", "((uint32_t)%s)"),
    Op(0xA8, "i32.trunc_f32_s", "f_i", "w2s_i32_trunc_f32_s(vm, %s)", TRAP),
    Op(0xA9, "i32.trunc_f32_u", "f_i", "w2s_i32_trunc_f32_u(vm, %s)", TRAP),
    Op(0xAA, "i32.trunc_f64_s", "d_i", "w2s_i32_trunc_f64_s(vm, %s)", TRAP),
    Op(0xAB, "i32.trunc_f64_u", "d_i", "w2s_i32_trunc_f64_u(vm, %s)", TRAP),
    Op(0xAC, "i64.extend_i32_s", "i_l", "((uint64_t)(int64_t)(int32_t)%s)"),
    Op(0xAD, "i64.extend_i32_u", "i_l", "((uint64_t)%s)"),
    Op(0xAE, "i64.trunc_f32_s", "f_l", "w2s_i64_trunc_f32_s(vm, %s)", TRAP),
    Op(0xAF, "i64.trunc_f32_u", "f_l", "w2s_i64_trunc_f32_u(vm, %s)", TRAP),
    Op(0xB0, "i64.trunc_f64_s", "d_l", "w2s_i64_trunc_f64_s(vm, %s)", TRAP),
    Op(0xB1, "i64.trunc_f64_u", "d_l", "w2s_i64_trunc_f64_u(vm, %s)", TRAP),
    Op(0xB2, "f32.convert_i32_s", "i_f", "w2s_f32_convert_i32_s(%s)"),
    Op(0xB3, "f32.convert_i32_u", "i_f", "w2s_f32_convert_i32_u(%s)"),
    Op(0xB4, "f32.convert_i64_s", "l_f", "w2s_f32_convert_i64_s(%s)"),
    Op(0xB5, "f32.convert_i64_u", "l_f", "w2s_f32_convert_i64_u(%s)"),
    Op(0xB6, "f32.demote_f64", "d_f", "w2s_f32_demote(%s)"),
    Op(0xB7, "f64.convert_i32_s", "i_d", "w2s_f64_convert_i32_s(%s)"),
    Op(0xB8, "f64.convert_i32_u", "i_d", "w2s_f64_convert_i32_u(%s)"),
    Op(0xB9, "f64.convert_i64_s", "l_d", "w2s_f64_convert_i64_s(%s)"),
    Op(0xBA, "f64.convert_i64_u", "l_d", "w2s_f64_convert_i64_u(%s)"),
    Op(0xBB, "f64.promote_f32", "f_d", "w2s_f64_promote(%s)"),
    Op(0xBC, "i32.reinterpret_f32", "f_i", "w2s_i32_bits(%s)"),
    Op(0xBD, "i64.reinterpret_f64", "d_l", "w2s_i64_bits(%s)"),
    Op(0xBE, "f32.reinterpret_i32", "i_f", "w2s_f32_bits(%s)"),
    Op(0xBF, "f64.reinterpret_i64", "l_d", "w2s_f64_bits(%s)"),
    Op(0xC0, "i32.extend8_s", "i_i", "((uint32_t)(int8_t)%s)"),
    Op(0xC1, "i32.extend16_s", "i_i", "((uint32_t)(int16_t)%s)"),
    Op(0xC2, "i64.extend8_s", "l_l", "((uint64_t)(int8_t)%s)"),
    Op(0xC3, "i64.extend16_s", "l_l", "((uint64_t)(int16_t)%s)"),
    Op(0xC4, "i64.extend32_s", "l_l", "((uint64_t)(int32_t)%s)"),
    # -- references
    _handled(0xD0, "ref.null"),
    _handled(0xD1, "ref.is_null"),
    _handled(0xD2, "ref.func"),
    _handled(0xD4, "ref.as_non_null"),
    _handled(0xD5, "br_on_null"),
    _handled(0xD6, "br_on_non_null"),
    # -- saturating conversions, bulk memory and tables
    Op(0xFC0000, "i32.trunc_sat_f32_s", "f_i", "w2s_i32_trunc_sat_f32_s(%s)"),
    Op(0xFC0001, "i32.trunc_sat_f32_u", "f_i", "w2s_i32_trunc_sat_f32_u(%s)"),
    Op(0xFC0002, "i32.trunc_sat_f64_s", "d_i", "w2s_i32_trunc_sat_f64_s(%s)"),
    Op(0xFC0003, "i32.trunc_sat_f64_u", "d_i", "w2s_i32_trunc_sat_f64_u(%s)"),
    Op(0xFC0004, "i64.trunc_sat_f32_s", "f_l", "w2s_i64_trunc_sat_f32_s(%s)"),
    Op(0xFC0005, "i64.trunc_sat_f32_u", "f_l", "w2s_i64_trunc_sat_f32_u(%s)"),
    Op(0xFC0006, "i64.trunc_sat_f64_s", "d_l", "w2s_i64_trunc_sat_f64_s(%s)"),
    Op(0xFC0007, "i64.trunc_sat_f64_u", "d_l", "w2s_i64_trunc_sat_f64_u(%s)"),
    _handled(0xFC0008, "memory.init"),
    _handled(0xFC0009, "data.drop"),
    _handled(0xFC000A, "memory.copy"),
    _handled(0xFC000B, "memory.fill"),
    _handled(0xFC000C, "table.init"),
    _handled(0xFC000D, "elem.drop"),
    _handled(0xFC000E, "table.copy"),
    _handled(0xFC000F, "table.grow"),
    _handled(0xFC0010, "table.size"),
    _handled(0xFC0011, "table.fill"),
    # -- wide arithmetic
    _handled(0xFC0013, "i64.add128"),
    _handled(0xFC0014, "i64.sub128"),
    _handled(0xFC0015, "i64.mul_wide_s"),
    _handled(0xFC0016, "i64.mul_wide_u"),
    *SIMD,
    *THREADS,
)

BY_CODE: dict[int, Op] = {op.code: op for op in TABLE}
BY_NAME: dict[str, Op] = {op.name: op for op in TABLE}

UNSUPPORTED: dict[int, str] = {
    0xD3: "gc",
    0xFB: "gc",
}
"""Opcodes and prefixes of the language that are not compiled, with the feature to name in the error."""
