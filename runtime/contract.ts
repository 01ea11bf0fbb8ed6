/**
 * The plan: everything that the runtime needs to run a compiled model, as plain data. The compiler
 * makes it, `model.ts` prints it, `runtime/execute` runs it. No functions, no classes, JSON all
 * through, so that two plans are equal exactly when their JSON is.
 *
 * Memory: each phase has temporaries that live from one step to another in an arena placed when
 * sizes are known; weights, constants, states and outputs lie outside it. All tensors are dense and
 * row-major. Outside, floats are f32; weights, states and temporaries may be stored in 16 bits, to
 * nearest, ties to even.
 */

import type { MatrixElement, SubgroupRange } from "./kernel-forms.ts";

export {
  fitsSubgroups,
  fittingMatrices,
  type MatrixElement,
  type MatrixShape,
  matrixName,
  matrixShapes,
  moduleFile,
  type MultiplyAdd,
  type SubgroupRange,
} from "./kernel-forms.ts";

/** A run-time size: a number, a symbol, or arithmetic over them. Divisions are of whole numbers. */
export type Size =
  | number
  | string
  | readonly ["+" | "*" | "floor/" | "ceil/" | "max" | "min", Size, Size];

/** What a tensor holds outside the device. */
export type HostElement = "f32" | "i32";

/** What a tensor holds on the device. */
export type ElementType = HostElement | "f16" | "bf16";

/** A stored tensor and how to find it in a checkpoint. */
export interface PlanWeight {
  readonly name: string;
  /** Names to try in order; each is a list, since a stacked weight has one tensor per index. */
  readonly alternatives: readonly (readonly string[])[];
  /** The declared sizes; the stored shape is a merge of adjacent ones, those of size 1 aside. */
  readonly shape: readonly number[];
  /** True if one stored tensor gives one index of the first axis. */
  readonly stacked: boolean;
  /** How its elements lie on the device; row-major if absent. */
  readonly layout?: WeightLayout;
  /** Where it lies in a buffer of several weights; it has a buffer of its own if absent. */
  readonly pack?: WeightPack;
  /** What its floats are stored as; f32 if absent. */
  readonly element?: "f16" | "bf16";
}

/**
 * Weights of one kernel in one buffer, since devices bind few. Steps name the buffer as the weight
 * `buffer`; `offset` counts elements.
 */
export interface WeightPack {
  readonly buffer: string;
  readonly offset: number;
}

/**
 * A weight packed for matrix products. Its row-major elements are `[batch, columns, inner]`, or
 * `[batch, inner, columns]` where `innerFirst`. On the device `width` columns at a time lie side by
 * side: element (b, c, k) is at `((b · ⌈columns / width⌉ + ⌊c / width⌋) · inner + k) · width + c mod
 * width`, and what is past the last column is zero.
 */
export interface WeightLayout {
  readonly kind: "panels";
  readonly batch: number;
  readonly columns: number;
  readonly inner: number;
  readonly innerFirst: boolean;
  readonly width: number;
  /** Whole numbers of few bits instead of floats; floats if absent. */
  readonly quantized?: Quantization;
}

/**
 * Elements as whole numbers: the `group` elements of a column that follow each other along the inner
 * index share a scale, and an offset unless they are `symmetric`; an element is `q · scale + offset`.
 *
 * `32 / bits` numbers along the inner index, the first in the lowest bits, are an i32 word; words lie
 * as panels of `width` columns, with whole groups, the last of them filled up. The scales are a tensor
 * of their own (`scalesOf`): for each panel and group `width` scales, then as many offsets, if any.
 */
export interface Quantization {
  readonly bits: 4 | 8;
  readonly group: number;
  readonly symmetric: boolean;
}

/** The name of the tensor of scales that belongs to a quantised weight. */
export function scalesOf(weight: string): string {
  return `${weight}#scales`;
}

/** A tensor that the compiler computed: positions of digits, rotary tables. */
export interface PlanConstant {
  readonly name: string;
  readonly element: HostElement;
  readonly shape: readonly number[];
  /** Row-major values, rounded to f32 when loaded. */
  readonly data: readonly number[];
}

/** A tensor from outside. `token` values must be in `[0, bound)`, which the runtime checks. */
export interface PlanInput {
  readonly name: string;
  readonly role: "tensor" | "token" | "position";
  readonly element: HostElement;
  readonly axes: readonly PlanAxis[];
  /** For tokens: the smallest vocabulary that they index. */
  readonly bound?: number;
  /** For positions: the segment whose rows they place. */
  readonly segment?: string;
}

export interface PlanAxis {
  readonly label: string;
  readonly size: Size;
}

/**
 * What a phase leaves for others. `value`: computed once for given inputs, then reused. `cache`:
 * rows that grow by each `extend`; its row axis comes first in memory and `capacity` rows are
 * allocated, doubled by copying.
 */
