/**
 * Half and bfloat16: bits, with conversions that round to nearest, ties to even. Arithmetic is done in
 * float and rounded once, which is what one operation of the hardware gives.
 */

#pragma once

#include <stdint.h>

namespace braid {

inline float half_to_float(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000) << 16;
  const uint32_t exponent = bits >> 10 & 0x1f;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 0) {
    const float value = float(fraction) * 0x1p-24f;
    return sign == 0 ? value : -value;
  }
  const uint32_t wide = exponent == 31 ? 255u : exponent + 112;
  return __builtin_bit_cast(float, sign | wide << 23 | fraction << 13);
}

inline uint16_t float_to_half(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  const uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  const uint32_t size = bits & 0x7fffffff;
  if (size > 0x7f800000) return 0x7fff;
  // From here on, the nearest half is infinite: 65520 is half way to 2^16.
  if (size >= 0x477ff000) return uint16_t(sign | 0x7c00);
  if (size < 0x38800000) {
    // Below 2^-14: multiples of 2^-24, which adding 0.5 rounds to in float's last place.
    const float sum = __builtin_bit_cast(float, size) + 0.5f;
    return uint16_t(sign | (__builtin_bit_cast(uint32_t, sum) - 0x3f000000));
  }
  const uint32_t odd = size >> 13 & 1;
  return uint16_t(sign | ((size - 0x38000000 + 0xfff + odd) >> 13));
}

inline float bfloat_to_float(uint16_t bits) {
  return __builtin_bit_cast(float, uint32_t(bits) << 16);
}

inline uint16_t float_to_bfloat(float value) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace braid

#define BRAID_SMALL_FLOAT(name, widen, narrow)                                         \
  struct name {                                                                        \
    uint16_t bits;                                                                     \
    name() = default;                                                                  \
    name(float value) : bits(narrow(value)) {}                                         \
    operator float() const { return widen(bits); }                                     \
  };                                                                                   \
  inline name operator+(name a, name b) { return name(float(a) + float(b)); }          \
  inline name operator-(name a, name b) { return name(float(a) - float(b)); }          \
  inline name operator*(name a, name b) { return name(float(a) * float(b)); }          \
  inline name operator/(name a, name b) { return name(float(a) / float(b)); }          \
  inline name operator-(name a) { return name(-float(a)); }                            \
  inline name __hadd(name a, name b) { return a + b; }                                 \
  inline name __hsub(name a, name b) { return a - b; }                                 \
  inline name __hmul(name a, name b) { return a * b; }                                 \
  inline name __hmax(name a, name b) { return float(a) < float(b) ? b : a; }           \
  inline name __hmin(name a, name b) { return float(b) < float(a) ? b : a; }           \
  /* The exact sum needs more than float has; double holds it. */                      \
  inline name __hfma(name a, name b, name c) {                                         \
    return braid_round_once<name>(double(float(a)) * double(float(b)) + double(float(c))); \
  }                                                                                    \
  struct alignas(4) name##2 {                                                          \
    name x, y;                                                                         \
  };                                                                                   \
  inline name##2 __hadd2(name##2 a, name##2 b) { return {a.x + b.x, a.y + b.y}; }      \
  inline name##2 __hmul2(name##2 a, name##2 b) { return {a.x * b.x, a.y * b.y}; }      \
  inline name##2 __hfma2(name##2 a, name##2 b, name##2 c) {                            \
    return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};                             \
  }                                                                                    \
  inline float __low2float(name##2 a) { return a.x; }                                  \
  inline float __high2float(name##2 a) { return a.y; }

/** Narrows without rounding twice: the float is rounded to odd, which keeps what was cut off. */
template <typename Small> Small braid_round_once(double exact) {
  const float near = float(exact);
  const double rest = exact - double(near);
  uint32_t bits = __builtin_bit_cast(uint32_t, near);
  // An infinite sum has no rest, only a NaN.
  if (rest == rest && rest != 0 && (bits & 1) == 0) bits += (rest > 0) == (near > 0) ? 1 : -1;
  return Small(__builtin_bit_cast(float, bits));
}

BRAID_SMALL_FLOAT(__half, braid::half_to_float, braid::float_to_half)
BRAID_SMALL_FLOAT(__nv_bfloat16, braid::bfloat_to_float, braid::float_to_bfloat)
#undef BRAID_SMALL_FLOAT

using half = __half;
using half2 = __half2;

inline __half __float2half(float x) { return __half(x); }
inline __half __float2half_rn(float x) { return __half(x); }
inline float __half2float(__half x) { return x; }
inline __half2 __floats2half2_rn(float x, float y) { return {__half(x), __half(y)}; }
inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
inline __half __ushort_as_half(unsigned short bits) { return __builtin_bit_cast(__half, bits); }
inline unsigned short __half_as_ushort(__half x) { return x.bits; }
inline __nv_bfloat16 __float2bfloat16(float x) { return __nv_bfloat16(x); }
inline __nv_bfloat16 __float2bfloat16_rn(float x) { return __nv_bfloat16(x); }
inline float __bfloat162float(__nv_bfloat16 x) { return x; }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {__nv_bfloat16(x), __nv_bfloat16(y)};
}
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) { return {x, y}; }
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
  return __builtin_bit_cast(__nv_bfloat16, bits);
}
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) { return x.bits; }
