// mlp: hidden [rows, F = 1024]
// decoder.braid:11  x = x + swiglu[F](rms_norm(x) at post_attention_layernorm) at mlp
// std/layers:25  return x * rsqrt(mean(x * x over D) + eps) * weight
// std/layers:65  hidden = silu(x @ gate_proj.weight) * (x @ up_proj.weight)
#include <cuda_bf16.h>
#ifndef BRAID_LANES
#define BRAID_LANES
template <typename T> struct lanes { T x, y, z, w; };
#endif

#ifndef BRAID_FOUR
#define BRAID_FOUR
template <typename T> struct alignas(4 * sizeof(T)) four { T x, y, z, w; };
#endif

#ifndef BRAID_LANES_MULTIPLY
#define BRAID_LANES_MULTIPLY
template <typename T> __device__ inline lanes<T> operator*(lanes<T> a, lanes<T> b) { return {a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w}; }
#endif

#ifndef BRAID_LOAD4_ALIGNED
#define BRAID_LOAD4_ALIGNED
// Four elements that start at a multiple of their size, in one access.
template <typename T> __device__ inline lanes<T> load4_aligned(const T* p, int i) {
  const four<T> a = *reinterpret_cast<const four<T>*>(p + i);
  return {a.x, a.y, a.z, a.w};
}
#endif

#ifndef BRAID_LOAD4_ALIGNED_BF16
#define BRAID_LOAD4_ALIGNED_BF16
__device__ inline lanes<float> load4_aligned_bf16(const __nv_bfloat16* p, int i) {
  const four<__nv_bfloat16> a = *reinterpret_cast<const four<__nv_bfloat16>*>(p + i);
  return {__bfloat162float(a.x), __bfloat162float(a.y), __bfloat162float(a.z), __bfloat162float(a.w)};
}
#endif

#ifndef BRAID_STORE4_ALIGNED_BF16
#define BRAID_STORE4_ALIGNED_BF16
__device__ inline void store4_aligned_bf16(__nv_bfloat16* p, int i, lanes<float> a) {
  *reinterpret_cast<four<__nv_bfloat16>*>(p + i) = {__float2bfloat16_rn(a.x), __float2bfloat16_rn(a.y), __float2bfloat16_rn(a.z), __float2bfloat16_rn(a.w)};
}
#endif

#ifndef BRAID_PRECISE_EXP
#define BRAID_PRECISE_EXP
static __device__ inline float precise_exp(float x) {
  const float exp_in_0 = fminf(fmaxf(x, -104.0f), 89.0f);
  const float exp_n_1 = rintf(exp_in_0 * 1.442695f);
  const float exp_rest_2 = exp_in_0 - exp_n_1 * 0.6933594f + exp_n_1 * 0.00021219444f;
  const int exp_power_3 = int(exp_n_1);
  const int exp_half_4 = exp_power_3 >> 1;
  const float result = ((((((exp_rest_2 * 0.00019875691f + 0.0013981999f) * exp_rest_2 + 0.008333452f) * exp_rest_2 + 0.041665796f) * exp_rest_2 + 0.16666666f) * exp_rest_2 + 0.5f) * (exp_rest_2 * exp_rest_2) + exp_rest_2 + 1.0f) * __int_as_float((exp_half_4 + 127) << 23) * __int_as_float((exp_power_3 - exp_half_4 + 127) << 23);
  return result;
}
#endif

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

