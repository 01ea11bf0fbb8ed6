/** CUDA's vector types with their sizes and alignments. */

#pragma once

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct uint3 {
  unsigned x, y, z;
};

#define BRAID_VECTORS(base, name)                                                            \
  struct alignas(2 * sizeof(base)) name##2 {                                                 \
    base x, y;                                                                               \
  };                                                                                         \
  struct name##3 {                                                                           \
    base x, y, z;                                                                            \
  };                                                                                         \
  struct alignas(4 * sizeof(base) > 16 ? 16 : 4 * sizeof(base)) name##4 {                    \
    base x, y, z, w;                                                                         \
  };                                                                                         \
  inline name##2 make_##name##2(base x, base y) { return {x, y}; }                           \
  inline name##4 make_##name##4(base x, base y, base z, base w) { return {x, y, z, w}; }

BRAID_VECTORS(float, float)
BRAID_VECTORS(double, double)
BRAID_VECTORS(int, int)
BRAID_VECTORS(short, short)
BRAID_VECTORS(unsigned short, ushort)
BRAID_VECTORS(signed char, char)
BRAID_VECTORS(unsigned char, uchar)
#undef BRAID_VECTORS

struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
