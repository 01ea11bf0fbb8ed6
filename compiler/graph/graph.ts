/**
 * The tensor IR: a list of nodes in dependency order, each one operation on earlier nodes.
 *
 * Invariants (`verify`): arguments come before their users; the types are what the operations give;
 * every axis named is in `axes`; outputs exist. Passes build a new graph and leave the old one alone.
 */

import type { NamedText, Span } from "../../grammar/source.ts";
import type { Axis, AxisName, Placement } from "../op/axis.ts";
import type { Dimension } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import type { TensorType } from "../op/type.ts";

/** The index of a node in its graph. */
export type ValueId = number & { readonly brand: "ValueId" };

/** One call of a block. */
export interface BlockInstance {
  /** The name of the block. */
  readonly block: string;
  /** The checkpoint path of the instance. */
  readonly path: string;
  /** Where it is called. */
  readonly call: Span;
  /** The block whose body calls it; absent where the model does. */
  readonly caller: BlockInstance | undefined;
  /** The block's names of the tensors that it was given. */
  readonly formals: ReadonlyMap<ValueId, string>;
}

/** Where a node comes from. */
export interface Origin {
  readonly span: Span;
  /** The checkpoint path of the block instance, e.g. `model.layers.3.self_attn`; empty in the model. */
  readonly path: string;
  /** The name the user gave the value, for printing and for generated code. */
  readonly name?: string;
  /** The call of a block whose body has it first; absent in the model. */
  readonly instance?: BlockInstance;
  /** Of an attention: where each comparison, membership and constant of its mask is written, in order. */
  readonly mask?: readonly Span[];
  /** Of an attention: what its mask and score call their data, by number. */
  readonly data?: readonly string[];
}

export interface Node {
  readonly op: Op;
  readonly args: readonly ValueId[];
  readonly type: TensorType;
  readonly origin: Origin;
}

/** A stored tensor that the graph reads. */
export interface WeightInfo {
  /** The name in `weight` operations: the first alternative of its path. */
  readonly name: string;
  /**
   * Full checkpoint names to try in order; a stacked weight has for each alternative one name per
   * index, else one.
   */
  readonly alternatives: readonly (readonly string[])[];
  /** The declared axes; the stored shape is a merge of adjacent ones. */
  readonly axes: readonly AxisName[];
}

/** A tensor, prompt or positions given from outside. */
export interface InputInfo {
  readonly name: string;
  readonly role: "tensor" | "token" | "position";
  readonly type: TensorType;
  readonly doc: string;
}

/** What leaves the graph, by name; `index` for `output hidden[l]`. */
export interface Output {
  readonly name: string;
  readonly value: ValueId;
}

/** The sequences that have placements, so that the runtime can fill their positions. */
export interface SequenceInfo {
  readonly axis: AxisName;
  readonly placements: readonly Placement[];
}

/** `generate prompt from logits`. */
export interface Generation {
  /** The name of the token input that grows. */
  readonly tokens: string;
  /** The axis of that input: given rows, then new ones. */
  readonly axis: AxisName;
  readonly logits: ValueId;
  readonly span: Span;
}

/** A number that must equal a key of the checkpoint's `config.json`. */
export interface ConfigCheck {
  readonly key: string;
  readonly value: number;
  readonly span: Span;
}

export interface Graph {
  /** The model's name. */
  readonly name: string;
  readonly axes: ReadonlyMap<AxisName, Axis>;
  readonly nodes: readonly Node[];
  readonly outputs: readonly Output[];
  readonly weights: ReadonlyMap<string, WeightInfo>;
  readonly inputs: readonly InputInfo[];
  readonly sequences: readonly SequenceInfo[];
  readonly generation?: Generation;
  readonly configChecks: readonly ConfigCheck[];
  /** The texts of the files that origins name, so that generated code can quote them. */
  readonly sources: ReadonlyMap<string, NamedText>;
}

/** The id of the node at `index`. */
export function valueId(index: number): ValueId {
  return index as ValueId;
}

/** The node `id` stands for. */
export function nodeAt(graph: Graph, id: ValueId): Node {
  const node = graph.nodes[id];
  if (node === undefined) throw new RangeError(`the graph ${graph.name} has no value %${id}`);
  return node;
}

/** The axis called `name`. */
export function axisAt(graph: Pick<Graph, "axes" | "name">, name: AxisName): Axis {
  const axis = graph.axes.get(name);
  if (axis === undefined) throw new RangeError(`the graph ${graph.name} has no axis ${name}`);
  return axis;
}

/** The size of the axis called `name`. */
export function sizeOf(graph: Pick<Graph, "axes" | "name">, name: AxisName): Dimension {
  return axisAt(graph, name).size;
}