#ifndef BRAID_MMA_M16N8K16_BF16
#define BRAID_MMA_M16N8K16_BF16
// c += a · b by a warp, on its tensor core; registers as in the PTX manual, `mma.m16n8k16`.
__device__ inline void mma_m16n8k16_bf16(float (&c)[4], const unsigned (&a)[4],
                                          const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
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

extern "C" __global__ void __launch_bounds__(256, 1) mlp_hidden_contract(
    const float* __restrict__ x,
    const __nv_bfloat16* __restrict__ post_attention_layernorm_weight,
    const __nv_bfloat16* __restrict__ gate_proj_weight,
    const __nv_bfloat16* __restrict__ up_proj_weight,
    __nv_bfloat16* __restrict__ hidden,
    int ceil_rows_over_16,
    int rows,
    int ceil_rows_over_128) {
  extern __shared__ uint4 dynamic_shared[];
  __nv_bfloat16* const left_slice = reinterpret_cast<__nv_bfloat16*>(dynamic_shared + 0);
  __nv_bfloat16* const right_slice_1 = reinterpret_cast<__nv_bfloat16*>(dynamic_shared + 2048);
  __nv_bfloat16* const right_slice_2 = reinterpret_cast<__nv_bfloat16*>(dynamic_shared + 4096);
  float* const row_sums = reinterpret_cast<float*>(dynamic_shared + 6144);
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int index_0 = group % (ceil_rows_over_128 * 8);
  const int row_start = index_0 % ceil_rows_over_128 * 128;
  const int column_start = index_0 / ceil_rows_over_128 * 128;
  float partial = 0.0f;
  float partial_2 = 0.0f;
  float sum[4][4][4] = {};
  float sum_2[4][4][4] = {};
  const int own_column = (invocation & 3) * 8;
  const int own_row = invocation >> 2;
  const int rows_minus_1 = rows - 1;
  const int index_2 = min(row_start + own_row, rows_minus_1) * 512;
  const int invocation_plus_256 = invocation + 256;
  const int own_row_2 = invocation_plus_256 >> 2;
  const int index_4 = min(row_start + own_row_2, rows_minus_1) * 512;
  const int index_6 = own_row * 32 + own_column;
  const int index_8 = own_row_2 * 32 + own_column;
  for (int ahead = 0; ahead < 3; ahead++) {
    const int index_1 = ahead * 32 + own_column;
    const int index_3 = index_1 + index_2;
    const lanes<float> x_0 = load4_aligned(x, index_3);
    const lanes<float> post_attention_layernorm_weight_0 = load4_aligned_bf16(post_attention_layernorm_weight, index_1);
    const lanes<float> staged_13 = x_0 * post_attention_layernorm_weight_0;
    const lanes<float> x_1 = load4_aligned(x, index_3 + 4);
    const lanes<float> post_attention_layernorm_weight_1 = load4_aligned_bf16(post_attention_layernorm_weight, index_1 + 4);
    const lanes<float> staged_14 = x_1 * post_attention_layernorm_weight_1;
    const int index_5 = index_1 + index_4;
    const lanes<float> x_2 = load4_aligned(x, index_5);
    const lanes<float> staged_15 = x_2 * post_attention_layernorm_weight_0;
    const lanes<float> x_3 = load4_aligned(x, index_5 + 4);
    const lanes<float> staged_16 = x_3 * post_attention_layernorm_weight_1;
    const lanes<float> value_0 = x_0 * x_0;
    partial += value_0.x + value_0.y + (value_0.z + value_0.w);
    const lanes<float> value_1 = x_1 * x_1;
    partial += value_1.x + value_1.y + (value_1.z + value_1.w);
    const lanes<float> value_2 = x_2 * x_2;
    partial_2 += value_2.x + value_2.y + (value_2.z + value_2.w);
    const lanes<float> value_3 = x_3 * x_3;
    partial_2 += value_3.x + value_3.y + (value_3.z + value_3.w);
    const int stage = (ahead & 3) * 4096;
    const int index_7 = stage + index_6;
    store4_aligned_bf16(left_slice, swizzle_32x2(index_7), staged_13);
    store4_aligned_bf16(left_slice, swizzle_32x2(index_7 + 4), staged_14);
    const int index_9 = stage + index_8;
    store4_aligned_bf16(left_slice, swizzle_32x2(index_9), staged_15);
    store4_aligned_bf16(left_slice, swizzle_32x2(index_9 + 4), staged_16);
    for (int round_3 = 0; round_3 < 2; round_3++) {
      const int own_row_3 = (round_3 * 256 + invocation) >> 2;
      cp_async_16(&right_slice_1[swizzle_32x2(stage + (own_row_3 * 32 + own_column))], &gate_proj_weight[index_1 + (column_start + own_row_3) * 512]);
    }
    for (int round_4 = 0; round_4 < 2; round_4++) {
      const int own_row_4 = (round_4 * 256 + invocation) >> 2;
      cp_async_16(&right_slice_2[swizzle_32x2(stage + (own_row_4 * 32 + own_column))], &up_proj_weight[index_1 + (column_start + own_row_4) * 512]);
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
    const bool condition_0 = next < 16;
    if (condition_0) {
      const int stage_2 = (next & 3) * 4096;
      const int index_10 = next * 32 + own_column;
      for (int round = 0; round < 2; round++) {
        const int own_row_5 = (round * 256 + invocation) >> 2;
        cp_async_16(&right_slice_1[swizzle_32x2(stage_2 + (own_row_5 * 32 + own_column))], &gate_proj_weight[index_10 + (column_start + own_row_5) * 512]);
      }
      for (int round_2 = 0; round_2 < 2; round_2++) {
        const int own_row_6 = (round_2 * 256 + invocation) >> 2;
        cp_async_16(&right_slice_2[swizzle_32x2(stage_2 + (own_row_6 * 32 + own_column))], &up_proj_weight[index_10 + (column_start + own_row_6) * 512]);
      }
    }
    cp_async_commit();
    const int asked = min(next, 15);
    const int index_11 = asked * 32 + own_column;
    const int index_12 = index_11 + index_2;
    const lanes<float> x_4 = load4_aligned(x, index_12);
    const lanes<float> post_attention_layernorm_weight_2 = load4_aligned_bf16(post_attention_layernorm_weight, index_11);
    const lanes<float> staged_5 = x_4 * post_attention_layernorm_weight_2;
    const lanes<float> x_5 = load4_aligned(x, index_12 + 4);
    const lanes<float> post_attention_layernorm_weight_3 = load4_aligned_bf16(post_attention_layernorm_weight, index_11 + 4);
    const lanes<float> staged_6 = x_5 * post_attention_layernorm_weight_3;
    const int index_13 = index_11 + index_4;
    const lanes<float> x_6 = load4_aligned(x, index_13);
    const lanes<float> staged_7 = x_6 * post_attention_layernorm_weight_2;
    const lanes<float> x_7 = load4_aligned(x, index_13 + 4);
    const lanes<float> staged_8 = x_7 * post_attention_layernorm_weight_3;
    const int stage_3 = (slice & 3) * 4096;
    const int index_14 = stage_3 + warp_down_times_2048;
    const int index_15 = stage_3 + warp_across_times_1024;
    {
#pragma unroll
      for (int k = 0; k < 32; k += 16) {
        unsigned left[4][4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
          ldmatrix_x4(left[i], &left_slice[index_14 + (i * 16 + lane % 16) * 32 + (k + lane / 16 * 8 ^ (lane % 8 >> 1 & 3) * 8)]);
        }
#pragma unroll
        for (int j = 0; j < 4; j += 2) {
          unsigned right[4];
          ldmatrix_x4(right, &right_slice_1[index_15 + (j * 8 + lane / 16 * 8 + lane % 8) * 32 + (k + lane / 8 % 2 * 8 ^ (lane % 8 >> 1 & 3) * 8)]);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            mma_m16n8k16_bf16(sum[i][j], left[i], {right[0], right[1]});
          }
#pragma unroll
          for (int i = 0; i < 4; i++) {
            mma_m16n8k16_bf16(sum[i][j + 1], left[i], {right[2], right[3]});
          }
        }
      }
    }
    {
#pragma unroll
      for (int k = 0; k < 32; k += 16) {
        unsigned left[4][4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
          ldmatrix_x4(left[i], &left_slice[index_14 + (i * 16 + lane % 16) * 32 + (k + lane / 16 * 8 ^ (lane % 8 >> 1 & 3) * 8)]);
        }
#pragma unroll
        for (int j = 0; j < 4; j += 2) {
          unsigned right[4];
          ldmatrix_x4(right, &right_slice_2[index_15 + (j * 8 + lane / 16 * 8 + lane % 8) * 32 + (k + lane / 8 % 2 * 8 ^ (lane % 8 >> 1 & 3) * 8)]);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            mma_m16n8k16_bf16(sum_2[i][j], left[i], {right[0], right[1]});
          }
#pragma unroll
          for (int i = 0; i < 4; i++) {
            mma_m16n8k16_bf16(sum_2[i][j + 1], left[i], {right[2], right[3]});
          }
        }
      }
    }
    if (condition_0) {
      const lanes<float> value_4 = x_4 * x_4;
      partial += value_4.x + value_4.y + (value_4.z + value_4.w);
      const lanes<float> value_5 = x_5 * x_5;
      partial += value_5.x + value_5.y + (value_5.z + value_5.w);
      const lanes<float> value_6 = x_6 * x_6;
      partial_2 += value_6.x + value_6.y + (value_6.z + value_6.w);
      const lanes<float> value_7 = x_7 * x_7;
      partial_2 += value_7.x + value_7.y + (value_7.z + value_7.w);
    }
    const int stage_4 = (next & 3) * 4096;
    const int index_16 = stage_4 + index_6;
    store4_aligned_bf16(left_slice, swizzle_32x2(index_16), staged_5);
    store4_aligned_bf16(left_slice, swizzle_32x2(index_16 + 4), staged_6);
    const int index_17 = stage_4 + index_8;
    store4_aligned_bf16(left_slice, swizzle_32x2(index_17), staged_7);
    store4_aligned_bf16(left_slice, swizzle_32x2(index_17 + 4), staged_8);
  }
  row_sums[invocation] = partial;
  row_sums[invocation_plus_256] = partial_2;
  __syncthreads();
  float total[4][2] = {};
  const int warp_row = warp_down * 64;
  for (int sharer = 0; sharer < 4; sharer++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int row_2 = i * 16 + h * 8 + lane / 4;
        total[i][h] += row_sums[(warp_row + row_2) * 4 + sharer];
      }
    }
  }
  float map[4][2];
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      map[i][h] = rsqrtf(total[i][h] / 512.0f + 0.00001f);
    }
  }
  float result[4][4][4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        result[i][j][e] = sum[i][j][e] * map[i][e / 2] * (1.0f / (precise_exp(-(sum[i][j][e] * map[i][e / 2])) + 1.0f)) * (sum_2[i][j][e] * map[i][e / 2]);
      }
    }
  }
  const int warp_row_start = row_start + warp_row;
  const int warp_column_start = column_start + warp_across * 32;
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int row_13 = i * 16 + e / 2 * 8 + lane / 4;
        const int column_4 = j * 8 + e % 2 + lane % 4 * 2;
        const int index_18 = warp_row_start + row_13;
        if (index_18 < rows) {
          hidden[warp_column_start + column_4 + min(index_18, rows_minus_1) * 1024] = __float2bfloat16_rn(result[i][j][e]);
        }
      }
    }
  }
}
