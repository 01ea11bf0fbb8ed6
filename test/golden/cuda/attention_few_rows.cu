// self_attn: seen [rows, H = 4, E = 128]
// decoder.braid:10  x = x + self_attention[H, H, E](rms_norm(x) at input_layernorm, composite) at self_attn
// std/attention:152  seen = attend(rotary(q, position(S), theta), turned[S as K], v[S as K] over K; mask = sees)
#include <cuda_fp16.h>
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

#ifndef BRAID_SPLAT4
#define BRAID_SPLAT4
template <typename T> __device__ inline lanes<T> splat4(T a) { return {a, a, a, a}; }
#endif

#ifndef BRAID_LOAD4_ALIGNED_F16
#define BRAID_LOAD4_ALIGNED_F16
__device__ inline lanes<float> load4_aligned_f16(const __half* p, int i) {
  const four<__half> a = *reinterpret_cast<const four<__half>*>(p + i);
  return {__half2float(a.x), __half2float(a.y), __half2float(a.z), __half2float(a.w)};
}
#endif

#ifndef BRAID_STORE4_ALIGNED_F16
#define BRAID_STORE4_ALIGNED_F16
__device__ inline void store4_aligned_f16(__half* p, int i, lanes<float> a) {
  *reinterpret_cast<four<__half>*>(p + i) = {__float2half_rn(a.x), __float2half_rn(a.y), __float2half_rn(a.z), __float2half_rn(a.w)};
}
#endif

#ifndef BRAID_SWIZZLE_128X2
#define BRAID_SWIZZLE_128X2
// Permutes the 16-byte pieces of a row so that a piece of eight rows lies in all banks.
__device__ inline int swizzle_128x2(int index) {
  return index ^ ((index / 128 & 7) * 8);
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

#ifndef BRAID_LDMATRIX_X4_TRANS
#define BRAID_LDMATRIX_X4_TRANS
// Loads 8×8 matrices of 16-bit elements; lane l gives row l % 8 of matrix l / 8.
__device__ inline void ldmatrix_x4_trans(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 "
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

#ifndef BRAID_PACK_F16
#define BRAID_PACK_F16
// Two numbers rounded to 16 bits in one register.
__device__ inline unsigned pack_f16(float low, float high) {
  unsigned pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
#endif

#ifndef BRAID_EXP2_APPROX
#define BRAID_EXP2_APPROX
// To within two units in the last place (PTX manual, `ex2.approx.ftz.f32`).
__device__ inline float exp2_approx(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
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

#ifndef BRAID_ROW_MAXIMUM
#define BRAID_ROW_MAXIMUM
// For each row of a warp's tile; a row lies in the registers of four neighbouring lanes.
template <int rows, int columns>
__device__ inline void row_maximum(float (&result)[rows][2], const float (&tile)[rows][columns][4]) {
#pragma unroll
  for (int i = 0; i < rows; i++) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float value = fmaxf(tile[i][0][h * 2], tile[i][0][h * 2 + 1]);
#pragma unroll
      for (int j = 1; j < columns; j++) {
        value = fmaxf(value, tile[i][j][h * 2]);
        value = fmaxf(value, tile[i][j][h * 2 + 1]);
      }
      value = fmaxf(value, __shfl_xor_sync(0xffffffff, value, 1));
      value = fmaxf(value, __shfl_xor_sync(0xffffffff, value, 2));
      result[i][h] = value;
    }
  }
}
#endif

#ifndef BRAID_ROW_SUM
#define BRAID_ROW_SUM
// For each row of a warp's tile; a row lies in the registers of four neighbouring lanes.
template <int rows, int columns>
__device__ inline void row_sum(float (&result)[rows][2], const float (&tile)[rows][columns][4]) {
#pragma unroll
  for (int i = 0; i < rows; i++) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float value = tile[i][0][h * 2] + tile[i][0][h * 2 + 1];
#pragma unroll
      for (int j = 1; j < columns; j++) {
        value = value + tile[i][j][h * 2];
        value = value + tile[i][j][h * 2 + 1];
      }
      value = value + __shfl_xor_sync(0xffffffff, value, 1);
      value = value + __shfl_xor_sync(0xffffffff, value, 2);
      result[i][h] = value;
    }
  }
}
#endif

