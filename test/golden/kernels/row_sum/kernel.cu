// sum[row] = Σ x[row, column]
extern "C" __global__ void __launch_bounds__(1) row_sum(
    const float* __restrict__ x,
    float* __restrict__ sum,
    int columns) {
  const int group = blockIdx.x;
  float total = 0.0f;
  const int group_times_columns = group * columns;
  for (int column = 0; column < columns; column++) {
    total += x[group_times_columns + column];
  }
  sum[group] = total;
}
