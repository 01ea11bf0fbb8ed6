/**
 * The type that each operation gives, from the types of its arguments. Ill-formed applications throw
 * `InvariantError`: whoever builds a graph (the checker, a pass) has already excluded them.
 *
 * Storage order: elementwise results have the first argument's axes in order, then the new ones of
 * the next; a contraction has the left's remaining axes, then the right's; a selection puts the new
 * axes of the index where the selected axis stood; a merge takes the place of the last merged axis.
 */

import { invariant } from "../../grammar/invariant.ts";
import type { AxisName } from "../op/axis.ts";
import { type Op, type OpOf, type OpTable, applyTable, placeFunctions } from "../op/op.ts";
import { type Element, scalarType, type TensorType } from "../op/type.ts";
import { attendType } from "./attend-type.ts";
import type { Graph } from "./graph.ts";
import { mapElement } from "./map-element.ts";

/** What leaves (inputs and weights) need to be looked up in. */
export type TypeContext = Pick<Graph, "inputs" | "weights">;

/** The type of `op` applied to arguments of the types `args`. */
export function resultType(op: Op, args: readonly TensorType[], context: TypeContext): TensorType {
  const result = applyTable(table, op, args, context);
  invariant(
    new Set(result.axes).size === result.axes.length,
    `\`${op.kind}\` gives an axis twice: [${result.axes.join(", ")}]`,
  );
  return result;
}

type Types = readonly TensorType[];

const table: OpTable<[Types, TypeContext], TensorType> = {
  input: (op, args, context) => {
    takes(op, args, 0);
    const info = context.inputs.find((input) => input.name === op.name);
    invariant(info !== undefined, `the graph has no input \`${op.name}\``);
    return info.type;
  },
  weight: (op, args, context) => {
    takes(op, args, 0);
    const info = context.weights.get(op.name);
    invariant(info !== undefined, `the graph has no weight \`${op.name}\``);
    return { element: "float", axes: info.axes };
  },
  constant: (op, args) => {
    takes(op, args, 0);
    return scalarType(op.element);
  },
  table: (op, args) => {
    takes(op, args, 0);
    return { element: op.element, axes: op.axes };
  },
  size: (_, args) => {
    args.forEach(isCount);
    return scalarType("int");
  },
  index: (op, args) => {
    args.forEach(isCount);
    return { element: "int", axes: [op.axis] };
  },
  measure: (op, args) => {
    const [count] = takes(op, args, 1);
    isCount(count);
    return count;
  },
  map: (op, args) => ({
    element: mapElement(
      op.fn,
      args.map((arg) => arg.element),
    ),
    axes: union(args.map((arg) => arg.axes)),
  }),
  reduce: (op, args) => {
    const [x] = takes(op, args, 1);
    for (const axis of op.over) has(op, x, axis);
    const isPlace = placeFunctions.has(op.fn);
    invariant(x.element !== "bool", `\`${op.fn}\` reduces a bool`);
    invariant(op.fn !== "mean" || x.element === "float", "`mean` of an int");
    invariant(!isPlace || op.over.length === 1, `\`${op.fn}\` goes over one axis`);
    invariant(op.fn !== "greedy" || x.element === "float", "`greedy` of an int");
    return {
      element: isPlace ? "int" : x.element,
      axes: x.axes.filter((axis) => !op.over.includes(axis)),
    };
  },
  cumulative: (op, args) => {
    const [x] = takes(op, args, 1);
    has(op, x, op.axis);
    invariant(x.element !== "bool", "`cumulative` of a bool");
    return x;
  },
  contract: (op, args) => {
    const [left, right] = takes(op, args, 2);
    for (const axis of op.over) {
      has(op, left, axis);
      has(op, right, axis);
    }
    invariant(left.element === "float" && right.element === "float", "`contract` takes two floats");
    const axes = union([left.axes, right.axes]).filter((axis) => !op.over.includes(axis));
    return { element: "float", axes };
  },
  rename: (op, args) => replace(op, takes(op, args, 1)[0], op.from, [op.to]),
  split: (op, args) => replace(op, takes(op, args, 1)[0], op.axis, op.into),
  merge: (op, args) => {
    const [x] = takes(op, args, 1);
    invariant(op.axes.length > 0, "`merge` of no axes");
    for (const axis of op.axes) has(op, x, axis);
    const last = x.axes.findLast((axis) => op.axes.includes(axis));
    const axes = x.axes.flatMap((axis) => {
      if (axis === last) return [op.into];
      return op.axes.includes(axis) ? [] : [axis];
    });
    return { element: x.element, axes };
  },
  slice: (op, args) => replace(op, takes(op, args, 1)[0], op.axis, [op.into]),
  select: (op, args) => {
    const [x, index] = takes(op, args, 2);
    invariant(index.element === "int", "`select` takes an int index");
    const fresh = index.axes.filter((axis) => axis === op.axis || !x.axes.includes(axis));
    return replace(op, x, op.axis, fresh);
  },
  join: (op, args) => {
    takes(op, args, op.parts.length);
    const lists = args.map((arg, i) => {
      const part = op.parts[i];
      const stray = arg.axes.find(
        (axis) => axis !== part && (axis === op.into || op.parts.includes(axis)),
      );
      invariant(stray === undefined, `\`join\`: an argument has ${stray} besides its part ${part}`);
      return arg.axes.map((axis) => (axis === part ? op.into : axis));
    });
    const axes = union(lists);
    return {
      element: sameElement(op, args),
      axes: axes.includes(op.into) ? axes : [op.into, ...axes],
    };
  },
  stack: (op, args) => {
    invariant(
      args.every((arg) => !arg.axes.includes(op.into)),
      `\`stack\`: an argument has ${op.into} already`,
    );
    return {
      element: sameElement(op, args),
      axes: [op.into, ...union(args.map((arg) => arg.axes))],
    };
  },
  attend: attendType,
  top: (op, args) => {
    const x = replace(op, takes(op, args, 1)[0], op.axis, [op.into]);
    return op.result === "indices" ? { element: "int", axes: x.axes } : x;
  },
  sort: (op, args) => {
    const [x] = takes(op, args, 1);
    has(op, x, op.axis);
    return op.result === "indices" ? { element: "int", axes: x.axes } : x;
  },
  state: (op, args) => {
    takes(op, args, 0);
    return op.type;
  },
  append: (op, args) => replace(op, takes(op, args, 1)[0], op.axis, [op.into]),
};

