/**
 * A model in phases: what is computed once per image, per prompt, and per step. A phase is a graph of
 * its own that reads states (`state` nodes), grows caches (`append` nodes) and leaves states.
 */

import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
import type { TensorType } from "../op/type.ts";

/**
 * `static`: depends on no tokens. `prompt`: the given rows of a model whose other rows depend on them.
 * `extend`: new rows over the caches; prefill is its first call where there is no `prompt`. `forward`:
 * all outputs and all rows at once, without caches.
 */
export type PhaseKind = "static" | "prompt" | "extend" | "forward";

export interface Phase {
  readonly name: string;
  readonly kind: PhaseKind;
  /** For people: what it computes and why it is a phase of its own. */
  readonly doc: string;
  readonly graph: Graph;
  /** The values that it leaves as states of kind `value`. */
  readonly writes: readonly { readonly state: string; readonly value: ValueId }[];
  /** Names of inputs that its graph reads. */
  readonly inputs: readonly string[];
  /** Names of states of kind `value` that its graph reads. */
  readonly reads: readonly string[];
}

/** A tensor that one phase leaves and others read; a cache grows along its first axis. */
export interface State {
  readonly name: string;
  readonly kind: "value" | "cache";
  /** Axes of the graph of `phase`; a cache's first axis holds past and new rows. */
  readonly type: TensorType;
  /** The phase that computes or extends it. */
  readonly phase: string;
  /** For a cache that forgets: see `Ring`. */
  readonly ring?: Ring;
}

/**
 * A cache of `slots` rows: row r lies in slot `r mod slots`. A row sees none that is `window` rows or
 * more before it (at least 1), so one call may append `slots - window + 1` rows.
 */
export interface Ring {
  readonly slots: number;
  readonly window: number;
}

/** The phases in the order in which they run, or what keeps the model from being generated with. */
export interface Phases {
  readonly phases: readonly Phase[];
  readonly states: readonly State[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The symbol for the rows that caches hold before a call of `extend`. */
export const past = "past";
