// p[row, :] = softmax(score[row, :] where column <= row)
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

extern "C" __global__ void __launch_bounds__(1) masked_softmax(
    const float* __restrict__ score,
    float* __restrict__ p) {
  const int group = blockIdx.x;
  float largest_value = -3e+38f;
  float total_value = 0.0f;
  const int group_times_16 = group * 16;
  for (int column0 = 0; column0 < 16; column0 += 8) {
    const int index_0 = group_times_16 + column0;
    float s_0 = (column0 <= group ? score[index_0] : -1e+30f);
    float s_1 = (column0 + 1 <= group ? score[index_0 + 1] : -1e+30f);
    float s_2 = (column0 + 2 <= group ? score[index_0 + 2] : -1e+30f);
    float s_3 = (column0 + 3 <= group ? score[index_0 + 3] : -1e+30f);
    float s_4 = (column0 + 4 <= group ? score[index_0 + 4] : -1e+30f);
    float s_5 = (column0 + 5 <= group ? score[index_0 + 5] : -1e+30f);
    float s_6 = (column0 + 6 <= group ? score[index_0 + 6] : -1e+30f);
    float s_7 = (column0 + 7 <= group ? score[index_0 + 7] : -1e+30f);
    const float most_value = fmaxf(fmaxf(fmaxf(fmaxf(fmaxf(fmaxf(fmaxf(s_0, s_1), s_2), s_3), s_4), s_5), s_6), s_7);
    const float before_value = largest_value;
    largest_value = fmaxf(before_value, most_value);
    s_0 = precise_exp(s_0 - largest_value);
    s_1 = precise_exp(s_1 - largest_value);
    s_2 = precise_exp(s_2 - largest_value);
    s_3 = precise_exp(s_3 - largest_value);
    s_4 = precise_exp(s_4 - largest_value);
    s_5 = precise_exp(s_5 - largest_value);
    s_6 = precise_exp(s_6 - largest_value);
    s_7 = precise_exp(s_7 - largest_value);
    const float part_value = s_0 + s_1 + s_2 + s_3 + s_4 + s_5 + s_6 + s_7;
    total_value = total_value * precise_exp(before_value - largest_value) + part_value;
  }
  for (int column1 = 0; column1 < 16; column1 += 8) {
    const int index_1 = group_times_16 + column1;
    const float q_0 = precise_exp((column1 <= group ? score[index_1] : -1e+30f) - largest_value) / total_value;
    const int index_2 = index_1 + 1;
    const float q_1 = precise_exp((column1 + 1 <= group ? score[index_2] : -1e+30f) - largest_value) / total_value;
    const int index_3 = index_1 + 2;
    const float q_2 = precise_exp((column1 + 2 <= group ? score[index_3] : -1e+30f) - largest_value) / total_value;
    const int index_4 = index_1 + 3;
    const float q_3 = precise_exp((column1 + 3 <= group ? score[index_4] : -1e+30f) - largest_value) / total_value;
    const int index_5 = index_1 + 4;
    const float q_4 = precise_exp((column1 + 4 <= group ? score[index_5] : -1e+30f) - largest_value) / total_value;
    const int index_6 = index_1 + 5;
    const float q_5 = precise_exp((column1 + 5 <= group ? score[index_6] : -1e+30f) - largest_value) / total_value;
    const int index_7 = index_1 + 6;
    const float q_6 = precise_exp((column1 + 6 <= group ? score[index_7] : -1e+30f) - largest_value) / total_value;
    const int index_8 = index_1 + 7;
    const float q_7 = precise_exp((column1 + 7 <= group ? score[index_8] : -1e+30f) - largest_value) / total_value;
    p[index_1] = q_0;
    p[index_2] = q_1;
    p[index_3] = q_2;
    p[index_4] = q_3;
    p[index_5] = q_4;
    p[index_6] = q_5;
    p[index_7] = q_6;
    p[index_8] = q_7;
  }
}
