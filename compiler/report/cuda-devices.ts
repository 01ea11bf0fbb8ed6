/** What NVIDIA devices can do, for occupancy and rooflines, with where the figures are from. */

import type { Architecture, ArchitectureName } from "../kernel/architectures.ts";

/** Which units a kernel's products run on. */
export type CudaMath = "f32" | "tf32" | "f16";

/** A device for rooflines. Rates are dense, with float32 accumulation, at boost clock. */
export interface CudaRates {
  readonly name: string;
  readonly architecture: ArchitectureName;
  readonly bytesPerSecond: number;
  /** `f16` is bfloat16's, too. */
  readonly flopsPerSecond: Readonly<Record<CudaMath, number>>;
  readonly source: string;
}

export const cudaRates: readonly CudaRates[] = [
  {
    name: "A100",
    architecture: "sm_80",
    bytesPerSecond: 2039e9,
    flopsPerSecond: { f32: 19.5e12, tf32: 156e12, f16: 312e12 },
    source: "NVIDIA A100 Tensor Core GPU datasheet, 80 GB SXM",
  },
  {
    name: "H100",
    architecture: "sm_90",
    bytesPerSecond: 3350e9,
    flopsPerSecond: { f32: 67e12, tf32: 494.5e12, f16: 989.5e12 },
    source: "NVIDIA H100 Tensor Core GPU datasheet, SXM, without sparsity",
  },
  {
    name: "RTX 4090",
    architecture: "sm_89",
    bytesPerSecond: 1008e9,
    flopsPerSecond: { f32: 82.6e12, tf32: 82.6e12, f16: 165.2e12 },
    source: "NVIDIA Ada GPU Architecture whitepaper, appendix A, float32 accumulation",
  },
];

/** What a kernel takes of a multiprocessor. */
export interface KernelUse {
  readonly registers: number;
  readonly threads: number;
  /** Static and dynamic. */
  readonly sharedBytes: number;
}

/** A multiprocessor has four parts, each with a quarter of the registers and a scheduler. */
const partitions = 4;

/**
 * The share of a multiprocessor's warps that blocks of a kernel can fill, from 0 to 1, as NVIDIA's
 * occupancy calculator has it: registers are given to warps in units of 256, within a part; each block
 * takes 1 KiB of shared memory beside its own.
 */
export function occupancy(
  { registers, threads, sharedBytes }: KernelUse,
  limits: Architecture,
): number {
  const warps = Math.ceil(threads / 32);
  const ofWarp = Math.ceil((registers * 32) / 256) * 256;
  const inPartition = Math.floor(limits.registers / partitions / ofWarp);
  const byRegisters = Math.floor((inPartition * partitions) / warps);
  const byShared = Math.floor(limits.sharedPerMultiprocessor / (sharedBytes + 1024));
  const byWarps = Math.floor(limits.warps / warps);
  const blocks = Math.min(byRegisters, byShared, byWarps, limits.blocks);
  return (blocks * warps) / limits.warps;
}
