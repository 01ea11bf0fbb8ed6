/**
 * The device functions that generated text defines with inline assembly: asynchronous copies, matrix
 * loads, tensor core products, packing. Their guards are defined here, so the text's own definitions
 * are left out; what they do is in `runtime/matrix.cpp`.
 */

#pragma once

#include "host_half.h"
#include "host_types.h"

#define BRAID_CP_ASYNC_16
#define BRAID_CP_ASYNC_16_IF
#define BRAID_CP_ASYNC_4
#define BRAID_CP_ASYNC_COMMIT
#define BRAID_CP_ASYNC_WAIT
#define BRAID_LDMATRIX_X2
#define BRAID_LDMATRIX_X2_TRANS
#define BRAID_LDMATRIX_X4
#define BRAID_LDMATRIX_X4_TRANS
#define BRAID_MMA_M16N8K16_F16
#define BRAID_MMA_M16N8K16_BF16
#define BRAID_MMA_M16N8K8_TF32
#define BRAID_TO_TF32
#define BRAID_PACK_F16
#define BRAID_PACK_BF16
#define BRAID_EXP2_APPROX

namespace braid {

/** Copies `bytes`, of which the first `valid` come from `global` and the rest are 0. */
void copy_async(void* shared, const void* global, int bytes, int valid);
void copy_commit();
void copy_wait(int pending);

uint4 load_matrices(const void* row, int count, bool transposed);

enum class Operand { f16, bf16, tf32 };
float4 multiply(Operand operand, float4 sum, uint4 left, uint2 right);

}  // namespace braid

// Always inlined, so that no address of a fragment leaves the kernel.
#define BRAID_INLINE inline __attribute__((always_inline))

BRAID_INLINE void cp_async_16(void* shared, const void* global) {
  braid::copy_async(shared, global, 16, 16);
}
BRAID_INLINE void cp_async_16_if(void* shared, const void* global, bool valid) {
  braid::copy_async(shared, global, 16, valid ? 16 : 0);
}
BRAID_INLINE void cp_async_4(void* shared, const void* global) {
  braid::copy_async(shared, global, 4, 4);
}
BRAID_INLINE void cp_async_commit() { braid::copy_commit(); }
template <int pending> BRAID_INLINE void cp_async_wait() { braid::copy_wait(pending); }

BRAID_INLINE void ldmatrix_x4(unsigned (&r)[4], const void* row) {
  const uint4 loaded = braid::load_matrices(row, 4, false);
  r[0] = loaded.x, r[1] = loaded.y, r[2] = loaded.z, r[3] = loaded.w;
}
BRAID_INLINE void ldmatrix_x4_trans(unsigned (&r)[4], const void* row) {
  const uint4 loaded = braid::load_matrices(row, 4, true);
  r[0] = loaded.x, r[1] = loaded.y, r[2] = loaded.z, r[3] = loaded.w;
}
BRAID_INLINE void ldmatrix_x2(unsigned (&r)[2], const void* row) {
  const uint4 loaded = braid::load_matrices(row, 2, false);
  r[0] = loaded.x, r[1] = loaded.y;
}
BRAID_INLINE void ldmatrix_x2_trans(unsigned (&r)[2], const void* row) {
  const uint4 loaded = braid::load_matrices(row, 2, true);
  r[0] = loaded.x, r[1] = loaded.y;
}

BRAID_INLINE void braid_multiply(
    braid::Operand operand, float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  const float4 sum = braid::multiply(
      operand, {c[0], c[1], c[2], c[3]}, {a[0], a[1], a[2], a[3]}, {b[0], b[1]});
  c[0] = sum.x, c[1] = sum.y, c[2] = sum.z, c[3] = sum.w;
}
BRAID_INLINE void mma_m16n8k16_f16(
    float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  braid_multiply(braid::Operand::f16, c, a, b);
}
BRAID_INLINE void mma_m16n8k16_bf16(
    float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  braid_multiply(braid::Operand::bf16, c, a, b);
}
BRAID_INLINE void mma_m16n8k8_tf32(
    float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  braid_multiply(braid::Operand::tf32, c, a, b);
}

/** `cvt.rna.tf32.f32`: 10 bits of fraction, to nearest, ties away from 0. */
BRAID_INLINE unsigned to_tf32(float x) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  if ((bits & 0x7f800000) == 0x7f800000) return bits;
  return (bits + 0x1000) & 0xffffe000;
}
BRAID_INLINE unsigned pack_f16(float low, float high) {
  return unsigned(braid::float_to_half(high)) << 16 | braid::float_to_half(low);
}
BRAID_INLINE unsigned pack_bf16(float low, float high) {
  return unsigned(braid::float_to_bfloat(high)) << 16 | braid::float_to_bfloat(low);
}
/** `ex2.approx.ftz.f32`, without its two units of error in the last place. */
BRAID_INLINE float exp2_approx(float x) { return __builtin_exp2f(x); }
