/**
 * The words in which an emitted `kernels.ts` says how kernels are called; see `plan-builder.ts`.
 */

import type {
  DispatchVariant,
  MatrixElement,
  PlanKernel,
  RowBlocks,
  Size,
  SubgroupRange,
} from "./contract.ts";

/** A parameter of a kernel that it reads, writes, or both. */
export type KernelBuffer = PlanKernel["buffers"][number];

/** A tensor that the kernel only reads; a word alone means the same. */
export function read(name: string): KernelBuffer {
  return { name, element: "f32", access: "read" };
}

/** A tensor that the kernel only writes. */
export function write(name: string): KernelBuffer {
  return { name, element: "f32", access: "write" };
}

/** A tensor that the kernel reads and writes. */
export function update(name: string): KernelBuffer {
  return { name, element: "f32", access: "read_write" };
}

/** The schedule for a `size` of at most `atMost`. */
export function upTo(
  atMost: number,
  size: Size,
  kernel: string,
  groups: Size,
  flops?: Size,
): DispatchVariant {
  return { when: { size, atMost }, ...otherwise(kernel, groups, flops) };
}

/** The schedule for all other sizes. */
export function otherwise(kernel: string, groups: Size, flops?: Size): DispatchVariant {
  return flops === undefined ? { kernel, groups } : { kernel, groups, flops };
}

/**
 * The invocations of a work group; for a CPU the rows that groups go through in order, if they do; for
 * CUDA the bytes of dynamic shared memory, where a kernel needs some; for WebGPU the sizes of subgroups and the matrices that it has other texts for.
 */
export type Workgroup =
  | number
  | {
      readonly threads: number;
      readonly rowBlocks?: RowBlocks;
      readonly sharedBytes?: number;
      readonly subgroups?: SubgroupRange;
      readonly matrices?: readonly MatrixElement[];
    };

/** How a value is computed, wherever its operands lie: what steps with equal kernels share. */
export interface Call {
  readonly kernels: readonly PlanKernel[];
  readonly variants: readonly DispatchVariant[];
  readonly scalars: readonly Size[];
  readonly flops: Size;
}

/**
 * Kernels that differ in their schedules only, and how they are called. `workgroup` lists that of each
 * kernel where they differ; `flops` are the last variant's.
 */
export function kernel(
  workgroup: Workgroup | readonly Workgroup[],
  buffers: readonly (KernelBuffer | string)[],
  scalars: Readonly<Record<string, Size>>,
  variants: readonly DispatchVariant[],
  flops?: Size,
): Call {
  const kernels = declare(
    [...new Set(variants.map((variant) => variant.kernel))],
    workgroup,
    buffers,
    Object.keys(scalars),
  );
  return { ...schedule(Object.values(scalars), variants, flops), kernels };
}

/** Kernels that differ in their schedules only, without how they are called. */
export function declare(
  names: readonly string[],
  workgroup: Workgroup | readonly Workgroup[],
  buffers: readonly (KernelBuffer | string)[],
  scalars: readonly string[],
): readonly PlanKernel[] {
  const parameters = buffers.map((each) => (typeof each === "string" ? read(each) : each));
  return names.map((name, index) => {
    const own = isList(workgroup) ? (workgroup[index] ?? 1) : workgroup;
    const { threads, ...more } = typeof own === "number" ? { threads: own } : own;
    return { name, buffers: parameters, scalars, workgroupSize: threads, ...more };
  });
}

/** A call of kernels that are declared elsewhere. */
export function schedule(
  scalars: readonly Size[],
  variants: readonly DispatchVariant[],
  flops: Size = variants.at(-1)?.flops ?? 0,
): Call {
  return { kernels: [], variants, scalars, flops };
}

/** The kernels of the calls, in order. */
export function kernelsOf(...calls: readonly Call[]): readonly PlanKernel[] {
  return calls.flatMap((call) => call.kernels);
}

function isList(workgroup: Workgroup | readonly Workgroup[]): workgroup is readonly Workgroup[] {
  return Array.isArray(workgroup);
}
