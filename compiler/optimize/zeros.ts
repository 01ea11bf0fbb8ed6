/** Zeros over axes, as nodes: for rows whose attention sees no key. */

import type { GraphBuilder } from "../graph/build.ts";
import type { Origin, ValueId } from "../graph/graph.ts";
import { invariant } from "../../grammar/invariant.ts";
import type { TensorType } from "../op/type.ts";

/** Zeros of a number type. A kernel that reads them computes them: they are never stored. */
export function zerosOf(builder: GraphBuilder, type: TensorType, origin: Origin): ValueId {
  invariant(type.element !== "bool", "zeros are numbers");
  const zero = builder.node({ kind: "constant", element: "int", value: 0 }, [], origin);
  let sum = zero;
  for (const axis of type.axes) {
    const index = builder.node({ kind: "index", axis }, [], origin);
    const none = builder.node({ kind: "map", fn: "multiply" }, [index, zero], origin);
    sum = builder.node({ kind: "map", fn: "add" }, [sum, none], origin);
  }
  if (type.element === "int") return sum;
  return builder.node({ kind: "map", fn: "float" }, [sum], origin);
}