extern "C" __global__ void __launch_bounds__(256, 1) self_attn_seen_attend_few_rows(
    const int* __restrict__ position_text,
    const __half* __restrict__ join,
    const int* __restrict__ position_visual,
    const __half* __restrict__ turned,
    const __half* __restrict__ y,
    float* __restrict__ partial,
    __half* __restrict__ seen,
    int rows_plus_rows_2,
    int n_4_times_ceil_rows_over_16,
    int ceil_128_over_ceil_rows_over_16_plus_1,
    int ceil_rows_over_16,
    int rows,
    int rows_2,
    int n_512_times_rows_2,
    int n_512_times_rows,
    int ceil_rows_over_64) {
  extern __shared__ uint4 dynamic_shared[];
  __half* const queries = reinterpret_cast<__half*>(dynamic_shared + 0);
  __half* const keys = reinterpret_cast<__half*>(dynamic_shared + 256);
  __half* const values = reinterpret_cast<__half*>(dynamic_shared + 2304);
  float* const sums = reinterpret_cast<float*>(dynamic_shared + 4352);
  float* const outputs = reinterpret_cast<float*>(dynamic_shared + 4360);
  float* const maxima = reinterpret_cast<float*>(dynamic_shared + 4872);
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int task = group % n_4_times_ceil_rows_over_16;
  const int share = group / n_4_times_ceil_rows_over_16;
  const bool condition_0 = rows_plus_rows_2 <= 512;
  const int shares = (condition_0 ? 1 : ceil_128_over_ceil_rows_over_16_plus_1);
  if (share < shares) {
    const int first = task % ceil_rows_over_16 * 16;
    const int own_column = (invocation & 15) * 8;
    const int index_0 = task / ceil_rows_over_16;
    const int index_1 = index_0 * 128;
    const int index_2 = own_column + index_1;
    const int own_row = invocation >> 4;
    const int rows_minus_1 = rows - 1;
    const int index_3 = index_2 + min(first + own_row, rows_minus_1) * 512;
    const lanes<float> staged = load4_aligned_f16(join, index_3) * splat4(0.12751743f);
    const lanes<float> staged_2 = load4_aligned_f16(join, index_3 + 4) * splat4(0.12751743f);
    const int index_4 = own_row * 128 + own_column;
    store4_aligned_f16(queries, swizzle_128x2(index_4), staged);
    store4_aligned_f16(queries, swizzle_128x2(index_4 + 4), staged_2);
    cp_async_commit();
    float maximum[1][2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      maximum[0][h] = -1.7014117e+38f;
    }
    float sum[1][2] = {};
    float output[1][16][4] = {};
    const int query_position_low = position_text[min(first, rows_minus_1)];
    const int query_position_high = position_text[min(first + min(rows - first, 16) - 1, rows_minus_1)];
    int loaded = -1;
    if (0 < rows_2) {
      const int bound = position_visual[0];
      const int rows_2_minus_1 = rows_2 - 1;
      const int bound_2 = position_visual[rows_2_minus_1];
      const int bound_3 = min(query_position_high, bound_2);
      const int bound_4 = max(bound - bound_2 + rows_2 - 1, 0);
      const int bound_5 = max(min(bound_3 - bound + 1, rows_2), 0);
      const int index_5 = bound_4 - (bound_4 & 127);
      const int share_rows = (((max(bound_5 - index_5, 0) + 127) >> 7) + shares - 1) / shares * 128;
      const int share_from = index_5 + share * share_rows;
      const int share_to = min(bound_5, share_from + share_rows);
      const int warp_times_2048 = warp * 2048;
      const int warp_key = warp * 16;
      for (int key_start = share_from; key_start < share_to; key_start += 128) {
        const int key_position_low = position_visual[key_start];
        const int key_position_high = position_visual[key_start + min(rows_2 - key_start, 128) - 1];
        if (key_position_low <= query_position_high) {
          const int key_start_plus_128 = key_start + 128;
          const bool unmasked = key_position_high < query_position_low && key_start_plus_128 <= rows_2;
          cp_async_wait<1>();
          __syncthreads();
          if (loaded != key_start) {
            cp_async_wait<0>();
            __syncthreads();
            for (int round_2 = 0; round_2 < 8; round_2++) {
              const int own_row_2 = (round_2 * 256 + invocation) >> 4;
              cp_async_16(&keys[swizzle_128x2(own_row_2 * 128 + own_column)], &turned[index_2 + min(key_start + own_row_2, rows_2_minus_1) * 512]);
            }
            cp_async_commit();
          }
          for (int round_3 = 0; round_3 < 8; round_3++) {
            const int own_row_3 = (round_3 * 256 + invocation) >> 4;
            cp_async_16(&values[swizzle_128x2(own_row_3 * 128 + own_column)], &y[index_2 + min(key_start + own_row_3, rows_2_minus_1) * 512]);
          }
          cp_async_commit();
          cp_async_wait<1>();
          __syncthreads();
          float score[1][2][4] = {};
          {
#pragma unroll
            for (int k = 0; k < 128; k += 16) {
              unsigned left[1][4];
              ldmatrix_x4(left[0], &queries[(lane % 16) * 128 + (k + lane / 16 * 8 ^ lane % 8 * 8)]);
              unsigned right[4];
              ldmatrix_x4(right, &keys[warp_times_2048 + (lane / 16 * 8 + lane % 8) * 128 + (k + lane / 8 % 2 * 8 ^ lane % 8 * 8)]);
              mma_m16n8k16_f16(score[0][0], left[0], {right[0], right[1]});
              mma_m16n8k16_f16(score[0][1], left[0], {right[2], right[3]});
            }
          }
          if (!unmasked) {
            const int key_start_plus_warp_key = key_start + warp_key;
#pragma unroll
            for (int j = 0; j < 2; j++) {
#pragma unroll
              for (int e = 0; e < 4; e++) {
                const int row_9 = e / 2 * 8 + lane / 4;
                const int column_5 = j * 8 + e % 2 + lane % 4 * 2;
                score[0][j][e] = (position_visual[min(key_start_plus_warp_key + column_5, rows_2_minus_1)] <= position_text[min(first + row_9, rows_minus_1)] && key_start_plus_warp_key + column_5 < rows_2 ? score[0][j][e] : -3.4028234663852886e+38f);
              }
            }
          }
          float top[1][2];
          row_maximum(top, score);
          float next[1][2];
#pragma unroll
          for (int h = 0; h < 2; h++) {
            next[0][h] = fmaxf(maximum[0][h], top[0][h]);
          }
          float decay[1][2];
#pragma unroll
          for (int h = 0; h < 2; h++) {
            decay[0][h] = exp2_approx(maximum[0][h] - next[0][h]);
          }
#pragma unroll
          for (int j = 0; j < 2; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
              score[0][j][e] = exp2_approx(score[0][j][e] - next[0][e / 2]);
            }
          }
          float added[1][2];
          row_sum(added, score);
#pragma unroll
          for (int h = 0; h < 2; h++) {
            sum[0][h] = sum[0][h] * decay[0][h] + added[0][h];
          }
#pragma unroll
          for (int h = 0; h < 2; h++) {
            maximum[0][h] = next[0][h];
          }
#pragma unroll
          for (int j = 0; j < 16; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
              output[0][j][e] *= decay[0][e / 2];
            }
          }
          cp_async_wait<0>();
          __syncthreads();
          if (key_start_plus_128 < share_to) {
            for (int round_4 = 0; round_4 < 8; round_4++) {
              const int own_row_4 = (round_4 * 256 + invocation) >> 4;
              cp_async_16(&keys[swizzle_128x2(own_row_4 * 128 + own_column)], &turned[index_2 + min(key_start + own_row_4 + 128, rows_2_minus_1) * 512]);
            }
          }
          cp_async_commit();
          loaded = key_start_plus_128;
          {
            unsigned left[1][4];
            left[0][0] = pack_f16(score[0][0][0], score[0][0][1]);
            left[0][1] = pack_f16(score[0][0][2], score[0][0][3]);
            left[0][2] = pack_f16(score[0][1][0], score[0][1][1]);
            left[0][3] = pack_f16(score[0][1][2], score[0][1][3]);
#pragma unroll
            for (int j = 0; j < 16; j += 2) {
              unsigned right[4];
              ldmatrix_x4_trans(right, &values[warp_times_2048 + (lane % 16) * 128 + (j * 8 + lane / 16 * 8 ^ lane % 8 * 8)]);
              mma_m16n8k16_f16(output[0][j], left[0], {right[0], right[1]});
              mma_m16n8k16_f16(output[0][j + 1], left[0], {right[2], right[3]});
            }
          }
        }
      }
    }
    int loaded_2 = -1;
    if (0 < rows) {
      const int bound_6 = position_text[0];
      const int bound_7 = position_text[rows_minus_1];
      const int bound_8 = min(query_position_high, bound_7);
      const int bound_9 = max(bound_6 - bound_7 + rows - 1, 0);
      const int bound_10 = max(min(bound_8 - bound_6 + 1, rows), 0);
      const int index_6 = bound_9 - (bound_9 & 127);
      const int share_rows_2 = (((max(bound_10 - index_6, 0) + 127) >> 7) + shares - 1) / shares * 128;
      const int share_from_2 = index_6 + share * share_rows_2;
      const int share_to_2 = min(bound_10, share_from_2 + share_rows_2);
      const int warp_times_2048_2 = warp * 2048;
      const int warp_key_2 = warp * 16;
      for (int key_start_2 = share_from_2; key_start_2 < share_to_2; key_start_2 += 128) {
        const int key_position_low_2 = position_text[key_start_2];
        const int key_position_high_2 = position_text[key_start_2 + min(rows - key_start_2, 128) - 1];
        if (key_position_low_2 <= query_position_high) {
          const int key_start_2_plus_128 = key_start_2 + 128;
          const bool unmasked_2 = key_position_high_2 <= query_position_low && key_start_2_plus_128 <= rows;
          cp_async_wait<1>();
          __syncthreads();
          if (loaded_2 != key_start_2) {
            cp_async_wait<0>();
            __syncthreads();
            for (int round_5 = 0; round_5 < 8; round_5++) {
              const int own_row_5 = (round_5 * 256 + invocation) >> 4;
              cp_async_16(&keys[swizzle_128x2(own_row_5 * 128 + own_column)], &turned[index_2 + min(key_start_2 + own_row_5, rows_minus_1) * 512 + n_512_times_rows_2]);
            }
            cp_async_commit();
          }
          for (int round_6 = 0; round_6 < 8; round_6++) {
            const int own_row_6 = (round_6 * 256 + invocation) >> 4;
            cp_async_16(&values[swizzle_128x2(own_row_6 * 128 + own_column)], &y[index_2 + min(key_start_2 + own_row_6, rows_minus_1) * 512 + n_512_times_rows_2]);
          }
          cp_async_commit();
          cp_async_wait<1>();
          __syncthreads();
          float score_2[1][2][4] = {};
          {
#pragma unroll
            for (int k = 0; k < 128; k += 16) {
              unsigned left[1][4];
              ldmatrix_x4(left[0], &queries[(lane % 16) * 128 + (k + lane / 16 * 8 ^ lane % 8 * 8)]);
              unsigned right[4];
              ldmatrix_x4(right, &keys[warp_times_2048_2 + (lane / 16 * 8 + lane % 8) * 128 + (k + lane / 8 % 2 * 8 ^ lane % 8 * 8)]);
              mma_m16n8k16_f16(score_2[0][0], left[0], {right[0], right[1]});
              mma_m16n8k16_f16(score_2[0][1], left[0], {right[2], right[3]});
            }
          }
          if (!unmasked_2) {
            const int index_7 = key_start_2 + warp_key_2;
#pragma unroll
            for (int j = 0; j < 2; j++) {
#pragma unroll
              for (int e = 0; e < 4; e++) {
                const int row_20 = e / 2 * 8 + lane / 4;
                const int column_13 = j * 8 + e % 2 + lane % 4 * 2;
                score_2[0][j][e] = (position_text[min(index_7 + column_13, rows_minus_1)] <= position_text[min(first + row_20, rows_minus_1)] && index_7 + column_13 < rows ? score_2[0][j][e] : -3.4028234663852886e+38f);
              }
            }
          }
          float top_2[1][2];
          row_maximum(top_2, score_2);
          float next_2[1][2];
#pragma unroll
          for (int h = 0; h < 2; h++) {
            next_2[0][h] = fmaxf(maximum[0][h], top_2[0][h]);
          }
          float decay_2[1][2];
#pragma unroll
          for (int h = 0; h < 2; h++) {
            decay_2[0][h] = exp2_approx(maximum[0][h] - next_2[0][h]);
          }
#pragma unroll
          for (int j = 0; j < 2; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
              score_2[0][j][e] = exp2_approx(score_2[0][j][e] - next_2[0][e / 2]);
            }
          }
          float added_2[1][2];
          row_sum(added_2, score_2);
#pragma unroll
          for (int h = 0; h < 2; h++) {
            sum[0][h] = sum[0][h] * decay_2[0][h] + added_2[0][h];
          }
#pragma unroll
          for (int h = 0; h < 2; h++) {
            maximum[0][h] = next_2[0][h];
          }
#pragma unroll
          for (int j = 0; j < 16; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
              output[0][j][e] *= decay_2[0][e / 2];
            }
          }
          cp_async_wait<0>();
          __syncthreads();
          if (key_start_2_plus_128 < share_to_2) {
            for (int round_7 = 0; round_7 < 8; round_7++) {
              const int own_row_7 = (round_7 * 256 + invocation) >> 4;
              cp_async_16(&keys[swizzle_128x2(own_row_7 * 128 + own_column)], &turned[index_2 + min(key_start_2 + own_row_7 + 128, rows_minus_1) * 512 + n_512_times_rows_2]);
            }
          }
          cp_async_commit();
          loaded_2 = key_start_2_plus_128;
          {
            unsigned left[1][4];
            left[0][0] = pack_f16(score_2[0][0][0], score_2[0][0][1]);
            left[0][1] = pack_f16(score_2[0][0][2], score_2[0][0][3]);
            left[0][2] = pack_f16(score_2[0][1][0], score_2[0][1][1]);
            left[0][3] = pack_f16(score_2[0][1][2], score_2[0][1][3]);
#pragma unroll
            for (int j = 0; j < 16; j += 2) {
              unsigned right[4];
              ldmatrix_x4_trans(right, &values[warp_times_2048_2 + (lane % 16) * 128 + (j * 8 + lane / 16 * 8 ^ lane % 8 * 8)]);
              mma_m16n8k16_f16(output[0][j], left[0], {right[0], right[1]});
              mma_m16n8k16_f16(output[0][j + 1], left[0], {right[2], right[3]});
            }
          }
        }
      }
    }
    const int warp_times_16 = warp * 16;
    if (lane % 4 == 0) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int row_39 = h * 8 + lane / 4;
        maxima[warp_times_16 + row_39] = maximum[0][h];
      }
    }
    __syncthreads();
    float top_3[1][2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      const int row_40 = h * 8 + lane / 4;
      top_3[0][h] = maxima[row_40];
    }
    for (int other = 1; other < 8; other++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int row_41 = h * 8 + lane / 4;
        top_3[0][h] = fmaxf(top_3[0][h], maxima[other * 16 + row_41]);
      }
    }
    float factor[1][2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      factor[0][h] = exp2_approx(maximum[0][h] - top_3[0][h]);
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      maximum[0][h] = top_3[0][h];
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
      sum[0][h] *= factor[0][h];
    }
