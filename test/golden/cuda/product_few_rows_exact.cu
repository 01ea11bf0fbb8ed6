// x [rows, D = 512]
// decoder.braid:10  x = x + self_attention[H, H, E](rms_norm(x) at input_layernorm, composite) at self_attn
// std/attention:153  return seen @ o_proj.weight
#ifndef BRAID_SWIZZLE_64X4
#define BRAID_SWIZZLE_64X4
// Permutes the 16-byte pieces of a row so that a piece of eight rows lies in all banks.
__device__ inline int swizzle_64x4(int index) {
  return index ^ ((index / 64 & 7) * 4);
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

#ifndef BRAID_LOAD_X4
#define BRAID_LOAD_X4
// Floats that start at a multiple of their size, in one access.
__device__ inline void load_x4(float (&r)[4], const float* from) {
  const float4 a = *reinterpret_cast<const float4*>(from);
  r[0] = a.x; r[1] = a.y; r[2] = a.z; r[3] = a.w;
}
#endif

extern "C" __global__ void __launch_bounds__(128, 2) x_contract_few_rows(
    const float* __restrict__ seen,
    const float* __restrict__ o_proj_weight,
    const float* __restrict__ words,
    float* __restrict__ x,
    int ceil_rows_over_16,
    int rows,
    int ceil_rows_over_128) {
  __shared__ __align__(128) float left_slice[4096];
  __shared__ __align__(128) float right_slice[8192];
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int index_0 = group % (ceil_rows_over_16 * 16);
  const int row_start = index_0 % ceil_rows_over_16 * 16;
  const int column_start = index_0 / ceil_rows_over_16 * 32;
  float sum[1][1][4] = {};
  const int own_column = (invocation & 15) * 4;
  const int rows_minus_1 = rows - 1;
  for (int ahead = 0; ahead < 3; ahead++) {
    const int ahead_modulo_4 = ahead & 3;
    const int stage = ahead_modulo_4 * 1024;
    const int index_1 = ahead * 64 + own_column;
    for (int round_3 = 0; round_3 < 2; round_3++) {
      const int own_row = (round_3 * 128 + invocation) >> 4;
      cp_async_16(&left_slice[swizzle_64x4(stage + (own_row * 64 + own_column))], &seen[index_1 + min(row_start + own_row, rows_minus_1) * 512]);
    }
    const int stage_2 = ahead_modulo_4 * 2048;
    for (int round_4 = 0; round_4 < 4; round_4++) {
      const int own_row_2 = (round_4 * 128 + invocation) >> 4;
      cp_async_16(&right_slice[swizzle_64x4(stage_2 + (own_row_2 * 64 + own_column))], &o_proj_weight[index_1 + (column_start + own_row_2) * 512]);
    }
    cp_async_commit();
  }
  const int warp_times_512 = warp * 512;
  for (int slice = 0; slice < 8; slice++) {
    cp_async_wait<2>();
    __syncthreads();
    const int next = slice + 3;
    if (next < 8) {
      const int next_modulo_4 = next & 3;
      const int stage_3 = next_modulo_4 * 1024;
      const int index_2 = next * 64 + own_column;
      for (int round = 0; round < 2; round++) {
        const int own_row_3 = (round * 128 + invocation) >> 4;
        cp_async_16(&left_slice[swizzle_64x4(stage_3 + (own_row_3 * 64 + own_column))], &seen[index_2 + min(row_start + own_row_3, rows_minus_1) * 512]);
      }
      const int stage_4 = next_modulo_4 * 2048;
      for (int round_2 = 0; round_2 < 4; round_2++) {
        const int own_row_4 = (round_2 * 128 + invocation) >> 4;
        cp_async_16(&right_slice[swizzle_64x4(stage_4 + (own_row_4 * 64 + own_column))], &o_proj_weight[index_2 + (column_start + own_row_4) * 512]);
      }
    }
    cp_async_commit();
    const int slice_modulo_4 = slice & 3;
    {
#pragma unroll 4
      for (int k = 0; k < 64; k += 4) {
        float left[1][2][4];
#pragma unroll
        for (int h = 0; h < 2; h++) {
          load_x4(left[0][h], &left_slice[slice_modulo_4 * 1024 + (h * 8 + lane / 4) * 64 + (k ^ lane / 4 * 4)]);
        }
        float right[2][4];
        load_x4(right[0], &right_slice[slice_modulo_4 * 2048 + warp_times_512 + (lane % 4 * 2) * 64 + (k ^ (lane % 4 * 2) * 4)]);
        load_x4(right[1], &right_slice[slice_modulo_4 * 2048 + warp_times_512 + (lane % 4 * 2 + 1) * 64 + (k ^ (lane % 4 * 2 + 1) * 4)]);
#pragma unroll
        for (int n = 0; n < 4; n++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            sum[0][0][e] = fmaf(left[0][e / 2][n], right[e % 2][n], sum[0][0][e]);
          }
        }
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
