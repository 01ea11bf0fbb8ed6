/**
 * 16-bit floats in CUDA C++. They are converted by name: extensions of PyTorch are compiled without
 * conversions that are not (`-D__CUDA_NO_HALF_CONVERSIONS__` and the like).
 */

export type HalfType = "__half" | "__nv_bfloat16";

const conversions: Readonly<Record<HalfType, { readonly wide: string; readonly narrow: string }>> =
  {
    __half: { wide: "__half2float", narrow: "__float2half_rn" },
    __nv_bfloat16: { wide: "__bfloat162float", narrow: "__float2bfloat16_rn" },
  };

/** A 16-bit float as a float. */
export function widened(type: HalfType, text: string): string {
  return `${conversions[type].wide}(${text})`;
}

/** A float rounded to 16 bits, to nearest, ties to even. */
export function narrowed(type: HalfType, text: string): string {
  return `${conversions[type].narrow}(${text})`;
}