#pragma unroll
    for (int j = 0; j < 16; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        output[0][j][e] *= factor[0][e / 2];
      }
    }
    const bool condition_1 = warp == 0;
    if (condition_1) {
      if (lane % 4 == 0) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
          const int row_33 = h * 8 + lane / 4;
          sums[row_33] = sum[0][h];
        }
      }
#pragma unroll
      for (int j = 0; j < 16; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const int row_34 = e / 2 * 8 + lane / 4;
          const int column_26 = j * 8 + e % 2 + lane % 4 * 2;
          outputs[row_34 * 128 + column_26] = output[0][j][e];
        }
      }
    }
    __syncthreads();
    for (int turn = 1; turn < 8; turn++) {
      if (warp == turn) {
        if (lane % 4 == 0) {
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int row_37 = h * 8 + lane / 4;
            sums[row_37] = sums[row_37] + sum[0][h];
          }
        }
#pragma unroll
        for (int j = 0; j < 16; j++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int row_38 = e / 2 * 8 + lane / 4;
            const int column_30 = j * 8 + e % 2 + lane % 4 * 2;
            const int index_8 = row_38 * 128 + column_30;
            outputs[index_8] = outputs[index_8] + output[0][j][e];
          }
        }
      }
      __syncthreads();
    }
    if (condition_1) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int row_35 = h * 8 + lane / 4;
        sum[0][h] = sums[row_35];
      }