export interface PlanState {
  readonly name: string;
  readonly kind: "value" | "cache";
  readonly element: ElementType;
  /**
   * Sizes by axis; for a cache the first is the row axis and its size the rows held after a call.
   */
  readonly axes: readonly PlanAxis[];
  /** The phase that computes or extends it. */
  readonly phase: string;
  /** For a cache that forgets; others hold all rows. */
  readonly ring?: PlanRing;
}

/** What steps call the table of pages: an i32 for each page of the conversation that runs. */
export const pageTable = "#pages";

/**
 * A cache of at most `slots` rows: row r lies in slot `r mod slots`. A row reads none that is
 * `window` rows or more before it, so one call may append `slots - window + 1` rows, and a cache can
 * be cut back as far as the rows that the last one reads are still there.
 */
export interface PlanRing {
  readonly slots: number;
  readonly window: number;
}

export interface PlanOutput {
  readonly name: string;
  readonly element: HostElement;
  readonly axes: readonly PlanAxis[];
}

/**
 * A temporary of a phase: its elements, and the first and last step that it lives in. Steps are
 * counted in the order of the text, the body of a `repeat` once and the `repeat` itself not. What a
 * round of a `repeat` finds in a buffer, rather than writes itself first, lives through the whole
 * body.
 */
export interface PlanBuffer {
  readonly name: string;
  readonly element: ElementType;
  readonly size: Size;
  readonly first: number;
  readonly last: number;
}

/** What a kernel argument is bound to. In a `repeat`, `table` names a column of its tables. */
export type BufferReference =
  | { readonly kind: "buffer"; readonly name: string }
  | { readonly kind: "weight"; readonly name: string }
  | { readonly kind: "constant"; readonly name: string }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "state"; readonly name: string }
  | { readonly kind: "output"; readonly name: string }
  | { readonly kind: "table"; readonly name: string };

/**
 * One schedule of a step, chosen when `size` is at most `atMost`; the last one has no condition.
 */
export interface DispatchVariant {
  readonly when?: { readonly size: Size; readonly atMost: number };
  readonly kernel: string;
  readonly groups: Size;
  /** Floating-point operations of this variant, where they differ from the step's. */
  readonly flops?: Size;
}

export type PlanStep =
  | {
      readonly kind: "dispatch";
      /** For people: the value computed, with its path, e.g. `layers.self_attn.q`. */
      readonly label: string;
      readonly variants: readonly DispatchVariant[];
      /** In the order of the kernel's buffers. */
      readonly buffers: readonly BufferReference[];
      /** In the order of the kernel's scalars. */
      readonly scalars: readonly Size[];
      /**
       * Floating-point operations, multiply-add = 2, as executed (tile edges included where known).
       */
      readonly flops: Size;
    }
  /** Copies `size` elements. */
  | {
      readonly kind: "copy";
      readonly label: string;
      readonly from: BufferReference;
      readonly to: BufferReference;
      readonly size: Size;
      readonly toOffset: Size;
      /** Elements have four bytes if absent. */
      readonly element?: "f16" | "bf16";
    }
  /**
   * Reads one i32 back, from 0 to `most`: from here on it is what `symbol` stands for. Memory is made
   * for the most, whose symbols are known before. Steps inside a `repeat` do not measure.
   */
  | {
      readonly kind: "measure";
      readonly label: string;
      readonly symbol: string;
      readonly most: Size;
      readonly from: BufferReference;
    }
  /** Equal layers: `steps` runs `count` times with the i-th entry of each table. */
  | {
      readonly kind: "repeat";
      readonly count: number;
      readonly tables: Readonly<Record<string, readonly BufferReference[]>>;
      readonly steps: readonly PlanStep[];
    };

/**
 * `static`: depends on no token. `prompt`: the given rows of a model whose other rows depend on
 * them; it appends them to empty caches, and leaves values besides. `extend`: appends new rows to
 * caches; its first call takes the prompt where there is no `prompt`. `forward`: all rows at once,
 * without caches.
 */
export type PhaseKind = "static" | "prompt" | "extend" | "forward";

/**
 * A part of the model that runs in one go. It is memoised on the contents of `inputs` and on the
 * states it `reads`, unless it appends to caches (`prompt` and `extend`).
 */
