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
  readonly multiprocessors: number;
}

export type ArchitectureName = "sm_80" | "sm_86" | "sm_89" | "sm_90" | "sm_100";

/** The architectures that kernels are made for. */
export const architectures: Readonly<Record<ArchitectureName, Architecture>> = {
  sm_80: architecture("A100", 163, 164, 108),
  sm_86: architecture("RTX 3090", 99, 100, 82),
  sm_89: architecture("RTX 4090", 99, 100, 128),
  sm_90: architecture("H100 SXM", 227, 228, 132),
  sm_100: architecture("B200", 227, 228, 148),
};

function architecture(
  device: string,
  block: number,
  all: number,
  multiprocessors: number,
): Architecture {
  return {
    device,
    sharedPerBlock: block * 1024,
    sharedPerMultiprocessor: all * 1024,
    registers: 65536,
    multiprocessors,
  };
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
  return { ...targets.cuda, name, groupMemory, math, ...storage };
}