#pragma unroll
      for (int j = 0; j < 16; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const int row_36 = e / 2 * 8 + lane / 4;
          const int column_28 = j * 8 + e % 2 + lane % 4 * 2;
          output[0][j][e] = outputs[row_36 * 128 + column_28];
        }
      }
      if (condition_0) {
        float result[1][16][4];
#pragma unroll
        for (int j = 0; j < 16; j++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            result[0][j][e] = output[0][j][e] / (0.0f < sum[0][e / 2] ? sum[0][e / 2] : 1.0f);
          }
        }
#pragma unroll
        for (int j = 0; j < 16; j++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int row_32 = e / 2 * 8 + lane / 4;
            const int column_24 = j * 8 + e % 2 + lane % 4 * 2;
            const int first_plus_row_32 = first + row_32;
            if (first_plus_row_32 < rows) {
              seen[column_24 + index_1 + min(first_plus_row_32, rows_minus_1) * 512] = __float2half_rn(result[0][j][e]);
            }
          }
        }
      } else {
        const int index_9 = ceil_128_over_ceil_rows_over_16_plus_1 * n_512_times_rows;
        const int index_10 = (share * 4 + index_0) * rows;
        if (lane % 4 == 0) {
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int row_29 = h * 8 + lane / 4;
            const int first_plus_row_29 = first + row_29;
            if (first_plus_row_29 < rows) {
              partial[index_9 + (index_10 + first_plus_row_29) * 2] = maximum[0][h];
            }
          }
        }
        if (lane % 4 == 0) {
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int row_30 = h * 8 + lane / 4;
            const int first_plus_row_30 = first + row_30;
            if (first_plus_row_30 < rows) {
              partial[index_9 + (index_10 + first_plus_row_30) * 2 + 1] = sum[0][h];
            }
          }
        }
#pragma unroll
        for (int j = 0; j < 16; j++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int row_28 = e / 2 * 8 + lane / 4;
            const int column_20 = j * 8 + e % 2 + lane % 4 * 2;
            const int first_plus_row_28 = first + row_28;
            if (first_plus_row_28 < rows) {
              partial[(index_10 + first_plus_row_28) * 128 + column_20] = output[0][j][e];
            }
          }
        }
      }
    }
  }
}
