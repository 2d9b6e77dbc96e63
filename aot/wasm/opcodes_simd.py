"""Rows of the vector instructions (spec: Vector Instructions). See `aot.wasm.opcodes`.

Their C is a function of simd.h that has the instruction's name, unless the row says otherwise. In signatures v = v128.
"""

from __future__ import annotations

from typing import Final

from aot.wasm.op import Effect, Imm, Op

PREFIX: Final = 0xFD
FIRST_RELAXED: Final = 0x100
"""Numbers from here on are those of the relaxed instructions."""


def _function(name: str) -> str:
    return "w2s_" + name.replace(".", "_")


def _op(number: int, name: str, sig: str, c: str | None = None) -> Op:
    n_params = len(sig.split("_")[0])
    return Op(PREFIX << 16 | number, name, sig, c or f"{_function(name)}({', '.join(['%s'] * n_params)})")


def _lane(number: int, name: str, sig: str, width: int) -> Op:
    return Op(PREFIX << 16 | number, name, sig, _function(name), imm=Imm.LANE, align=width)


def _load(number: int, name: str, align: int) -> Op:
    return Op(PREFIX << 16 | number, name, "i_v", _function(name), Effect.READ, Imm.MEMARG, align)


def _store(number: int, name: str, align: int) -> Op:
    return Op(PREFIX << 16 | number, name, "iv_", _function(name), Effect.WRITE, Imm.MEMARG, align)


def _load_lane(number: int, name: str, align: int) -> Op:
    return Op(PREFIX << 16 | number, name, "iv_v", _function(name), Effect.READ, Imm.MEMARG_LANE, align)


def _store_lane(number: int, name: str, align: int) -> Op:
    return Op(PREFIX << 16 | number, name, "iv_", _function(name), Effect.WRITE, Imm.MEMARG_LANE, align)


def _handled(number: int, name: str) -> Op:
    return Op(PREFIX << 16 | number, name, imm=Imm.OTHER)


