// y[row, column] = Σ a[row, k] · w[column, k]
extern "C" __global__ void __launch_bounds__(1) matmul_4x4_12_8(
    const float* __restrict__ a,
    const float* __restrict__ w,
    float* __restrict__ y,
    int m) {
  const int group = blockIdx.x;
  const int row0 = (group >> 1) * 4;
  const int column0 = (group & 1) * 4;
  float total_0_0 = 0.0f;
  float total_0_1 = 0.0f;
  float total_0_2 = 0.0f;
  float total_0_3 = 0.0f;
  float total_1_0 = 0.0f;
  float total_1_1 = 0.0f;
  float total_1_2 = 0.0f;
  float total_1_3 = 0.0f;
  float total_2_0 = 0.0f;
  float total_2_1 = 0.0f;
  float total_2_2 = 0.0f;
  float total_2_3 = 0.0f;
  float total_3_0 = 0.0f;
  float total_3_1 = 0.0f;
  float total_3_2 = 0.0f;
  float total_3_3 = 0.0f;
  const int m_minus_1 = m - 1;
  const int index_0 = min(row0, m_minus_1) * 12;
  const int row0_plus_1 = row0 + 1;
  const int index_2 = min(row0_plus_1, m_minus_1) * 12;
  const int row0_plus_2 = row0 + 2;
  const int index_4 = min(row0_plus_2, m_minus_1) * 12;
  const int row0_plus_3 = row0 + 3;
  const int index_6 = min(row0_plus_3, m_minus_1) * 12;
  const int column0_times_12 = column0 * 12;
  for (int k0 = 0; k0 < 12; k0 += 4) {
    const int index_1 = index_0 + k0;
    const float left_0_0 = a[index_1];
    const float left_0_1 = a[index_1 + 1];
    const float left_0_2 = a[index_1 + 2];
    const float left_0_3 = a[index_1 + 3];
    const int index_3 = index_2 + k0;
    const float left_1_0 = a[index_3];
    const float left_1_1 = a[index_3 + 1];
    const float left_1_2 = a[index_3 + 2];
    const float left_1_3 = a[index_3 + 3];
    const int index_5 = index_4 + k0;
    const float left_2_0 = a[index_5];
    const float left_2_1 = a[index_5 + 1];
    const float left_2_2 = a[index_5 + 2];
    const float left_2_3 = a[index_5 + 3];
    const int index_7 = index_6 + k0;
    const float left_3_0 = a[index_7];
    const float left_3_1 = a[index_7 + 1];
    const float left_3_2 = a[index_7 + 2];
    const float left_3_3 = a[index_7 + 3];
    const int column0_times_12_plus_k0 = column0_times_12 + k0;
    const float right_0_0 = w[column0_times_12_plus_k0];
    const float right_0_1 = w[column0_times_12_plus_k0 + 12];
    const float right_0_2 = w[column0_times_12_plus_k0 + 24];
    const float right_0_3 = w[column0_times_12_plus_k0 + 36];
    const float right_1_0 = w[column0_times_12_plus_k0 + 1];
    const float right_1_1 = w[column0_times_12_plus_k0 + 13];
    const float right_1_2 = w[column0_times_12_plus_k0 + 25];
    const float right_1_3 = w[column0_times_12_plus_k0 + 37];
    const float right_2_0 = w[column0_times_12_plus_k0 + 2];
    const float right_2_1 = w[column0_times_12_plus_k0 + 14];
    const float right_2_2 = w[column0_times_12_plus_k0 + 26];
    const float right_2_3 = w[column0_times_12_plus_k0 + 38];
    const float right_3_0 = w[column0_times_12_plus_k0 + 3];
    const float right_3_1 = w[column0_times_12_plus_k0 + 15];
    const float right_3_2 = w[column0_times_12_plus_k0 + 27];
    const float right_3_3 = w[column0_times_12_plus_k0 + 39];
    total_0_0 = total_0_0 + left_0_0 * right_0_0 + left_0_1 * right_1_0 + left_0_2 * right_2_0 + left_0_3 * right_3_0;
    total_0_1 = total_0_1 + left_0_0 * right_0_1 + left_0_1 * right_1_1 + left_0_2 * right_2_1 + left_0_3 * right_3_1;
    total_0_2 = total_0_2 + left_0_0 * right_0_2 + left_0_1 * right_1_2 + left_0_2 * right_2_2 + left_0_3 * right_3_2;
    total_0_3 = total_0_3 + left_0_0 * right_0_3 + left_0_1 * right_1_3 + left_0_2 * right_2_3 + left_0_3 * right_3_3;
    total_1_0 = total_1_0 + left_1_0 * right_0_0 + left_1_1 * right_1_0 + left_1_2 * right_2_0 + left_1_3 * right_3_0;
    total_1_1 = total_1_1 + left_1_0 * right_0_1 + left_1_1 * right_1_1 + left_1_2 * right_2_1 + left_1_3 * right_3_1;
    total_1_2 = total_1_2 + left_1_0 * right_0_2 + left_1_1 * right_1_2 + left_1_2 * right_2_2 + left_1_3 * right_3_2;
    total_1_3 = total_1_3 + left_1_0 * right_0_3 + left_1_1 * right_1_3 + left_1_2 * right_2_3 + left_1_3 * right_3_3;
    total_2_0 = total_2_0 + left_2_0 * right_0_0 + left_2_1 * right_1_0 + left_2_2 * right_2_0 + left_2_3 * right_3_0;
    total_2_1 = total_2_1 + left_2_0 * right_0_1 + left_2_1 * right_1_1 + left_2_2 * right_2_1 + left_2_3 * right_3_1;
    total_2_2 = total_2_2 + left_2_0 * right_0_2 + left_2_1 * right_1_2 + left_2_2 * right_2_2 + left_2_3 * right_3_2;
    total_2_3 = total_2_3 + left_2_0 * right_0_3 + left_2_1 * right_1_3 + left_2_2 * right_2_3 + left_2_3 * right_3_3;
    total_3_0 = total_3_0 + left_3_0 * right_0_0 + left_3_1 * right_1_0 + left_3_2 * right_2_0 + left_3_3 * right_3_0;
    total_3_1 = total_3_1 + left_3_0 * right_0_1 + left_3_1 * right_1_1 + left_3_2 * right_2_1 + left_3_3 * right_3_1;
    total_3_2 = total_3_2 + left_3_0 * right_0_2 + left_3_1 * right_1_2 + left_3_2 * right_2_2 + left_3_3 * right_3_2;
    total_3_3 = total_3_3 + left_3_0 * right_0_3 + left_3_1 * right_1_3 + left_3_2 * right_2_3 + left_3_3 * right_3_3;
  }
  if (row0 < m) {
    const int index_8 = row0 * 8 + column0;
    y[index_8] = total_0_0;
    y[index_8 + 1] = total_0_1;
    y[index_8 + 2] = total_0_2;
    y[index_8 + 3] = total_0_3;
  }
  if (row0_plus_1 < m) {
    const int index_9 = row0 * 8 + column0;
    y[index_9 + 8] = total_1_0;
    y[index_9 + 9] = total_1_1;
    y[index_9 + 10] = total_1_2;
    y[index_9 + 11] = total_1_3;
  }
  if (row0_plus_2 < m) {
    const int index_10 = row0 * 8 + column0;
    y[index_10 + 16] = total_2_0;
    y[index_10 + 17] = total_2_1;
    y[index_10 + 18] = total_2_2;
    y[index_10 + 19] = total_2_3;
  }
  if (row0_plus_3 < m) {
    const int index_11 = row0 * 8 + column0;
    y[index_11 + 24] = total_3_0;
    y[index_11 + 25] = total_3_1;
    y[index_11 + 26] = total_3_2;
    y[index_11 + 27] = total_3_3;
  }
}
