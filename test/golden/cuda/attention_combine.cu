// self_attn: seen [rows, H = 4, E = 128]
// decoder.braid:10  x = x + self_attention[H, H, E](rms_norm(x) at input_layernorm, composite) at self_attn
// std/attention:152  seen = attend(rotary(q, position(S), theta), turned[S as K], v[S as K] over K; mask = sees)
// adds up what groups found of their keys
#include <cuda_fp16.h>
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

extern "C" __global__ void __launch_bounds__(64) self_attn_seen_attend_combine(
    const float* __restrict__ partial,
    __half* __restrict__ seen,
    int rows,
    int ceil_128_over_ceil_rows_over_16_plus_1,
    int n_512_times_rows) {
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  const int task = group * 64 + invocation;
  if (task < n_512_times_rows) {
    float maximum = -1.7014117e+38f;
    const int task_over_128 = task >> 7;
    const int task_over_128_over_rows = task_over_128 / rows;
    const int index_0 = task_over_128 % rows;
    const int index_1 = ceil_128_over_ceil_rows_over_16_plus_1 * n_512_times_rows;
    for (int share = 0; share < ceil_128_over_ceil_rows_over_16_plus_1; share++) {
      const int slot = (share * 4 + task_over_128_over_rows) * rows + index_0;
      maximum = fmaxf(maximum, partial[index_1 + slot * 2]);
    }
    float total = 0.0f;
    float output = 0.0f;
    const int task_modulo_128 = task & 127;
    for (int share_2 = 0; share_2 < ceil_128_over_ceil_rows_over_16_plus_1; share_2++) {
      const int slot_2 = (share_2 * 4 + task_over_128_over_rows) * rows + index_0;
      const int index_2 = index_1 + slot_2 * 2;
      const float factor = precise_exp2(partial[index_2] - maximum);
      total += partial[index_2 + 1] * factor;
      output += partial[slot_2 * 128 + task_modulo_128] * factor;
    }
    const float result_value = output / (0.0f < total ? total : 1.0f);
    seen[task_modulo_128 + task_over_128_over_rows * 128 + index_0 * 512] = __float2half_rn(result_value);
  }
}