export interface PlanPhase {
  readonly name: string;
  readonly kind: PhaseKind;
  /** For people: what it computes and why it is a phase of its own. */
  readonly doc: string;
  /** What its steps read, and what tells it a size that nothing else does. */
  readonly inputs: readonly string[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly outputs: readonly PlanOutput[];
  readonly buffers: readonly PlanBuffer[];
  readonly steps: readonly PlanStep[];
}

/**
 * Of a buffer in `elements`, by its name, each `groups` groups, the first ones first, touch nothing but
 * the next so many elements; of other buffers they may touch anything.
 */
export interface RowBlocks {
  readonly groups: number;
  readonly elements: Readonly<Record<string, number>>;
}

/** How a kernel is called; its code lies beside the plan, by name. */
export interface PlanKernel {
  readonly name: string;
  readonly buffers: readonly {
    readonly name: string;
    readonly element: ElementType;
    readonly access: "read" | "write" | "read_write";
  }[];
  readonly scalars: readonly string[];
  readonly workgroupSize: number;
  /**
   * WebGPU: there is a text that uses subgroups, too, `kernels/<name>.subgroups.wgsl`, for devices all
   * of whose sizes of subgroups are within this range.
   */
  readonly subgroups?: SubgroupRange;
  /**
   * WebGPU: there are texts that multiply matrices of these, too, for devices that have a shape of them,
   * `kernels/<name>.matrices-<shape>.wgsl` (`matrixName`).
   */
  readonly matrices?: readonly MatrixElement[];
  /** CPU: where its groups go through rows in order, so that they may arrive and leave meanwhile. */
  readonly rowBlocks?: RowBlocks;
  /** CUDA: dynamic shared memory in bytes, where the kernel needs more than 48 KiB. */
  readonly sharedBytes?: number;
}

/** How tokens are generated. */
export interface PlanGeneration {
  /** The token input that grows. */
  readonly tokens: string;
  /** The output of `extend` whose last row is the logits of the next token. */
  readonly logits: string;
  /**
   * The output of `extend` that is the token of the greatest of them, of equal ones the first; -1 where
   * one is not a number or none is above minus infinity. Absent: the host looks through the logits.
   */
  readonly token?: string;
  /** The position input of the growing rows. */
  readonly positions: string;
  readonly vocabulary: number;
}

/** Which input sizes are free, and how others follow from them. */
export interface PlanSymbol {
  readonly name: string;
  /**
   * Where its value is first met; `past` is the rows a cache holds before the call. A `measured` one
   * is read back by a step of a phase; other phases know it from the states that they read.
   */
  readonly source:
    | { readonly kind: "input"; readonly input: string; readonly axis: number }
    | { readonly kind: "past" }
    | { readonly kind: "measured" };
}

export interface Plan {
  readonly version: 1;
  readonly model: string;
  /** The schedule family of the kernels: one invocation per task, or work groups. */
  readonly target: "cpu" | "gpu" | "cuda";
  readonly symbols: readonly PlanSymbol[];
  readonly weights: readonly PlanWeight[];
  readonly constants: readonly PlanConstant[];
  readonly inputs: readonly PlanInput[];
  /** The sequence of the prompt: its segments in storage order and their placeholders. */
  readonly segments: readonly {
    readonly name: string;
    readonly positions: string;
    readonly placeholder?: string;
    readonly size: Size;
  }[];
  readonly states: readonly PlanState[];
  /**
   * Rows of a page, where caches lie in pages: row r of every cache is in place `r mod pages` of page
   * `table[r / pages]`, and steps name the table as the state `pageTable`.
   */
  readonly pages?: number;
  /** In the order in which they run. */
  readonly phases: readonly PlanPhase[];
  readonly kernels: readonly PlanKernel[];
  readonly generation?: PlanGeneration;
  /** Numbers that must equal keys of the checkpoint's `config.json`. */
  readonly configChecks: readonly { readonly key: string; readonly value: number }[];
}

/** The text of each kernel by its name. */
export type KernelTexts = Pick<ReadonlyMap<string, string>, "get">;

/** A compiled model: the plan and the code of its kernels for one family of targets. */
export interface CompiledModel {
  readonly plan: Plan;
  /** WGSL text by kernel name (plans for gpu); asked for once for each kernel that is loaded. */
  readonly wgsl?: KernelTexts;
  /**
   * One WebAssembly module that exports each kernel by name (plans for cpu). If it multiplies and adds
   * `fused`, a custom section `fused` says so, and only engines that do so can run it.
   */
  readonly wasm?: Uint8Array;
  /** CUDA C++ text by kernel name (plans for cuda). */
  readonly cuda?: ReadonlyMap<string, string>;
  /** All of them compiled for the device's architecture, where that was done beforehand. */
  readonly cubin?: Uint8Array;
}

/**
 * How a WebAssembly kernel is called: `name(firstGroup, endGroup, pointer…, scalar…)`, all i32,
 * with byte pointers in the order of its buffers. The module imports `env.memory`, shared, of
 * 65536 pages at most. If kernels keep arrays of their own it imports `env.scratch`, too: an i32
 * global, the address of as many bytes as its custom section `scratch` says in decimal, a multiple
 * of 64, different for each thread. Groups may run in any order and at the same time.
 *
 * How a WGSL kernel is bound: group 0, the buffers in order at bindings 0 …, then one uniform with
 * `groups` (the number of groups) followed by the scalars, all i32. The grid is folded to two
 * dimensions: the group is `workgroup_id.y * num_workgroups.x + workgroup_id.x`, and the text
 * guards `group < groups`. The text has one entry point.
 *
 * How a CUDA kernel is called: a one-dimensional grid of exactly the groups; its parameters are the
 * buffers' addresses in order, then the scalars as int. The text is C++ for nvcc and NVRTC.
 */
export const abi = "braid-1";
