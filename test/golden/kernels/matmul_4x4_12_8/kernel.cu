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
  const int index_0 = m - 1;
  const int index_1 = min(row0, index_0) * 12;
  const int index_3 = row0 + 1;
  const int index_4 = min(index_3, index_0) * 12;
  const int index_6 = row0 + 2;
  const int index_7 = min(index_6, index_0) * 12;
  const int index_9 = row0 + 3;
  const int index_10 = min(index_9, index_0) * 12;
  const int index_12 = column0 * 12;
  for (int k0 = 0; k0 < 12; k0 += 4) {
    const int index_2 = index_1 + k0;
    const float left_0_0 = a[index_2];
    const float left_0_1 = a[index_2 + 1];
    const float left_0_2 = a[index_2 + 2];
    const float left_0_3 = a[index_2 + 3];
    const int index_5 = index_4 + k0;
    const float left_1_0 = a[index_5];
    const float left_1_1 = a[index_5 + 1];
    const float left_1_2 = a[index_5 + 2];
    const float left_1_3 = a[index_5 + 3];
    const int index_8 = index_7 + k0;
    const float left_2_0 = a[index_8];
    const float left_2_1 = a[index_8 + 1];
    const float left_2_2 = a[index_8 + 2];
    const float left_2_3 = a[index_8 + 3];
    const int index_11 = index_10 + k0;
    const float left_3_0 = a[index_11];
    const float left_3_1 = a[index_11 + 1];
    const float left_3_2 = a[index_11 + 2];
    const float left_3_3 = a[index_11 + 3];
    const int index_13 = index_12 + k0;
    const float right_0_0 = w[index_13];
    const float right_0_1 = w[index_13 + 12];
    const float right_0_2 = w[index_13 + 24];
    const float right_0_3 = w[index_13 + 36];
    const float right_1_0 = w[index_13 + 1];
    const float right_1_1 = w[index_13 + 13];
    const float right_1_2 = w[index_13 + 25];
    const float right_1_3 = w[index_13 + 37];
    const float right_2_0 = w[index_13 + 2];
    const float right_2_1 = w[index_13 + 14];
    const float right_2_2 = w[index_13 + 26];
    const float right_2_3 = w[index_13 + 38];
    const float right_3_0 = w[index_13 + 3];
    const float right_3_1 = w[index_13 + 15];
    const float right_3_2 = w[index_13 + 27];
    const float right_3_3 = w[index_13 + 39];
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
    const int index_14 = row0 * 8 + column0;
    y[index_14] = total_0_0;
    y[index_14 + 1] = total_0_1;
    y[index_14 + 2] = total_0_2;
    y[index_14 + 3] = total_0_3;
  }
  if (index_3 < m) {
    const int index_15 = row0 * 8 + column0;
    y[index_15 + 8] = total_1_0;
    y[index_15 + 9] = total_1_1;
    y[index_15 + 10] = total_1_2;
    y[index_15 + 11] = total_1_3;
  }
  if (index_6 < m) {
    const int index_16 = row0 * 8 + column0;
    y[index_16 + 16] = total_2_0;
    y[index_16 + 17] = total_2_1;
    y[index_16 + 18] = total_2_2;
    y[index_16 + 19] = total_2_3;
  }
  if (index_9 < m) {
    const int index_17 = row0 * 8 + column0;
    y[index_17 + 24] = total_3_0;
    y[index_17 + 25] = total_3_1;
    y[index_17 + 26] = total_3_2;
    y[index_17 + 27] = total_3_3;
  }
}
