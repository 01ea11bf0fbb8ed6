/** Kernels whose warps hold the tiles: their group memory, and how they are finished. */

import type { Dimension } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Kernel, MemoryElement, Statement, WarpMath } from "../kernel.ts";
import { warpSize } from "../kernel.ts";
import { groupBytes } from "../memory.ts";
import { residentGroups } from "../schedule/registers.ts";
import type { Target } from "../target.ts";
import type { Context } from "./context.ts";
import type { Lowered } from "./schedule.ts";

/** What arrays of factors hold. */
export function factorElement(math: WarpMath): MemoryElement {
  return math === "f16" || math === "bf16" ? math : "f32";
}

/** Elements of the inner index that one instruction takes. */
export function innerStep(math: WarpMath): number {
  return math === "f16" || math === "bf16" ? 16 : 8;
}

/** The group arrays of a kernel in the making; parts that never run together share theirs. */
export class GroupMemory {
  private readonly context: Context;
  private readonly arrays = new Map<string, GroupArray>();

  constructor(context: Context) {
    this.context = context;
  }

  /** The array of that role with rows of that length, at least as long as asked. */
  array(role: string, element: MemoryElement, rowLength: number, length: number): string {
    const key = `${role} ${rowLength}`;
    const before = this.arrays.get(key);
    const name = before?.name ?? this.context.fresh(role);
    const longest = Math.max(length, before?.length ?? 0);
    this.arrays.set(key, { name, element, length: longest, rowLength });
    return name;
  }

  /** An f32 array whose elements are read one at a time. */
  plain(role: string, length: number): string {
    const name = this.context.fresh(role);
    this.arrays.set(name, { name, element: "f32", length });
    return name;
  }

  get all(): readonly GroupArray[] {
    return [...this.arrays.values()];
  }
}

/** Finishes a kernel in which a group of warps does one of `groups` tasks. */
export function finishWarps(
  context: Context,
  facts: {
    readonly name: string;
    readonly comment: readonly string[];
    readonly warps: number;
    readonly memory: GroupMemory;
    /** Arrays of sums of rows. */
    readonly sums?: readonly GroupArray[];
    readonly groups: Dimension;
    readonly flops: Dimension;
    /** Registers that an invocation needs. */
    readonly registers: number;
    readonly target: Target;
  },
  body: (task: Expr) => readonly Statement[],
): Lowered {
  const statements = body(build.group);
  const scalars = context.scalars;
  const arrays = [...facts.memory.all, ...(facts.sums ?? [])];
  const invocations = facts.warps * warpSize;
  const use = { invocations, registers: facts.registers, bytes: groupBytes(arrays) };
  const kernel: Kernel = {
    name: facts.name,
    comment: facts.comment,
    buffers: context.bindings.map((binding) => binding.parameter),
    scalars: scalars.map((scalar) => scalar.name),
    arrays,
    workgroupSize: invocations,
    residentGroups: residentGroups(use, facts.target),
    tiles: "warp",
    body: statements,
  };
  return {
    kernel,
    bindings: context.bindings,
    scalars: scalars.map((scalar) => scalar.size),
    groups: facts.groups,
    flops: facts.flops,
  };
}
