// self_attn: seen [rows, H = 4, E = 128]
// decoder.braid:10  x = x + self_attention[H, H, E](rms_norm(x) at input_layernorm, composite) at self_attn
// std/attention:152  seen = attend(rotary(q, position(S), theta), turned[S as K], v[S as K] over K; mask = sees)
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

#ifndef BRAID_LOAD4_ALIGNED
#define BRAID_LOAD4_ALIGNED
// Four elements that start at a multiple of their size, in one access.
template <typename T> __device__ inline lanes<T> load4_aligned(const T* p, int i) {
  const four<T> a = *reinterpret_cast<const four<T>*>(p + i);
  return {a.x, a.y, a.z, a.w};
}
#endif

#ifndef BRAID_STORE4_ALIGNED
#define BRAID_STORE4_ALIGNED
template <typename T> __device__ inline void store4_aligned(T* p, int i, lanes<T> a) {
  *reinterpret_cast<four<T>*>(p + i) = {a.x, a.y, a.z, a.w};
}
#endif

#ifndef BRAID_PRECISE_EXP2
#define BRAID_PRECISE_EXP2
static __device__ inline float precise_exp2(float x) {
  const float exp_in_0 = fminf(fmaxf(x, -150.0f), 128.0f);
  const float exp_n_1 = rintf(exp_in_0);
  const float exp_rest_2 = (exp_in_0 - exp_n_1) * 0.6931472f;
  const int exp_power_3 = int(exp_n_1);
  const int exp_half_4 = exp_power_3 >> 1;
  const float result = ((((((exp_rest_2 * 0.00019875691f + 0.0013981999f) * exp_rest_2 + 0.008333452f) * exp_rest_2 + 0.041665796f) * exp_rest_2 + 0.16666666f) * exp_rest_2 + 0.5f) * (exp_rest_2 * exp_rest_2) + exp_rest_2 + 1.0f) * __int_as_float((exp_half_4 + 127) << 23) * __int_as_float((exp_power_3 - exp_half_4 + 127) << 23);
  return result;
}
#endif