/** All axes of the lists, each once, in order of first appearance: the axes of an elementwise result. */
export function union(lists: readonly (readonly AxisName[])[]): readonly AxisName[] {
  const [only, more] = lists;
  if (only !== undefined && more === undefined) return only;
  return [...new Set(lists.flat())];
}

type Tuple<N extends number> = N extends 1
  ? readonly [TensorType]
  : N extends 2
    ? readonly [TensorType, TensorType]
    : Types;

function takes<N extends number>(op: Op, args: Types, count: N): Tuple<N>;
function takes(op: Op, args: Types, count: number): Types {
  invariant(args.length === count, `\`${op.kind}\` takes ${count} arguments, not ${args.length}`);
  return args;
}

function isCount({ element, axes }: TensorType): void {
  invariant(element === "int" && axes.length === 0, "a count is one int");
}

function has(op: Op, x: TensorType, axis: AxisName): void {
  invariant(x.axes.includes(axis), `\`${op.kind}\`: no axis ${axis} in [${x.axes.join(", ")}]`);
}

function replace(op: Op, x: TensorType, axis: AxisName, by: readonly AxisName[]): TensorType {
  has(op, x, axis);
  return { element: x.element, axes: x.axes.flatMap((each) => (each === axis ? by : [each])) };
}

function sameElement(op: OpOf<"join" | "stack">, args: Types): Element {
  const [first] = args;
  invariant(first !== undefined, `\`${op.kind}\` of nothing`);
  invariant(
    args.every((arg) => arg.element === first.element),
    `\`${op.kind}\` of different elements`,
  );
  return first.element;
}