SIMD: Final[tuple[Op, ...]] = (
    # -- memory
    _load(0x00, "v128.load", 4),
    _load(0x01, "v128.load8x8_s", 3),
    _load(0x02, "v128.load8x8_u", 3),
    _load(0x03, "v128.load16x4_s", 3),
    _load(0x04, "v128.load16x4_u", 3),
    _load(0x05, "v128.load32x2_s", 3),
    _load(0x06, "v128.load32x2_u", 3),
    _load(0x07, "v128.load8_splat", 0),
    _load(0x08, "v128.load16_splat", 1),
    _load(0x09, "v128.load32_splat", 2),
    _load(0x0A, "v128.load64_splat", 3),
    _store(0x0B, "v128.store", 4),
    _load_lane(0x54, "v128.load8_lane", 0),
    _load_lane(0x55, "v128.load16_lane", 1),
    _load_lane(0x56, "v128.load32_lane", 2),
    _load_lane(0x57, "v128.load64_lane", 3),
    _store_lane(0x58, "v128.store8_lane", 0),
    _store_lane(0x59, "v128.store16_lane", 1),
    _store_lane(0x5A, "v128.store32_lane", 2),
    _store_lane(0x5B, "v128.store64_lane", 3),
    _load(0x5C, "v128.load32_zero", 2),
    _load(0x5D, "v128.load64_zero", 3),
    # -- constants, lanes
    _handled(0x0C, "v128.const"),
    _handled(0x0D, "i8x16.shuffle"),
    _op(0x0E, "i8x16.swizzle", "vv_v"),
    _op(0x0F, "i8x16.splat", "i_v"),
    _op(0x10, "i16x8.splat", "i_v"),
    _op(0x11, "i32x4.splat", "i_v"),
    _op(0x12, "i64x2.splat", "l_v"),
    _op(0x13, "f32x4.splat", "f_v"),
    _op(0x14, "f64x2.splat", "d_v"),
    _lane(0x15, "i8x16.extract_lane_s", "v_i", 0),
    _lane(0x16, "i8x16.extract_lane_u", "v_i", 0),
    _lane(0x17, "i8x16.replace_lane", "vi_v", 0),
    _lane(0x18, "i16x8.extract_lane_s", "v_i", 1),
    _lane(0x19, "i16x8.extract_lane_u", "v_i", 1),
    _lane(0x1A, "i16x8.replace_lane", "vi_v", 1),
    _lane(0x1B, "i32x4.extract_lane", "v_i", 2),
    _lane(0x1C, "i32x4.replace_lane", "vi_v", 2),
    _lane(0x1D, "i64x2.extract_lane", "v_l", 3),
    _lane(0x1E, "i64x2.replace_lane", "vl_v", 3),
    _lane(0x1F, "f32x4.extract_lane", "v_f", 2),
    _lane(0x20, "f32x4.replace_lane", "vf_v", 2),
    _lane(0x21, "f64x2.extract_lane", "v_d", 3),
    _lane(0x22, "f64x2.replace_lane", "vd_v", 3),
    # -- comparisons
    _op(0x23, "i8x16.eq", "vv_v"),
    _op(0x24, "i8x16.ne", "vv_v"),
    _op(0x25, "i8x16.lt_s", "vv_v"),
    _op(0x26, "i8x16.lt_u", "vv_v"),
    _op(0x27, "i8x16.gt_s", "vv_v"),
    _op(0x28, "i8x16.gt_u", "vv_v"),
    _op(0x29, "i8x16.le_s", "vv_v"),
    _op(0x2A, "i8x16.le_u", "vv_v"),
    _op(0x2B, "i8x16.ge_s", "vv_v"),
    _op(0x2C, "i8x16.ge_u", "vv_v"),
    _op(0x2D, "i16x8.eq", "vv_v"),
    _op(0x2E, "i16x8.ne", "vv_v"),
    _op(0x2F, "i16x8.lt_s", "vv_v"),
    _op(0x30, "i16x8.lt_u", "vv_v"),
    _op(0x31, "i16x8.gt_s", "vv_v"),
    _op(0x32, "i16x8.gt_u", "vv_v"),
    _op(0x33, "i16x8.le_s", "vv_v"),
    _op(0x34, "i16x8.le_u", "vv_v"),
    _op(0x35, "i16x8.ge_s", "vv_v"),
    _op(0x36, "i16x8.ge_u", "vv_v"),
    _op(0x37, "i32x4.eq", "vv_v"),
    _op(0x38, "i32x4.ne", "vv_v"),
    _op(0x39, "i32x4.lt_s", "vv_v"),
    _op(0x3A, "i32x4.lt_u", "vv_v"),
    _op(0x3B, "i32x4.gt_s", "vv_v"),
    _op(0x3C, "i32x4.gt_u", "vv_v"),
    _op(0x3D, "i32x4.le_s", "vv_v"),
    _op(0x3E, "i32x4.le_u", "vv_v"),
    _op(0x3F, "i32x4.ge_s", "vv_v"),
    _op(0x40, "i32x4.ge_u", "vv_v"),
    _op(0x41, "f32x4.eq", "vv_v"),
    _op(0x42, "f32x4.ne", "vv_v"),
    _op(0x43, "f32x4.lt", "vv_v"),
    _op(0x44, "f32x4.gt", "vv_v"),
    _op(0x45, "f32x4.le", "vv_v"),
    _op(0x46, "f32x4.ge", "vv_v"),
    _op(0x47, "f64x2.eq", "vv_v"),
    _op(0x48, "f64x2.ne", "vv_v"),
    _op(0x49, "f64x2.lt", "vv_v"),
    _op(0x4A, "f64x2.gt", "vv_v"),
    _op(0x4B, "f64x2.le", "vv_v"),
    _op(0x4C, "f64x2.ge", "vv_v"),
    _op(0xD6, "i64x2.eq", "vv_v"),
    _op(0xD7, "i64x2.ne", "vv_v"),
    _op(0xD8, "i64x2.lt_s", "vv_v"),
    _op(0xD9, "i64x2.gt_s", "vv_v"),
    _op(0xDA, "i64x2.le_s", "vv_v"),
    _op(0xDB, "i64x2.ge_s", "vv_v"),
    # -- bits
    _op(0x4D, "v128.not", "v_v", "(~%s)"),
    _op(0x4E, "v128.and", "vv_v", "(%s & %s)"),
    _op(0x4F, "v128.andnot", "vv_v", "(%s & ~%s)"),
    _op(0x50, "v128.or", "vv_v", "(%s | %s)"),
    _op(0x51, "v128.xor", "vv_v", "(%s ^ %s)"),
    _op(0x52, "v128.bitselect", "vvv_v"),
    _op(0x53, "v128.any_true", "v_i"),
    # -- i8x16
    _op(0x60, "i8x16.abs", "v_v"),
    _op(0x61, "i8x16.neg", "v_v"),
    _op(0x62, "i8x16.popcnt", "v_v"),
    _op(0x63, "i8x16.all_true", "v_i"),
    _op(0x64, "i8x16.bitmask", "v_i"),
    _op(0x65, "i8x16.narrow_i16x8_s", "vv_v"),
    _op(0x66, "i8x16.narrow_i16x8_u", "vv_v"),
    _op(0x6B, "i8x16.shl", "vi_v"),
    _op(0x6C, "i8x16.shr_s", "vi_v"),
    _op(0x6D, "i8x16.shr_u", "vi_v"),
    _op(0x6E, "i8x16.add", "vv_v"),
    _op(0x6F, "i8x16.add_sat_s", "vv_v"),
    _op(0x70, "i8x16.add_sat_u", "vv_v"),
    _op(0x71, "i8x16.sub", "vv_v"),
    _op(0x72, "i8x16.sub_sat_s", "vv_v"),
    _op(0x73, "i8x16.sub_sat_u", "vv_v"),
    _op(0x76, "i8x16.min_s", "vv_v"),
    _op(0x77, "i8x16.min_u", "vv_v"),
    _op(0x78, "i8x16.max_s", "vv_v"),
    _op(0x79, "i8x16.max_u", "vv_v"),
    _op(0x7B, "i8x16.avgr_u", "vv_v"),
    # -- i16x8
    _op(0x7C, "i16x8.extadd_pairwise_i8x16_s", "v_v"),
    _op(0x7D, "i16x8.extadd_pairwise_i8x16_u", "v_v"),
    _op(0x80, "i16x8.abs", "v_v"),
    _op(0x81, "i16x8.neg", "v_v"),
    _op(0x82, "i16x8.q15mulr_sat_s", "vv_v"),
    _op(0x83, "i16x8.all_true", "v_i"),
    _op(0x84, "i16x8.bitmask", "v_i"),
    _op(0x85, "i16x8.narrow_i32x4_s", "vv_v"),
    _op(0x86, "i16x8.narrow_i32x4_u", "vv_v"),
    _op(0x87, "i16x8.extend_low_i8x16_s", "v_v"),
    _op(0x88, "i16x8.extend_high_i8x16_s", "v_v"),
    _op(0x89, "i16x8.extend_low_i8x16_u", "v_v"),
    _op(0x8A, "i16x8.extend_high_i8x16_u", "v_v"),
    _op(0x8B, "i16x8.shl", "vi_v"),
    _op(0x8C, "i16x8.shr_s", "vi_v"),
    _op(0x8D, "i16x8.shr_u", "vi_v"),
    _op(0x8E, "i16x8.add", "vv_v"),
    _op(0x8F, "i16x8.add_sat_s", "vv_v"),
    _op(0x90, "i16x8.add_sat_u", "vv_v"),
    _op(0x91, "i16x8.sub", "vv_v"),
    _op(0x92, "i16x8.sub_sat_s", "vv_v"),
    _op(0x93, "i16x8.sub_sat_u", "vv_v"),
    _op(0x95, "i16x8.mul", "vv_v"),
    _op(0x96, "i16x8.min_s", "vv_v"),
    _op(0x97, "i16x8.min_u", "vv_v"),
    _op(0x98, "i16x8.max_s", "vv_v"),
    _op(0x99, "i16x8.max_u", "vv_v"),
    _op(0x9B, "i16x8.avgr_u", "vv_v"),
    _op(0x9C, "i16x8.extmul_low_i8x16_s", "vv_v"),
    _op(0x9D, "i16x8.extmul_high_i8x16_s", "vv_v"),
    _op(0x9E, "i16x8.extmul_low_i8x16_u", "vv_v"),
    _op(0x9F, "i16x8.extmul_high_i8x16_u", "vv_v"),
    # -- i32x4
    _op(0x7E, "i32x4.extadd_pairwise_i16x8_s", "v_v"),
    _op(0x7F, "i32x4.extadd_pairwise_i16x8_u", "v_v"),
    _op(0xA0, "i32x4.abs", "v_v"),
    _op(0xA1, "i32x4.neg", "v_v"),
    _op(0xA3, "i32x4.all_true", "v_i"),
    _op(0xA4, "i32x4.bitmask", "v_i"),
    _op(0xA7, "i32x4.extend_low_i16x8_s", "v_v"),
    _op(0xA8, "i32x4.extend_high_i16x8_s", "v_v"),
    _op(0xA9, "i32x4.extend_low_i16x8_u", "v_v"),
    _op(0xAA, "i32x4.extend_high_i16x8_u", "v_v"),
    _op(0xAB, "i32x4.shl", "vi_v"),
    _op(0xAC, "i32x4.shr_s", "vi_v"),
    _op(0xAD, "i32x4.shr_u", "vi_v"),
    _op(0xAE, "i32x4.add", "vv_v"),
    _op(0xB1, "i32x4.sub", "vv_v"),
    _op(0xB5, "i32x4.mul", "vv_v"),
    _op(0xB6, "i32x4.min_s", "vv_v"),
    _op(0xB7, "i32x4.min_u", "vv_v"),
    _op(0xB8, "i32x4.max_s", "vv_v"),
    _op(0xB9, "i32x4.max_u", "vv_v"),
    _op(0xBA, "i32x4.dot_i16x8_s", "vv_v"),
    _op(0xBC, "i32x4.extmul_low_i16x8_s", "vv_v"),
    _op(0xBD, "i32x4.extmul_high_i16x8_s", "vv_v"),
    _op(0xBE, "i32x4.extmul_low_i16x8_u", "vv_v"),
    _op(0xBF, "i32x4.extmul_high_i16x8_u", "vv_v"),
    # -- i64x2
    _op(0xC0, "i64x2.abs", "v_v"),
    _op(0xC1, "i64x2.neg", "v_v"),
    _op(0xC3, "i64x2.all_true", "v_i"),
    _op(0xC4, "i64x2.bitmask", "v_i"),
    _op(0xC7, "i64x2.extend_low_i32x4_s", "v_v"),
    _op(0xC8, "i64x2.extend_high_i32x4_s", "v_v"),
    _op(0xC9, "i64x2.extend_low_i32x4_u", "v_v"),
    _op(0xCA, "i64x2.extend_high_i32x4_u", "v_v"),
    _op(0xCB, "i64x2.shl", "vi_v"),
    _op(0xCC, "i64x2.shr_s", "vi_v"),
    _op(0xCD, "i64x2.shr_u", "vi_v"),
    _op(0xCE, "i64x2.add", "vv_v"),
    _op(0xD1, "i64x2.sub", "vv_v"),
    _op(0xD5, "i64x2.mul", "vv_v"),
    _op(0xDC, "i64x2.extmul_low_i32x4_s", "vv_v"),
    _op(0xDD, "i64x2.extmul_high_i32x4_s", "vv_v"),
    _op(0xDE, "i64x2.extmul_low_i32x4_u", "vv_v"),
    _op(0xDF, "i64x2.extmul_high_i32x4_u", "vv_v"),
    # -- f32x4
    _op(0x67, "f32x4.ceil", "v_v"),
    _op(0x68, "f32x4.floor", "v_v"),
    _op(0x69, "f32x4.trunc", "v_v"),
    _op(0x6A, "f32x4.nearest", "v_v"),
    _op(0xE0, "f32x4.abs", "v_v"),
    _op(0xE1, "f32x4.neg", "v_v"),
    _op(0xE3, "f32x4.sqrt", "v_v"),
    _op(0xE4, "f32x4.add", "vv_v"),
    _op(0xE5, "f32x4.sub", "vv_v"),
    _op(0xE6, "f32x4.mul", "vv_v"),
    _op(0xE7, "f32x4.div", "vv_v"),
    _op(0xE8, "f32x4.min", "vv_v"),
    _op(0xE9, "f32x4.max", "vv_v"),
    _op(0xEA, "f32x4.pmin", "vv_v"),
    _op(0xEB, "f32x4.pmax", "vv_v"),
    # -- f64x2
    _op(0x74, "f64x2.ceil", "v_v"),
    _op(0x75, "f64x2.floor", "v_v"),
    _op(0x7A, "f64x2.trunc", "v_v"),
    _op(0x94, "f64x2.nearest", "v_v"),
    _op(0xEC, "f64x2.abs", "v_v"),
    _op(0xED, "f64x2.neg", "v_v"),
    _op(0xEF, "f64x2.sqrt", "v_v"),
    _op(0xF0, "f64x2.add", "vv_v"),
    _op(0xF1, "f64x2.sub", "vv_v"),
    _op(0xF2, "f64x2.mul", "vv_v"),
    _op(0xF3, "f64x2.div", "vv_v"),
    _op(0xF4, "f64x2.min", "vv_v"),
    _op(0xF5, "f64x2.max", "vv_v"),
    _op(0xF6, "f64x2.pmin", "vv_v"),
    _op(0xF7, "f64x2.pmax", "vv_v"),
    # -- conversions
    _op(0x5E, "f32x4.demote_f64x2_zero", "v_v"),
    _op(0x5F, "f64x2.promote_low_f32x4", "v_v"),
    _op(0xF8, "i32x4.trunc_sat_f32x4_s", "v_v"),
    _op(0xF9, "i32x4.trunc_sat_f32x4_u", "v_v"),
    _op(0xFA, "f32x4.convert_i32x4_s", "v_v"),
    _op(0xFB, "f32x4.convert_i32x4_u", "v_v"),
    _op(0xFC, "i32x4.trunc_sat_f64x2_s_zero", "v_v"),
    _op(0xFD, "i32x4.trunc_sat_f64x2_u_zero", "v_v"),
    _op(0xFE, "f64x2.convert_low_i32x4_s", "v_v"),
    _op(0xFF, "f64x2.convert_low_i32x4_u", "v_v"),
    # -- relaxed
    _op(0x100, "i8x16.relaxed_swizzle", "vv_v"),
    _op(0x101, "i32x4.relaxed_trunc_f32x4_s", "v_v"),
    _op(0x102, "i32x4.relaxed_trunc_f32x4_u", "v_v"),
    _op(0x103, "i32x4.relaxed_trunc_f64x2_s_zero", "v_v"),
    _op(0x104, "i32x4.relaxed_trunc_f64x2_u_zero", "v_v"),
    _op(0x105, "f32x4.relaxed_madd", "vvv_v"),
    _op(0x106, "f32x4.relaxed_nmadd", "vvv_v"),
    _op(0x107, "f64x2.relaxed_madd", "vvv_v"),
    _op(0x108, "f64x2.relaxed_nmadd", "vvv_v"),
    _op(0x109, "i8x16.relaxed_laneselect", "vvv_v", "w2s_v128_bitselect(%s, %s, %s)"),
    _op(0x10A, "i16x8.relaxed_laneselect", "vvv_v", "w2s_v128_bitselect(%s, %s, %s)"),
    _op(0x10B, "i32x4.relaxed_laneselect", "vvv_v", "w2s_v128_bitselect(%s, %s, %s)"),
    _op(0x10C, "i64x2.relaxed_laneselect", "vvv_v", "w2s_v128_bitselect(%s, %s, %s)"),
    _op(0x10D, "f32x4.relaxed_min", "vv_v"),
    _op(0x10E, "f32x4.relaxed_max", "vv_v"),
    _op(0x10F, "f64x2.relaxed_min", "vv_v"),
    _op(0x110, "f64x2.relaxed_max", "vv_v"),
    _op(0x111, "i16x8.relaxed_q15mulr_s", "vv_v"),
    _op(0x112, "i16x8.relaxed_dot_i8x16_i7x16_s", "vv_v"),
    _op(0x113, "i32x4.relaxed_dot_i8x16_i7x16_add_s", "vvv_v"),
)
