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
  const int index_2 = down * 8;
  const int index_4 = right * 8;
  for (int k0 = 0; k0 < k; k0 += 8) {
    for (int slot = invocation; slot < 64; slot += 16) {
      const int index_0 = slot >> 3;
      const int index_1 = slot & 7;
      a_part[slot] = a[(row0 + index_0) * k + k0 + index_1];
      w_part[slot] = w[(column0 + index_0) * k + k0 + index_1];
    }
    __syncthreads();
    for (int kk = 0; kk < 8; kk++) {
      const int index_3 = index_2 + kk;
      const float a_tile_0 = a_part[index_3];
      const float a_tile_1 = a_part[index_3 + 8];
      const int index_5 = index_4 + kk;
      const float w_tile_0 = w_part[index_5];
      const float w_tile_1 = w_part[index_5 + 8];
      total_0_0 += a_tile_0 * w_tile_0;
      total_0_1 += a_tile_0 * w_tile_1;
      total_1_0 += a_tile_1 * w_tile_0;
      total_1_1 += a_tile_1 * w_tile_1;
    }
    __syncthreads();
  }
  const int index_6 = row0 + down;
  const int index_7 = index_6 * n + column0 + right;
  y[index_7] = total_0_0;
  y[index_7 + 1] = total_0_1;
  const int index_8 = (index_6 + 1) * n + column0 + right;
  y[index_8] = total_1_0;
  y[index_8 + 1] = total_1_1;
}
