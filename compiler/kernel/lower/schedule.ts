/**
 * How the work of a kernel is cut into tasks. A task is one invocation's share: a CPU runs one task a
 * group, a GPU `invocations`. Schedules depend on shapes and the target only, so that the same build
 * gives the same kernels.
 */

import { ceilDivide, constant, type Dimension } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Kernel, Statement } from "../kernel.ts";
import { declare, when } from "../statements.ts";
import type { Family, Target } from "../target.ts";
import type { Binding, Context } from "./context.ts";

export interface Schedule {
  readonly target: Target;
  /** Invocations of a group; each takes one task. */
  readonly invocations: number;
  /** How matrix products are computed: see the `product-….ts` of that name. */
  readonly product: "registers" | "blocks" | "reduce";
  /** Rows and columns of a matrix product's register tile. */
  readonly rows: number;
  readonly columns: number;
  /** Elements of the inner index that a register tile takes at once. */
  readonly innerStep: number;
  /** Whether a product has so few rows that one instruction of a tensor core takes them all. */
  readonly fewRows?: boolean;
  /** Columns that one task of a matrix product walks through. */
  readonly panel: number;
  /** Rows of a task of a product with packed weights: how long left operands stay in a cache. */
  readonly taskRows: number;
  /** Packed panels of columns that a single row takes at once. */
  readonly rowPanels: number;
  /** Query rows, of packed heads together, and keys of an attention's tile. */
  readonly queries: number;
  readonly keys: number;
  /** Whether an attention has a single query row, so that what it reads is used once a head. */
  readonly singleQuery: boolean;
}

const general: Readonly<Record<Family, Omit<Schedule, "target">>> = {
  // With four by four the sums alone fill the sixteen registers of x86.
  cpu: {
    invocations: 1,
    product: "registers",
    rows: 4,
    columns: 2,
    innerStep: 4,
    panel: 32,
    taskRows: 64,
    rowPanels: 4,
    queries: 32,
    keys: 32,
    singleQuery: false,
  },
  // Two rows serve prompts and single rows: each kernel is a pipeline, which takes long to compile.
  gpu: {
    invocations: 64,
    product: "registers",
    rows: 2,
    columns: 4,
    innerStep: 4,
    panel: 4,
    taskRows: 64,
    rowPanels: 4,
    queries: 64,
    keys: 16,
    singleQuery: false,
  },
  cuda: {
    invocations: 64,
    product: "registers",
    rows: 2,
    columns: 4,
    innerStep: 4,
    panel: 4,
    taskRows: 64,
    rowPanels: 4,
    queries: 1,
    keys: 4,
    singleQuery: false,
  },
};

/** The schedule of `target` where nothing more special fits. */
export function generalSchedule(target: Target): Schedule {
  const schedule = { target, ...general[target.family] };
  // Where there is no group memory the rows of an attention lie in registers: what is loaded of keys and
  // values serves all of them, and loads are what a device in software spends its time on.
  return target.groupMemory === 0 ? { ...schedule, queries: 8, keys: 32 } : schedule;
}

/** A kernel that finishes what another one left in memory that only the two know. */
export interface Combine {
  readonly lowered: Lowered;
  /** Elements of that memory, f32. */
  readonly partial: Dimension;
  /** The first kernel leaves nothing to do where `size` is no more than `atMost`. */
  readonly unless: { readonly size: Dimension; readonly atMost: number };
}

/** A kernel and what the plan needs to call it. */
export interface Lowered {
  readonly kernel: Kernel;
  readonly bindings: readonly Binding[];
  /** In the order of the kernel's scalars. */
  readonly scalars: readonly Dimension[];
  readonly groups: Dimension;
  /** Multiply-add is 2; tile edges included. */
  readonly flops: Dimension;
  /** What is called after it, if it leaves something to do. */
  readonly combine?: Combine;
}

/** What a kernel is called, and for whom. */
interface Titled {
  readonly name: string;
  readonly comment: readonly string[];
}

/** Finishes a kernel whose groups compute together, with barriers, each one of `groups` parts. */
export function finishGroups(
  context: Context,
  { invocations }: Schedule,
  { name, comment }: Titled,
  arrays: readonly GroupArray[],
  work: { readonly groups: Dimension; readonly flops: Dimension },
  body: readonly Statement[],
): Lowered {
  const scalars = context.scalars;
  const kernel: Kernel = {
    name,
    comment,
    buffers: context.bindings.map((binding) => binding.parameter),
    scalars: scalars.map((scalar) => scalar.name),
    arrays,
    workgroupSize: invocations,
    body,
  };
  const sizes = scalars.map((scalar) => scalar.size);
  return { kernel, bindings: context.bindings, scalars: sizes, ...work };
}

/** Finishes a kernel whose body does one `task` of `tasks`. */
export function finish(
  context: Context,
  schedule: Schedule,
  name: string,
  comment: readonly string[],
  tasks: Dimension,
  flops: Dimension,
  body: (task: Expr) => readonly Statement[],
): Lowered {
  const parallel = schedule.invocations > 1;
  const task = context.fresh("task");
  const first = parallel
    ? build.add(build.multiply(build.group, build.int(schedule.invocations)), build.invocation)
    : build.group;
  const inner = body(build.variable(task, build.i32));
  const guarded: readonly Statement[] = parallel
    ? [when(build.less(build.variable(task, build.i32), context.size(tasks)), inner)]
    : inner;
  const scalars = context.scalars;
  const kernel: Kernel = {
    name,
    comment,
    buffers: context.bindings.map((binding) => binding.parameter),
    scalars: scalars.map((scalar) => scalar.name),
    arrays: context.arrays,
    workgroupSize: schedule.invocations,
    ...(schedule.target.rolled === true && { rolled: true }),
    body: [declare(task, first), ...guarded],
  };
  return {
    kernel,
    bindings: context.bindings,
    scalars: scalars.map((scalar) => scalar.size),
    groups: parallel ? ceilDivide(tasks, constant(schedule.invocations)) : tasks,
    flops,
  };
}
