// y[row, column] = Σ a[row, k] · w[column, k], by tensor cores: what a fault is planted in.
#include <cuda_fp16.h>

#ifndef BRAID_CP_ASYNC_16
#define BRAID_CP_ASYNC_16
__device__ inline void cp_async_16(void* shared, const void* global) {
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global));
}
#endif
#ifndef BRAID_CP_ASYNC_COMMIT
#define BRAID_CP_ASYNC_COMMIT
__device__ inline void cp_async_commit() { asm volatile("cp.async.commit_group;"); }
#endif
#ifndef BRAID_CP_ASYNC_WAIT
#define BRAID_CP_ASYNC_WAIT
template <int pending> __device__ inline void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending));
}
#endif
#ifndef BRAID_LDMATRIX_X4
#define BRAID_LDMATRIX_X4
__device__ inline void ldmatrix_x4(unsigned (&r)[4], const void* row) {
  const unsigned from = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(from));
}
#endif
#ifndef BRAID_MMA_M16N8K16_F16
#define BRAID_MMA_M16N8K16_F16
__device__ inline void mma_m16n8k16_f16(
    float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

// Two warps compute 32 rows and 16 columns; rows and columns are multiples of those, depth of 16.
extern "C" __global__ void __launch_bounds__(64) product(
    const __half* __restrict__ a,
    const __half* __restrict__ w,
    float* __restrict__ y,
    int columns,
    int depth) {
  // Rows of 24 halves: eight rows of 48 bytes begin in different banks.
  __shared__ __half left[2 * 32 * 24];
  __shared__ __half right[2 * 16 * 24];
  const int tile = blockIdx.x;
  const int invocation = threadIdx.x;
  const int row0 = tile / (columns / 16) * 32;
  const int column0 = tile % (columns / 16) * 16;
  const int lane = invocation % 32;
  const int warp = invocation / 32;
  float sum[2][4] = {};
  for (int step = 0; step <= depth / 16; step++) {
    if (step < depth / 16) {
      const int stage = step % 2;
      const int row = invocation / 2;
      const int at = invocation % 2 * 8;
      cp_async_16(&left[(stage * 32 + row) * 24 + at], &a[(row0 + row) * depth + step * 16 + at]);
      if (row < 16) {
        cp_async_16(&right[(stage * 16 + row) * 24 + at],
                    &w[(column0 + row) * depth + step * 16 + at]);
      }
    }
    cp_async_commit();
    if (step == 0) continue;
    cp_async_wait<1>();
    __syncthreads();
    const int stage = (step - 1) % 2;
    unsigned fragment[4];
    unsigned columns8[4];
    ldmatrix_x4(fragment, &left[(stage * 32 + warp * 16 + lane % 16) * 24 + lane / 16 * 8]);
    ldmatrix_x4(columns8, &right[(stage * 16 + lane % 16) * 24 + lane / 16 * 8]);
    mma_m16n8k16_f16(sum[0], fragment, {columns8[0], columns8[2]});
    mma_m16n8k16_f16(sum[1], fragment, {columns8[1], columns8[3]});
    __syncthreads();
  }
  for (int half = 0; half < 2; half++) {
    for (int i = 0; i < 4; i++) {
      const int row = row0 + warp * 16 + lane / 4 + i / 2 * 8;
      const int column = column0 + half * 8 + lane % 4 * 2 + i % 2;
      y[row * columns + column] = sum[half][i];
    }
  }
}
