/**
 * The bit flags of the WebGPU specification, which are globals in browsers but not in Node.
 *
 * https://www.w3.org/TR/webgpu/#buffer-usage, #typedefdef-gpumapmodeflags,
 * #typedefdef-gpushaderstageflags
 */

/** What a buffer may be used for. */
export const bufferUsage = {
  mapRead: 0x0001,
  copySource: 0x0004,
  copyTarget: 0x0008,
  uniform: 0x0040,
  storage: 0x0080,
  queryTarget: 0x0200,
} as const;

/** How a buffer is mapped. */
export const mapForReading: number = 0x0001;

/** Which stage of a pipeline sees a binding. */
export const computeStage: number = 0x4;
