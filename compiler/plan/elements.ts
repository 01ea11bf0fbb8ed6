/**
 * What each tensor is stored as, where a target stores floats in 16 bits: all weights, and the values
 * and states that products and attentions multiply and nothing else reads. The residual stream,
 * statistics of rows, logits, and what goes in or comes out stay f32, as do all sums.
 *
 * A tensor is read in several phases and lies in one place for all of them, so the decision is taken
 * over all phases together: everything is taken to be a factor until a reader is found that adds,
 * normalises or gives it away.
 */

import { scalesOf } from "../../runtime/contract.ts";
import type { BufferSource } from "../fusion/region.ts";
import { distinctUsers, isView } from "../fusion/users.ts";
import { type Graph, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { attendArguments } from "../op/op.ts";
import type { Storage, Target } from "../kernel/target.ts";
import type { PreparedPhase } from "./prepare.ts";

/** What floats are stored as; whole numbers are i32 whatever this says. */
export interface StoredElements {
  readonly weights: Storage;
  readonly ofState: (name: string) => Storage;
  /** What a region of the phase called `phase` finds at `source`. */
  readonly of: (phase: string, source: BufferSource) => Storage;
}

/** Decides it for all phases of a model. */
export function storedElements(
  prepared: readonly PreparedPhase[],
  { storage }: Pick<Target, "storage">,
): StoredElements {
  if (storage === undefined) return { weights: "f32", ofState: () => "f32", of: () => "f32" };
  const exact = new Set<string>();
  let factors = new Map<string, readonly boolean[]>();
  for (let before = -1; before !== exact.size; ) {
    before = exact.size;
    factors = new Map(prepared.map((each) => [each.phase.name, factorsOf(each, exact)]));
    for (const each of prepared) {
      const isFactor = factors.get(each.phase.name) ?? [];
      for (const { state, value } of statesIn(each)) {
        if (isFactor[value] !== true) exact.add(state);
      }
    }
  }
  const ofState = (name: string): Storage => (exact.has(name) ? "f32" : storage);
  const of = (phase: string, source: BufferSource): Storage => {
    switch (source.kind) {
      case "weight":
        return source.name.endsWith(scalesOf("")) ? "f32" : storage;
      case "state":
        return ofState(source.name);
      case "value":
        return factors.get(phase)?.[source.value] === true ? storage : "f32";
      case "table":
      case "input":
      case "partial":
        return "f32";
    }
  };
  return { weights: storage, ofState, of };
}

/** The states that a phase makes, extends or reads, and the values that are in their memory. */
function statesIn({
  phase,
}: PreparedPhase): readonly { readonly state: string; readonly value: ValueId }[] {
  const read = phase.graph.nodes.flatMap(({ op }, index) => {
    if (op.kind === "state") return [{ state: op.name, value: valueId(index) }];
    return op.kind === "append" ? [{ state: op.state, value: valueId(index) }] : [];
  });
  return [...phase.writes, ...read];
}

/**
 * For each value of a phase whether all that reads it, through views, multiplies it; `exact` are the
 * states of which that is not so.
 */
function factorsOf({ phase }: PreparedPhase, exact: ReadonlySet<string>): readonly boolean[] {
  const { graph, writes } = phase;
  const users = distinctUsers(graph);
  const given = new Set(graph.outputs.map(({ value }) => value));
  for (const { state, value } of writes) if (exact.has(state)) given.add(value);
  const factors: boolean[] = [];
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const id = valueId(index);
    factors[index] =
      !given.has(id) &&
      nodeAt(graph, id).type.element === "float" &&
      (users[index] ?? []).every((user) => multiplies(graph, user, id, factors, exact));
  }
  return factors;
}

/** Whether `user` only multiplies its argument `id`, or hands it on to what does. */
function multiplies(
  graph: Graph,
  user: ValueId,
  id: ValueId,
  factors: readonly boolean[],
  exact: ReadonlySet<string>,
): boolean {
  const { op, args } = nodeAt(graph, user);
  const handsOn = factors[user] === true;
  if (op.kind === "contract") return true;
  if (op.kind === "attend") {
    const { query, parts } = attendArguments(op, args);
    const operands = [query, ...parts.flatMap(({ key, value }) => [key, value])];
    const times = (list: readonly ValueId[]): number => list.filter((each) => each === id).length;
    return times(operands) === times(args);
  }
  if (op.kind === "append") return handsOn && !exact.has(op.state);
  return handsOn && (isView(op) || ["select", "join", "stack"].includes(op.kind));
}