#ifndef BRAID_SWIZZLE_128X4
#define BRAID_SWIZZLE_128X4
// Permutes the 16-byte pieces of a row so that a piece of eight rows lies in all banks.
__device__ inline int swizzle_128x4(int index) {
  return index ^ ((index / 128 & 7) * 4);
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

#ifndef BRAID_LOAD_X2
#define BRAID_LOAD_X2
// Floats that start at a multiple of their size, in one access.
__device__ inline void load_x2(float (&r)[2], const float* from) {
  const float2 a = *reinterpret_cast<const float2*>(from);
  r[0] = a.x; r[1] = a.y;
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

extern "C" __global__ void __launch_bounds__(128, 2) self_attn_seen_attend_few_rows(
    const int* __restrict__ position_text,
    const float* __restrict__ join,
    const int* __restrict__ position_visual,
    const float* __restrict__ turned,
    const float* __restrict__ y,
    float* __restrict__ partial,
    float* __restrict__ seen,
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
  float* const queries = reinterpret_cast<float*>(dynamic_shared + 0);
  float* const keys = reinterpret_cast<float*>(dynamic_shared + 512);
  float* const values = reinterpret_cast<float*>(dynamic_shared + 2560);
  float* const sums = reinterpret_cast<float*>(dynamic_shared + 4608);
  float* const outputs = reinterpret_cast<float*>(dynamic_shared + 4616);
  float* const maxima = reinterpret_cast<float*>(dynamic_shared + 5128);
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
    const int own_column = (invocation & 31) * 4;
    const int index_0 = task / ceil_rows_over_16;
    const int index_1 = index_0 * 128;
    const int index_2 = own_column + index_1;
    const int rows_minus_1 = rows - 1;
    for (int round = 0; round < 4; round++) {
      const int own_row = (round * 128 + invocation) >> 5;
      const lanes<float> staged = load4_aligned(join, index_2 + min(first + own_row, rows_minus_1) * 512) * splat4(0.12751743f);
      store4_aligned(queries, swizzle_128x4(own_row * 128 + own_column), staged);
    }
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
      const int index_3 = bound_4 - (bound_4 & 63);
      const int share_rows = (((max(bound_5 - index_3, 0) + 63) >> 6) + shares - 1) / shares * 64;
      const int share_from = index_3 + share * share_rows;
      const int share_to = min(bound_5, share_from + share_rows);
      const int warp_times_2048 = warp * 2048;
      const int warp_key = warp * 16;
      for (int key_start = share_from; key_start < share_to; key_start += 64) {
        const int key_position_low = position_visual[key_start];
        const int key_position_high = position_visual[key_start + min(rows_2 - key_start, 64) - 1];
        if (key_position_low <= query_position_high) {
          const int key_start_plus_64 = key_start + 64;
          const bool unmasked = key_position_high < query_position_low && key_start_plus_64 <= rows_2;
          cp_async_wait<1>();
          __syncthreads();
          if (loaded != key_start) {
            cp_async_wait<0>();
            __syncthreads();
            for (int round_2 = 0; round_2 < 16; round_2++) {
              const int own_row_2 = (round_2 * 128 + invocation) >> 5;
              cp_async_16(&keys[swizzle_128x4(own_row_2 * 128 + own_column)], &turned[index_2 + min(key_start + own_row_2, rows_2_minus_1) * 512]);
            }
            cp_async_commit();
          }
          for (int round_3 = 0; round_3 < 16; round_3++) {
            const int own_row_3 = (round_3 * 128 + invocation) >> 5;
            cp_async_16(&values[swizzle_128x4(own_row_3 * 128 + own_column)], &y[index_2 + min(key_start + own_row_3, rows_2_minus_1) * 512]);
          }
          cp_async_commit();
          cp_async_wait<1>();
          __syncthreads();
          float score[1][2][4] = {};
          {
#pragma unroll 4
            for (int k = 0; k < 128; k += 4) {
              float left[1][2][4];
#pragma unroll
              for (int h = 0; h < 2; h++) {
                load_x4(left[0][h], &queries[(h * 8 + lane / 4) * 128 + (k ^ lane / 4 * 4)]);
              }
#pragma unroll
              for (int j = 0; j < 2; j++) {
                float right[2][4];
                load_x4(right[0], &keys[warp_times_2048 + (j * 8 + lane % 4 * 2) * 128 + (k ^ (lane % 4 * 2) * 4)]);
                load_x4(right[1], &keys[warp_times_2048 + (j * 8 + lane % 4 * 2 + 1) * 128 + (k ^ (lane % 4 * 2 + 1) * 4)]);
#pragma unroll
                for (int n = 0; n < 4; n++) {
#pragma unroll
                  for (int e = 0; e < 4; e++) {
                    score[0][j][e] = fmaf(left[0][e / 2][n], right[e % 2][n], score[0][j][e]);
                  }
                }
              }
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
            decay[0][h] = precise_exp2(maximum[0][h] - next[0][h]);
          }
#pragma unroll
          for (int j = 0; j < 2; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
              score[0][j][e] = precise_exp2(score[0][j][e] - next[0][e / 2]);
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
          if (key_start_plus_64 < share_to) {
            for (int round_4 = 0; round_4 < 16; round_4++) {
              const int own_row_4 = (round_4 * 128 + invocation) >> 5;
              cp_async_16(&keys[swizzle_128x4(own_row_4 * 128 + own_column)], &turned[index_2 + min(key_start + own_row_4 + 64, rows_2_minus_1) * 512]);
            }
          }
          cp_async_commit();
          loaded = key_start_plus_64;
          {
#pragma unroll
            for (int k = 0; k < 16; k++) {
              float left[1][2];
#pragma unroll
              for (int h = 0; h < 2; h++) {
                left[0][h] = __shfl_sync(0xffffffff, score[0][k / 8][h * 2 + k % 2], lane / 4 * 4 + k % 8 / 2);
              }
#pragma unroll
              for (int j = 0; j < 16; j++) {
                float right[2];
                load_x2(right, &values[warp_times_2048 + (k) * 128 + (j * 8 ^ k % 8 / 2 * 8) + (lane % 4 * 2 ^ k % 8 % 2 * 4)]);
#pragma unroll
                for (int e = 0; e < 4; e++) {
                  output[0][j][e] = fmaf(left[0][e / 2], right[e % 2], output[0][j][e]);
                }
              }
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
      const int index_4 = bound_9 - (bound_9 & 63);
      const int share_rows_2 = (((max(bound_10 - index_4, 0) + 63) >> 6) + shares - 1) / shares * 64;
      const int share_from_2 = index_4 + share * share_rows_2;
      const int share_to_2 = min(bound_10, share_from_2 + share_rows_2);
      const int warp_times_2048_2 = warp * 2048;
      const int warp_key_2 = warp * 16;
      for (int key_start_2 = share_from_2; key_start_2 < share_to_2; key_start_2 += 64) {
        const int key_position_low_2 = position_text[key_start_2];
        const int key_position_high_2 = position_text[key_start_2 + min(rows - key_start_2, 64) - 1];
        if (key_position_low_2 <= query_position_high) {
          const int key_start_2_plus_64 = key_start_2 + 64;
          const bool unmasked_2 = key_position_high_2 <= query_position_low && key_start_2_plus_64 <= rows;
          cp_async_wait<1>();
          __syncthreads();
          if (loaded_2 != key_start_2) {
            cp_async_wait<0>();
            __syncthreads();
            for (int round_5 = 0; round_5 < 16; round_5++) {
              const int own_row_5 = (round_5 * 128 + invocation) >> 5;
              cp_async_16(&keys[swizzle_128x4(own_row_5 * 128 + own_column)], &turned[index_2 + min(key_start_2 + own_row_5, rows_minus_1) * 512 + n_512_times_rows_2]);
            }
            cp_async_commit();
          }
          for (int round_6 = 0; round_6 < 16; round_6++) {
            const int own_row_6 = (round_6 * 128 + invocation) >> 5;
            cp_async_16(&values[swizzle_128x4(own_row_6 * 128 + own_column)], &y[index_2 + min(key_start_2 + own_row_6, rows_minus_1) * 512 + n_512_times_rows_2]);
          }
          cp_async_commit();
          cp_async_wait<1>();
          __syncthreads();
          float score_2[1][2][4] = {};
          {
#pragma unroll 4
            for (int k = 0; k < 128; k += 4) {
              float left[1][2][4];
#pragma unroll
              for (int h = 0; h < 2; h++) {
                load_x4(left[0][h], &queries[(h * 8 + lane / 4) * 128 + (k ^ lane / 4 * 4)]);
              }
#pragma unroll
              for (int j = 0; j < 2; j++) {
                float right[2][4];
                load_x4(right[0], &keys[warp_times_2048_2 + (j * 8 + lane % 4 * 2) * 128 + (k ^ (lane % 4 * 2) * 4)]);
                load_x4(right[1], &keys[warp_times_2048_2 + (j * 8 + lane % 4 * 2 + 1) * 128 + (k ^ (lane % 4 * 2 + 1) * 4)]);
#pragma unroll
                for (int n = 0; n < 4; n++) {
#pragma unroll
                  for (int e = 0; e < 4; e++) {
                    score_2[0][j][e] = fmaf(left[0][e / 2][n], right[e % 2][n], score_2[0][j][e]);
                  }
                }
              }
            }
          }
          if (!unmasked_2) {
            const int index_5 = key_start_2 + warp_key_2;
#pragma unroll
            for (int j = 0; j < 2; j++) {
#pragma unroll
              for (int e = 0; e < 4; e++) {
                const int row_20 = e / 2 * 8 + lane / 4;
                const int column_13 = j * 8 + e % 2 + lane % 4 * 2;
                score_2[0][j][e] = (position_text[min(index_5 + column_13, rows_minus_1)] <= position_text[min(first + row_20, rows_minus_1)] && index_5 + column_13 < rows ? score_2[0][j][e] : -3.4028234663852886e+38f);
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
            decay_2[0][h] = precise_exp2(maximum[0][h] - next_2[0][h]);
          }
#pragma unroll
          for (int j = 0; j < 2; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
              score_2[0][j][e] = precise_exp2(score_2[0][j][e] - next_2[0][e / 2]);
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
          if (key_start_2_plus_64 < share_to_2) {
            for (int round_7 = 0; round_7 < 16; round_7++) {
              const int own_row_7 = (round_7 * 128 + invocation) >> 5;
              cp_async_16(&keys[swizzle_128x4(own_row_7 * 128 + own_column)], &turned[index_2 + min(key_start_2 + own_row_7 + 64, rows_minus_1) * 512 + n_512_times_rows_2]);
            }
          }
          cp_async_commit();
          loaded_2 = key_start_2_plus_64;
          {
#pragma unroll
            for (int k = 0; k < 16; k++) {
              float left[1][2];
#pragma unroll
              for (int h = 0; h < 2; h++) {
                left[0][h] = __shfl_sync(0xffffffff, score_2[0][k / 8][h * 2 + k % 2], lane / 4 * 4 + k % 8 / 2);
              }
#pragma unroll
              for (int j = 0; j < 16; j++) {
                float right[2];
                load_x2(right, &values[warp_times_2048_2 + (k) * 128 + (j * 8 ^ k % 8 / 2 * 8) + (lane % 4 * 2 ^ k % 8 % 2 * 4)]);
#pragma unroll
                for (int e = 0; e < 4; e++) {
                  output[0][j][e] = fmaf(left[0][e / 2], right[e % 2], output[0][j][e]);
                }
              }
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
    for (int other = 1; other < 4; other++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        const int row_41 = h * 8 + lane / 4;
        top_3[0][h] = fmaxf(top_3[0][h], maxima[other * 16 + row_41]);
      }
    }
    float factor[1][2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      factor[0][h] = precise_exp2(maximum[0][h] - top_3[0][h]);
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
    for (int turn = 1; turn < 4; turn++) {
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
            const int index_6 = row_38 * 128 + column_30;
            outputs[index_6] = outputs[index_6] + output[0][j][e];
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
              seen[column_24 + index_1 + min(first_plus_row_32, rows_minus_1) * 512] = result[0][j][e];
            }
          }
        }
      } else {
        const int index_7 = ceil_128_over_ceil_rows_over_16_plus_1 * n_512_times_rows;
        const int index_8 = (share * 4 + index_0) * rows;
        if (lane % 4 == 0) {
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int row_29 = h * 8 + lane / 4;
            const int first_plus_row_29 = first + row_29;
            if (first_plus_row_29 < rows) {
              partial[index_7 + (index_8 + first_plus_row_29) * 2] = maximum[0][h];
            }
          }
        }
        if (lane % 4 == 0) {
#pragma unroll
          for (int h = 0; h < 2; h++) {
            const int row_30 = h * 8 + lane / 4;
            const int first_plus_row_30 = first + row_30;
            if (first_plus_row_30 < rows) {
              partial[index_7 + (index_8 + first_plus_row_30) * 2 + 1] = sum[0][h];
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
              partial[(index_8 + first_plus_row_28) * 128 + column_20] = output[0][j][e];
            }
          }
        }
      }
    }
  }
}
