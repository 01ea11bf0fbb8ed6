// x [rows, D = 512]
// decoder.braid:10  x = x + self_attention[H, H, E](rms_norm(x) at input_layernorm, composite) at self_attn
// std/attention:153  return seen @ o_proj.weight
#include <cuda_fp16.h>
#ifndef BRAID_SWIZZLE_128X2
#define BRAID_SWIZZLE_128X2
// Permutes the 16-byte pieces of a row so that a piece of eight rows lies in all banks.
__device__ inline int swizzle_128x2(int index) {
  return index ^ ((index / 128 & 7) * 8);
}
#endif

#ifndef BRAID_LDMATRIX_X2
#define BRAID_LDMATRIX_X2
// Loads 8×8 matrices of 16-bit elements; lane l gives row l % 8 of matrix l / 8.
__device__ inline void ldmatrix_x2(unsigned (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 "
               "{%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row))));
}
#endif

#ifndef BRAID_LDMATRIX_X4
#define BRAID_LDMATRIX_X4
// Loads 8×8 matrices of 16-bit elements; lane l gives row l % 8 of matrix l / 8.
__device__ inline void ldmatrix_x4(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 "
               "{%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row))));
}
#endif

#ifndef BRAID_MMA_M16N8K16_F16
#define BRAID_MMA_M16N8K16_F16
// c += a · b by a warp, on its tensor core; registers as in the PTX manual, `mma.m16n8k16`.
__device__ inline void mma_m16n8k16_f16(float (&c)[4], const unsigned (&a)[4],
                                          const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

#ifndef BRAID_CP_ASYNC_16
#define BRAID_CP_ASYNC_16
// Starts to copy 16 bytes to shared memory, past the first-level cache.
__device__ inline void cp_async_16(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::
               "r"(static_cast<unsigned>(__cvta_generic_to_shared(shared))), "l"(global) : "memory");
}
#endif

#ifndef BRAID_CP_ASYNC_COMMIT
#define BRAID_CP_ASYNC_COMMIT
__device__ inline void cp_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
#endif

#ifndef BRAID_CP_ASYNC_WAIT
#define BRAID_CP_ASYNC_WAIT
// Waits until at most the latest `pending` groups of copies are under way.
template <int pending> __device__ inline void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}
#endif

extern "C" __global__ void __launch_bounds__(128, 2) x_contract_few_rows(
    const __half* __restrict__ seen,
    const __half* __restrict__ o_proj_weight,
    const float* __restrict__ words,
    float* __restrict__ x,
    int ceil_rows_over_16,
    int rows,
    int ceil_rows_over_128) {
  __shared__ __align__(128) __half left_slice[8192];
  __shared__ __align__(128) __half right_slice[16384];
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int index_0 = group % (ceil_rows_over_16 * 16);
  const int row_start = index_0 % ceil_rows_over_16 * 16;
  const int column_start = index_0 / ceil_rows_over_16 * 32;
  float sum[1][1][4] = {};
  const int own_column = (invocation & 15) * 8;
  const int rows_minus_1 = rows - 1;
  for (int ahead = 0; ahead < 3; ahead++) {
    const int ahead_modulo_4 = ahead & 3;
    const int stage = ahead_modulo_4 * 2048;
    const int index_1 = ahead * 128 + own_column;
    for (int round_3 = 0; round_3 < 2; round_3++) {
      const int own_row = (round_3 * 128 + invocation) >> 4;
      cp_async_16(&left_slice[swizzle_128x2(stage + (own_row * 128 + own_column))], &seen[index_1 + min(row_start + own_row, rows_minus_1) * 512]);
    }
    const int stage_2 = ahead_modulo_4 * 4096;
    for (int round_4 = 0; round_4 < 4; round_4++) {
      const int own_row_2 = (round_4 * 128 + invocation) >> 4;
      cp_async_16(&right_slice[swizzle_128x2(stage_2 + (own_row_2 * 128 + own_column))], &o_proj_weight[index_1 + (column_start + own_row_2) * 512]);
    }
    cp_async_commit();
  }
  const int warp_times_1024 = warp * 1024;
  for (int slice = 0; slice < 4; slice++) {
    cp_async_wait<2>();
    __syncthreads();
    const int next = slice + 3;
    if (next < 4) {
      const int next_modulo_4 = next & 3;
      const int stage_3 = next_modulo_4 * 2048;
      const int index_2 = next * 128 + own_column;
      for (int round = 0; round < 2; round++) {
        const int own_row_3 = (round * 128 + invocation) >> 4;
        cp_async_16(&left_slice[swizzle_128x2(stage_3 + (own_row_3 * 128 + own_column))], &seen[index_2 + min(row_start + own_row_3, rows_minus_1) * 512]);
      }
      const int stage_4 = next_modulo_4 * 4096;
      for (int round_2 = 0; round_2 < 4; round_2++) {
        const int own_row_4 = (round_2 * 128 + invocation) >> 4;
        cp_async_16(&right_slice[swizzle_128x2(stage_4 + (own_row_4 * 128 + own_column))], &o_proj_weight[index_2 + (column_start + own_row_4) * 512]);
      }
    }
    cp_async_commit();
    const int slice_modulo_4 = slice & 3;
    {
#pragma unroll
      for (int k = 0; k < 128; k += 16) {
        unsigned left[1][4];
        ldmatrix_x4(left[0], &left_slice[slice_modulo_4 * 2048 + (lane % 16) * 128 + (k + lane / 16 * 8 ^ lane % 8 * 8)]);
        unsigned right[2];
        ldmatrix_x2(right, &right_slice[slice_modulo_4 * 4096 + warp_times_1024 + (lane % 8) * 128 + (k + lane / 8 % 2 * 8 ^ lane % 8 * 8)]);
        mma_m16n8k16_f16(sum[0][0], left[0], right);
      }
    }
  }
  const int warp_column_start = column_start + warp * 8;
  float result[1][1][4];
#pragma unroll
  for (int e = 0; e < 4; e++) {
    const int row_5 = e / 2 * 8 + lane / 4;
    const int column = e % 2 + lane % 4 * 2;
    result[0][0][e] = words[warp_column_start + column + min(row_start + row_5, rows_minus_1) * 512] + sum[0][0][e];
  }
#pragma unroll
  for (int e = 0; e < 4; e++) {
    const int row_6 = e / 2 * 8 + lane / 4;
    const int column_2 = e % 2 + lane % 4 * 2;
    const int row_start_plus_row_6 = row_start + row_6;
    if (row_start_plus_row_6 < rows) {
      x[warp_column_start + column_2 + min(row_start_plus_row_6, rows_minus_1) * 512] = result[0][0][e];
    }
  }
}
