/** What the token data of an attention is called. */

import type { DataName } from "../op/show-predicate.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import { type Graph, nodeAt, type ValueId } from "./graph.ts";

/**
 * The name of each data use of an attention: the input that it comes from, else what the mask calls
 * it, else its number.
 */
export function dataNames(
  graph: Graph,
  op: AttendOp,
  args: readonly ValueId[],
  names: readonly string[] = [],
): DataName {
  const { data, parts } = attendArguments(op, args);
  const ids = new Map([...data, ...parts.flatMap((part) => [...part.data])]);
  return (index) => {
    const id = ids.get(index);
    return (id === undefined ? undefined : inputOf(graph, id)) ?? names[index] ?? `data${index}`;
  };
}

/** The input that a value comes from by its first arguments, if there is one. */
export function inputOf(graph: Graph, id: ValueId): string | undefined {
  const { op, args } = nodeAt(graph, id);
  if (op.kind === "input") return op.name;
  const [arg] = args;
  return arg === undefined ? undefined : inputOf(graph, arg);
}
