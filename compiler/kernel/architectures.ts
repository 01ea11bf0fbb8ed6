/**
 * CUDA devices by compute capability, as kernels are made for them: what a block may have.
 *
 * Numbers from the CUDA C++ programming guide, table "Technical specifications per compute
 * capability"; the number of multiprocessors is that of the device named.
 */

import type { WarpMath } from "./kernel.ts";
import { type Target, targets } from "./target.ts";

/** A compute capability, and a device that has it. */
export interface Architecture {
  readonly device: string;
  /** Bytes of shared memory that one block, and all blocks of a multiprocessor, may have. */
  readonly sharedPerBlock: number;
  readonly sharedPerMultiprocessor: number;
  /** 32-bit registers of a multiprocessor. */
  readonly registers: number;
  /** Most warps and blocks that are on a multiprocessor at a time. */
  readonly warps: number;
  readonly blocks: number;
  readonly multiprocessors: number;
}

export type ArchitectureName = "sm_80" | "sm_86" | "sm_89" | "sm_90" | "sm_100";

/** 32-bit registers of a multiprocessor, of each of them. */
export const multiprocessorRegisters = 65536;

/** The architectures that kernels are made for. */
export const architectures: Readonly<Record<ArchitectureName, Architecture>> = {
  sm_80: architecture("A100", 108, { shared: 164, warps: 64, blocks: 32 }),
  sm_86: architecture("RTX 3090", 82, { shared: 100, warps: 48, blocks: 16 }),
  sm_89: architecture("RTX 4090", 128, { shared: 100, warps: 48, blocks: 24 }),
  sm_90: architecture("H100 SXM", 132, { shared: 228, warps: 64, blocks: 32 }),
  sm_100: architecture("B200", 148, { shared: 228, warps: 64, blocks: 32 }),
};

/** `shared` in KiB; one of them is the system's in each block. */
function architecture(
  device: string,
  multiprocessors: number,
  { shared, warps, blocks }: { readonly shared: number; warps: number; blocks: number },
): Architecture {
  return {
    device,
    sharedPerBlock: (shared - 1) * 1024,
    sharedPerMultiprocessor: shared * 1024,
    registers: multiprocessorRegisters,
    warps,
    blocks,
    multiprocessors,
  };
}

/** Whether kernels are made for the architecture called `name`. */
export function isArchitecture(name: string): name is ArchitectureName {
  return name in architectures;
}

/**
 * The target for an architecture, with products in `math`. Factors are stored as they are multiplied,
 * so that they need no conversion on the way.
 */
export function cudaTarget(name: ArchitectureName, math: WarpMath): Target {
  const { sharedPerBlock: sharedBytes } = architectures[name];
  return deviceTarget({ architecture: name, sharedBytes }, math);
}

/**
 * The target for a device that was found, of the table or newer; `sharedBytes` is what one block may
 * have.
 */
export function deviceTarget(
  device: { readonly architecture: string; readonly sharedBytes: number },
  math: WarpMath,
): Target {
  const { architecture: name, sharedBytes: groupMemory } = device;
  const storage = math === "f16" || math === "bf16" ? { storage: math } : {};
  const processors = isArchitecture(name)
    ? architectures[name].multiprocessors
    : targets.cuda.processors;
  return { ...targets.cuda, name, groupMemory, processors, math, ...storage };
}
