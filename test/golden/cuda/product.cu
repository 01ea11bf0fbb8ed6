// x [rows, D = 512]
// decoder.braid:10  x = x + self_attention[H, H, E](rms_norm(x) at input_layernorm, composite) at self_attn
// std/attention:153  return seen @ o_proj.weight
#include <cuda_fp16.h>
#ifndef BRAID_SWIZZLE_32X2
#define BRAID_SWIZZLE_32X2
// Permutes the 16-byte pieces of a row so that a piece of eight rows lies in all banks.
__device__ inline int swizzle_32x2(int index) {
  return index ^ ((index / 32 >> 1 & 3) * 8);
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

extern "C" __global__ void __launch_bounds__(256, 2) x_contract(
    const __half* __restrict__ seen,
    const __half* __restrict__ o_proj_weight,
    const float* __restrict__ words,
    float* __restrict__ x,
    int ceil_rows_over_16,
    int rows,
    int ceil_rows_over_128) {
  extern __shared__ uint4 dynamic_shared[];
  __half* const left_slice = reinterpret_cast<__half*>(dynamic_shared + 0);
  __half* const right_slice = reinterpret_cast<__half*>(dynamic_shared + 2048);
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int index_0 = group % (ceil_rows_over_128 * 4);
  const int row_start = index_0 % ceil_rows_over_128 * 128;
  const int column_start = index_0 / ceil_rows_over_128 * 128;
  float sum[4][4][4] = {};
  const int own_column = (invocation & 3) * 8;
  const int rows_minus_1 = rows - 1;
  for (int ahead = 0; ahead < 3; ahead++) {
    const int stage = (ahead & 3) * 4096;
    const int index_1 = ahead * 32 + own_column;
    for (int round_3 = 0; round_3 < 2; round_3++) {
      const int own_row = (round_3 * 256 + invocation) >> 2;
      cp_async_16(&left_slice[swizzle_32x2(stage + (own_row * 32 + own_column))], &seen[index_1 + min(row_start + own_row, rows_minus_1) * 512]);
    }
    for (int round_4 = 0; round_4 < 2; round_4++) {
      const int own_row_2 = (round_4 * 256 + invocation) >> 2;
      cp_async_16(&right_slice[swizzle_32x2(stage + (own_row_2 * 32 + own_column))], &o_proj_weight[index_1 + (column_start + own_row_2) * 512]);
    }
    cp_async_commit();
  }
  const int warp_down = warp & 1;
  const int warp_down_times_2048 = warp_down * 2048;
  const int warp_across = warp >> 1;
  const int warp_across_times_1024 = warp_across * 1024;
  for (int slice = 0; slice < 16; slice++) {
    cp_async_wait<2>();
    __syncthreads();
    const int next = slice + 3;
    if (next < 16) {
      const int stage_2 = (next & 3) * 4096;
      const int index_2 = next * 32 + own_column;
      for (int round = 0; round < 2; round++) {
        const int own_row_3 = (round * 256 + invocation) >> 2;
        cp_async_16(&left_slice[swizzle_32x2(stage_2 + (own_row_3 * 32 + own_column))], &seen[index_2 + min(row_start + own_row_3, rows_minus_1) * 512]);
      }
      for (int round_2 = 0; round_2 < 2; round_2++) {
        const int own_row_4 = (round_2 * 256 + invocation) >> 2;
        cp_async_16(&right_slice[swizzle_32x2(stage_2 + (own_row_4 * 32 + own_column))], &o_proj_weight[index_2 + (column_start + own_row_4) * 512]);
      }
    }
    cp_async_commit();
    const int stage_3 = (slice & 3) * 4096;
    {
#pragma unroll
      for (int k = 0; k < 32; k += 16) {
        unsigned left[4][4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
          ldmatrix_x4(left[i], &left_slice[stage_3 + warp_down_times_2048 + (i * 16 + lane % 16) * 32 + (k + lane / 16 * 8 ^ (lane % 8 >> 1 & 3) * 8)]);
        }
#pragma unroll
        for (int j = 0; j < 4; j += 2) {
          unsigned right[4];
          ldmatrix_x4(right, &right_slice[stage_3 + warp_across_times_1024 + (j * 8 + lane / 16 * 8 + lane % 8) * 32 + (k + lane / 8 % 2 * 8 ^ (lane % 8 >> 1 & 3) * 8)]);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            mma_m16n8k16_f16(sum[i][j], left[i], {right[0], right[1]});
          }
#pragma unroll
          for (int i = 0; i < 4; i++) {
            mma_m16n8k16_f16(sum[i][j + 1], left[i], {right[2], right[3]});
          }
        }
      }
    }
  }
  const int warp_column_start = column_start + warp_across * 32;
  const int warp_row_start = row_start + warp_down * 64;
  float result[4][4][4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int row_5 = i * 16 + e / 2 * 8 + lane / 4;
        const int column = j * 8 + e % 2 + lane % 4 * 2;
        result[i][j][e] = words[warp_column_start + column + min(warp_row_start + row_5, rows_minus_1) * 512] + sum[i][j][e];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int row_6 = i * 16 + e / 2 * 8 + lane / 4;
        const int column_2 = j * 8 + e % 2 + lane % 4 * 2;
        const int index_3 = warp_row_start + row_6;
        if (index_3 < rows) {
          x[warp_column_start + column_2 + min(index_3, rows_minus_1) * 512] = result[i][j][e];
        }
      }
    }
  }
}
