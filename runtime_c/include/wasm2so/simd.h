/* Vector instructions (spec: Vector Instructions; Execution, Numerics). Included by generated code that uses them only.
 *
 * Everything is written with the compiler's vector types; what x86 has instructions for that vector types do not reach
 * stands in simd_sse41.h, and the same functions in plain C for all other machines in simd_plain.h. Results are the
 * same on every machine and at every CPU level, but for the bits of NaNs that the specification leaves open.
 */
#ifndef WASM2SO_SIMD_H
#define WASM2SO_SIMD_H

#include "port.h"
#include W2S_WITH_VECTORS
#include "simd_int.h"
#include "simd_float.h"
#include W2S_SIMD_PART
#include "simd_memory.h"
#include "simd_relaxed.h"

#endif
