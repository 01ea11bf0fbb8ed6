/**
 * What kernels are made for: the limits that schedules keep to, and what values are stored as.
 *
 * A target is a value, never asked of a device: the same build, target and inputs give the same
 * kernels and the same bits. The limits of `gpu` are those that every WebGPU device has.
 */

import type { Quantization } from "../../runtime/contract.ts";
import type { HalfElement } from "./half.ts";
import type { WarpMath } from "./kernel.ts";

/** What floats in memory may be stored as; they are f32 as soon as they are loaded. */
export type Storage = "f32" | HalfElement;

/** Which schedules serve a target, and which language its kernels are printed in. */
export type Family = "cpu" | "gpu" | "cuda";

export interface Target {
  /** For people, and for what differs by name only. */
  readonly name: string;
  readonly family: Family;
  /** Most invocations of a group; 1 where a group is one task. */
  readonly invocations: number;
  /** Bytes of group memory that a kernel may have. */
  readonly groupMemory: number;
  /** Most buffers of a kernel. */
  readonly bindings: number;
  /** Most groups along one dimension of the grid; the printer folds what is beyond. */
  readonly gridLimit: number;
  /** 32-bit registers that an invocation may fill; four lanes take four. */
  readonly registers: number;
  /** How the weights of products are stored, if not as floats; for CPUs. */
  readonly weights?: Quantization;
  /** What weights and factors of products are stored as; f32 if absent. */
  readonly storage?: HalfElement;
  /** Processors that run groups at the same time: with fewer groups than that some are idle. */
  readonly processors: number;
  /**
   * An attention of few query rows that leaves processors idle splits more keys than these among
   * groups, and a kernel more combines what they found: that pays where walking so many keys takes a
   * group longer than the device takes to start a kernel.
   */
  readonly splitKeys: number;
  /**
   * Elements of a weight up to which its product takes one row at a time: compiling larger register
   * tiles takes longer than they save. 0 if absent.
   */
  readonly smallWeight?: number;
  /**
   * Elements of a query and a value row together up to which an attention takes one row at a time, in
   * loops over the elements: a kernel of more text would take longer to compile than it runs.
   */
  readonly narrowHead?: number;
  /** Whether loops stay loops: compiling what would be unrolled takes longer than it saves. */
  readonly rolled?: boolean;
  /** How warps multiply (CUDA). */
  readonly math?: WarpMath;
}

/** The targets that are built for: one of each family, and WebGPU on a CPU. */
export const targets: Readonly<Record<Family | "software", Target>> = {
  // Sixteen registers of four lanes. Group memory is scratch memory of the thread: what stays in a
  // second-level cache.
  cpu: {
    name: "wasm",
    family: "cpu",
    invocations: 1,
    groupMemory: 262144,
    bindings: Number.POSITIVE_INFINITY,
    gridLimit: Number.POSITIVE_INFINITY,
    registers: 64,
    // Threads take the heads of a query and have nothing to wait for: no kernel more.
    processors: 1,
    splitKeys: Number.POSITIVE_INFINITY,
  },
  // https://www.w3.org/TR/webgpu/#limits, the column of defaults.
  gpu: {
    name: "webgpu",
    family: "gpu",
    invocations: 256,
    groupMemory: 16384,
    bindings: 8,
    gridLimit: 65535,
    registers: 128,
    // Devices have from 8 (integrated) to some 150; a group too many costs little.
    processors: 32,
    // A dispatch takes 24 µs at least, in which a group walks some 16 tiles of 64 keys.
    splitKeys: 1024,
  },
  // A CPU that computes as WebGPU gains nothing from group memory: its barriers cost more than what
  // they save, and kernels that have them take several times as long to compile.
  software: {
    name: "webgpu-software",
    family: "gpu",
    invocations: 64,
    groupMemory: 0,
    bindings: 8,
    gridLimit: 65535,
    registers: 64,
    // Threads of a CPU, as above.
    processors: 1,
    splitKeys: Number.POSITIVE_INFINITY,
    // LLVM takes 0.6 ms for each component that a kernel loads or stores. A model calls a kernel in some
    // layers, on a few hundred rows: with 65536 weights that costs as much more as its compiling costs less.
    smallWeight: 65536,
    narrowHead: 64,
    rolled: true,
  },
  // What every device of compute capability 8.0 has without asking for more.
  cuda: {
    name: "sm_80",
    family: "cuda",
    invocations: 1024,
    groupMemory: 49152,
    bindings: Number.POSITIVE_INFINITY,
    gridLimit: 2 ** 31 - 1,
    registers: 255,
    // The A100.
    processors: 108,
    // A kernel starts in 2 to 3 µs, in which eight warps walk some four tiles of 128 keys.
    splitKeys: 512,
    math: "tf32",
  },
};
