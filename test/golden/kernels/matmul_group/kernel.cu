// y[row, column] = Σ a[row, k] · w[column, k]
extern "C" __global__ void __launch_bounds__(16) matmul_group(
    const float* __restrict__ a,
    const float* __restrict__ w,
    float* __restrict__ y,
    int n,
    int k) {
  __shared__ float a_part[64];
  __shared__ float w_part[64];
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  const int across = n >> 3;
  const int row0 = group / across * 8;
  const int column0 = group % across * 8;
  const int down = (invocation >> 2) * 2;
  const int right = (invocation & 3) * 2;
  float total_0_0 = 0.0f;
  float total_0_1 = 0.0f;
  float total_1_0 = 0.0f;
  float total_1_1 = 0.0f;
  const int down_times_8 = down * 8;
  const int right_times_8 = right * 8;
  for (int k0 = 0; k0 < k; k0 += 8) {
    for (int slot = invocation; slot < 64; slot += 16) {
      const int slot_over_8 = slot >> 3;
      const int slot_modulo_8 = slot & 7;
      a_part[slot] = a[(row0 + slot_over_8) * k + k0 + slot_modulo_8];
      w_part[slot] = w[(column0 + slot_over_8) * k + k0 + slot_modulo_8];
    }
    __syncthreads();
    for (int kk = 0; kk < 8; kk++) {
      const int down_times_8_plus_kk = down_times_8 + kk;
      const float a_tile_0 = a_part[down_times_8_plus_kk];
      const float a_tile_1 = a_part[down_times_8_plus_kk + 8];
      const int right_times_8_plus_kk = right_times_8 + kk;
      const float w_tile_0 = w_part[right_times_8_plus_kk];
      const float w_tile_1 = w_part[right_times_8_plus_kk + 8];
      total_0_0 += a_tile_0 * w_tile_0;
      total_0_1 += a_tile_0 * w_tile_1;
      total_1_0 += a_tile_1 * w_tile_0;
      total_1_1 += a_tile_1 * w_tile_1;
    }
    __syncthreads();
  }
  const int row0_plus_down = row0 + down;
  const int index_0 = row0_plus_down * n + column0 + right;
  y[index_0] = total_0_0;
  y[index_0 + 1] = total_0_1;
  const int index_1 = (row0_plus_down + 1) * n + column0 + right;
  y[index_1] = total_1_0;
  y[index_1 + 1] = total_1_1;
}
