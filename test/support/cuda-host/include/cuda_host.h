/**
 * What CUDA C++ means on the CPU: with this file included first, a `.cu` text compiles as it is under
 * `g++ -std=c++20`, and `runtime/` runs its grid, blocks and threads.
 *
 * Compiled with `-fsanitize=thread`, every access to memory calls the runtime, which knows what is
 * shared, what is global, who wrote it and when (`runtime/shadow.cpp`). `-fsanitize=bounds` adds the
 * indices of arrays. Neither sanitizer's own library is linked.
 */

#pragma once

#include <math.h>
#include <stdint.h>
#include <utility>

#include "host_types.h"
#include "host_half.h"
#include "host_matrix.h"
#include "host_section.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __constant__ static
#define __align__(bytes) __attribute__((aligned(bytes)))
// One block runs at a time, so what a block shares may be static.
#define __shared__ static __attribute__((section("braid_shared"), aligned(16)))
// Bytes that no array owns lie before each one (`bin/nvcc` puts this before `__shared__`).
#define BRAID_GUARD(name) \
  static char name##_guard[64] __attribute__((section("braid_shared"), used, aligned(16)));

#define threadIdx (braid::thread_index())
#define blockIdx (braid::block_index())
#define blockDim (braid::block_size())
#define gridDim (braid::grid_size())
#define warpSize 32

#define __syncthreads() braid::barrier(__LINE__)
#define __syncthreads_or(predicate) braid::barrier_or(__LINE__, predicate)
#define __syncthreads_and(predicate) braid::barrier_and(__LINE__, predicate)
#define __syncthreads_count(predicate) braid::barrier_count(__LINE__, predicate)

namespace braid {

// Constant for a thread, whatever the compiler moves.
[[gnu::const]] dim3 thread_index();
[[gnu::const]] dim3 block_index();
[[gnu::const]] dim3 block_size();
[[gnu::const]] dim3 grid_size();

void barrier(int line);
int barrier_or(int line, int predicate);
int barrier_and(int line, int predicate);
int barrier_count(int line, int predicate);

/** An array of this block begins to live: its content is undefined. */
void shared_array(const char* name, const void* begin, unsigned long bytes);

enum class Shuffle { index, up, down, exclusive_or };
uint32_t shuffle(Shuffle kind, unsigned mask, uint32_t value, unsigned operand, int width);
unsigned ballot(unsigned mask, int predicate);
void warp_barrier(unsigned mask);
unsigned active_lanes();

enum class Atomic { add, minimum, maximum, exchange };
float atomic(Atomic kind, float* place, float value);
int atomic(Atomic kind, int* place, int value);
unsigned atomic(Atomic kind, unsigned* place, unsigned value);

/** Calls a kernel with the values that `arguments` point to, as `cuLaunchKernel` does. */
template <typename... Arguments>
__attribute__((no_sanitize("thread"))) void call(void (*kernel)(Arguments...), void** arguments) {
  [&]<unsigned long... at>(std::index_sequence<at...>) __attribute__((no_sanitize("thread"))) {
    kernel(*static_cast<Arguments*>(arguments[at])...);
  }(std::index_sequence_for<Arguments...>{});
}

/** The bytes of a kernel's parameters, and a 0 after the last. */
template <unsigned long count> struct Sizes {
  unsigned char bytes[count];
};
template <typename... Arguments>
constexpr Sizes<sizeof...(Arguments) + 1> sizes(void (*)(Arguments...)) {
  return {{sizeof(Arguments)..., 0}};
}

}  // namespace braid

/** Makes a kernel callable by name; `threads` is the most of a block, or 0. */
#define BRAID_ENTRY(kernel, threads)                                    \
  extern "C" const int braid_threads_##kernel = threads;                \
  extern "C" const auto braid_sizes_##kernel = braid::sizes(kernel);    \
  extern "C" __attribute__((no_sanitize("thread"))) void                \
  braid_entry_##kernel(void** arguments) {                              \
    braid::call(kernel, arguments);                                     \
  }

// Warps. Four bytes a lane, as the hardware has it; wider values are not used.

template <typename T> T braid_shuffle(braid::Shuffle kind, unsigned mask, T value, unsigned by, int width) {
  static_assert(sizeof(T) == 4, "shuffles move four bytes");
  return __builtin_bit_cast(
      T, braid::shuffle(kind, mask, __builtin_bit_cast(uint32_t, value), by, width));
}
template <typename T> T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
  return braid_shuffle(braid::Shuffle::index, mask, value, lane, width);
}
template <typename T> T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
  return braid_shuffle(braid::Shuffle::up, mask, value, by, width);
}
template <typename T> T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  return braid_shuffle(braid::Shuffle::down, mask, value, by, width);
}
template <typename T> T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  return braid_shuffle(braid::Shuffle::exclusive_or, mask, value, bits, width);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) { return braid::ballot(mask, predicate); }
inline int __any_sync(unsigned mask, int predicate) { return braid::ballot(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return braid::ballot(mask, predicate) == mask; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { braid::warp_barrier(mask); }
inline unsigned __activemask() { return braid::active_lanes(); }

template <typename T> T atomicAdd(T* place, T value) {
  return braid::atomic(braid::Atomic::add, place, value);
}
template <typename T> T atomicMin(T* place, T value) {
  return braid::atomic(braid::Atomic::minimum, place, value);
}
template <typename T> T atomicMax(T* place, T value) {
  return braid::atomic(braid::Atomic::maximum, place, value);
}
template <typename T> T atomicExch(T* place, T value) {
  return braid::atomic(braid::Atomic::exchange, place, value);
}
// A block runs alone and sees its own writes in order; what other threads may rely on is checked
// between barriers.
inline void __threadfence() {}
inline void __threadfence_block() {}

template <typename T> T __ldg(const T* place) { return *place; }
template <typename T> T __ldcg(const T* place) { return *place; }
template <typename T> T __ldcs(const T* place) { return *place; }
template <typename T> void __stcs(T* place, T value) { *place = value; }
template <typename T> void __stcg(T* place, T value) { *place = value; }

inline float __int_as_float(int bits) { return __builtin_bit_cast(float, bits); }
inline int __float_as_int(float value) { return __builtin_bit_cast(int, value); }
inline float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
inline unsigned __float_as_uint(float value) { return __builtin_bit_cast(unsigned, value); }
inline float rsqrtf(float x) { return float(1 / sqrt(double(x))); }
inline float __expf(float x) { return expf(x); }
inline float __exp2f(float x) { return exp2f(x); }
inline float __logf(float x) { return logf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __clz(int bits) { return bits == 0 ? 32 : __builtin_clz(unsigned(bits)); }
inline int __float2int_rn(float x) { return int(rintf(x)); }
inline int __float2int_rd(float x) { return int(floorf(x)); }
inline float __int2float_rn(int x) { return float(x); }
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const uint64_t bytes = uint64_t(high) << 32 | low;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    result |= unsigned(bytes >> (8 * (selector >> (4 * i) & 7)) & 0xff) << (8 * i);
  }
  return result;
}
inline unsigned __cvta_generic_to_shared(const void* place) { return unsigned(uintptr_t(place)); }

inline int min(int a, int b) { return b < a ? b : a; }
inline int max(int a, int b) { return a < b ? b : a; }
inline unsigned min(unsigned a, unsigned b) { return b < a ? b : a; }
inline unsigned max(unsigned a, unsigned b) { return a < b ? b : a; }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline int abs(int a) { return a < 0 ? -a : a; }
