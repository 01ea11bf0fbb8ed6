// scale[row] = 1 / sqrt(mean(x[row, :]²) + 1e-6)
extern "C" __global__ void __launch_bounds__(8) rms_statistics(
    const float* __restrict__ x,
    float* __restrict__ scale,
    int columns) {
  __shared__ float partial[8];
  const int group = blockIdx.x;
  const int invocation = threadIdx.x;
  float total = 0.0f;
  const int group_times_columns = group * columns;
  for (int column = invocation; column < columns; column += 8) {
    const float value = x[group_times_columns + column];
    total += value * value;
  }
  partial[invocation] = total;
  __syncthreads();
  if (invocation < 4) {
    partial[invocation] = partial[invocation] + partial[invocation + 4];
  }
  __syncthreads();
  if (invocation < 2) {
    partial[invocation] = partial[invocation] + partial[invocation + 2];
  }
  __syncthreads();
  if (invocation < 1) {
    partial[invocation] = partial[invocation] + partial[invocation + 1];
  }
  __syncthreads();
  if (invocation == 0) {
    const float mean = partial[0] / float(columns);
    scale[group] = rsqrtf(mean + 0.000001f);
  }
}
