/** Probabilities of an attention as elementwise operations and reductions. */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import { onlyPart } from "../graph/attend-type.ts";
import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, Node, Origin, ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import { type Algebra, element, elementTerm, type ElementValues } from "../mask/index.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, constant, divide, multiply, sumOf } from "../op/dimension.ts";
import {
  attendArguments,
  type AttendArguments,
  type AttendOp,
  type MapFunction,
} from "../op/op.ts";
import type { Score, ScoreBinary } from "../op/predicate.ts";
import { equalTypes } from "../op/type.ts";
import { removeDead } from "./remove-dead.ts";

/** Below every logit, and finite: WGSL cannot write an infinity. */
const lowest = -3.4028234663852886e38;

/**
 * An attention that gives its probabilities becomes a product, a comparison of rows and a softmax: what
 * is asked for is a number for each pair, so nothing is gained by never having them in memory.
 *
 * Sound because it is the definition (`graph/evaluate-attend.ts`) in other operations. Runs on the
 * graphs of phases, after all that reasons about masks.
 */
export function expandWeights(graph: Graph): Graph {
  let found = false;
  const expanded = rewriteGraph(graph, "expandWeights", (node, _old, builder) => {
    const { op } = node;
    if (op.kind !== "attend" || op.result !== "weights") return undefined;
    found = true;
    const weights = new Expansion(builder, node, op).weights();
    const { axes } = node.type;
    if (equalTypes(builder.typeOf(weights), node.type)) return weights;
    return ordered(builder, weights, axes, node.origin);
  });
  return found ? removeDead(expanded) : graph;
}

/** `value` with its axes in the order `axes`; views only. */
function ordered(
  builder: GraphBuilder,
  value: ValueId,
  axes: readonly AxisName[],
  origin: Origin,
): ValueId {
  const sizes = axes.map((axis) => builder.axis(axis)?.size ?? constant(1));
  const size = sizes.reduce((product, each) => multiply(product, each), constant(1));
  const into = builder.addFreshAxis({
    label: "Pairs",
    size,
    lineage: { kind: "own" },
    segments: [],
  });
  const flat = builder.node({ kind: "merge", axes, into }, [value], origin);
  return builder.node({ kind: "split", axis: into, into: axes }, [flat], origin);
}

class Expansion {
  readonly #builder: GraphBuilder;
  readonly #origin: Origin;
  readonly #op: AttendOp;
  readonly #args: AttendArguments<ValueId>;
  readonly #key: AxisName;

  constructor(builder: GraphBuilder, node: Node, op: AttendOp) {
    this.#builder = builder;
    this.#origin = node.origin;
    this.#op = op;
    this.#args = attendArguments(op, node.args);
    this.#key = onlyPart(op).axis;
  }

  weights(): ValueId {
    const op = this.#op;
    const part = onlyPart(op);
    const product = this.#builder.node(
      { kind: "contract", over: [op.contracted] },
      [this.#args.query, this.#keys()],
      this.#origin,
    );
    const scaled = this.map("multiply", product, this.real(op.scale));
    const logit = op.score === undefined ? scaled : this.#score(op.score, scaled);
    const sees = element(part.mask, this.#algebra, this.#pair);
    if (op.normalize !== "softmax") {
      const weight = this.map(op.normalize, logit);
      return this.map("where", sees, weight, this.real(0));
    }
    const { sink } = this.#args;
    const shown = this.map("where", sees, logit, this.real(lowest));
    const over = [this.#key];
    const top = this.reduce("max", shown, over);
    const most = sink === undefined ? top : this.map("max", top, sink);
    const powers = this.map("exp", this.map("subtract", shown, most));
    const seen = this.map("where", sees, powers, this.real(0));
    const summed = this.reduce("sum", seen, over);
    const total =
      sink === undefined
        ? summed
        : this.map("add", summed, this.map("exp", this.map("subtract", sink, most)));
    // A row that sees nothing has zeros to divide, by anything but zero.
    const isEmpty = this.map("less_equal", total, this.real(0));
    return this.map("divide", seen, this.map("where", isEmpty, this.real(1), total));
  }

  /** The keys, each under all query heads that read it. */
  #keys(): ValueId {
    const { group } = this.#op;
    const [part] = this.#args.parts;
    invariant(part !== undefined, "an attention has keys");
    if (group === undefined) return part.key;
    const size = (axis: AxisName) => this.#builder.axis(axis)?.size ?? constant(1);
    const ratio = asConstant(divide(size(group.query), size(group.key)));
    invariant(ratio !== undefined, "the heads of an attention have constant sizes");
    const head = this.#builder.node({ kind: "index", axis: group.query }, [], this.#origin);
    const index = this.map("floor_divide", head, this.integer(ratio));
    const select = { kind: "select", axis: group.key, padded: false } as const;
    return this.#builder.node(select, [part.key, index], this.#origin);
  }

  map(fn: MapFunction, ...args: readonly ValueId[]): ValueId {
    return this.#builder.node({ kind: "map", fn }, args, this.#origin);
  }

  reduce(fn: "max" | "sum", x: ValueId, over: readonly AxisName[]): ValueId {
    return this.#builder.node({ kind: "reduce", fn, over }, [x], this.#origin);
  }

  real(value: number): ValueId {
    return this.#builder.node({ kind: "constant", element: "float", value }, [], this.#origin);
  }

  integer(value: number): ValueId {
    return this.#builder.node({ kind: "constant", element: "int", value }, [], this.#origin);
  }

  readonly #pair: ElementValues<ValueId> = {
    position: (side) => (side === "q" ? this.#args.queryPosition : this.#part().position),
    data: (index, side) => {
      const value = side === "k" ? this.#part().data.get(index) : this.#args.data.get(index);
      invariant(value !== undefined, "expandWeights: the data of a mask");
      return value;
    },
    table: (index, places) => {
      const table = this.#args.data.get(index);
      invariant(table !== undefined, "expandWeights: the table of a mask");
      return places.reduce((rows, { axis, at }) => {
        const select = { kind: "select", axis, padded: true } as const;
        return this.#builder.node(select, [rows, at], this.#origin);
      }, table);
    },
    inSegment: (side, segment) => this.#inSegment(side, segment),
    given: (side) =>
      invariant(false, `expandWeights: \`${side} in given\` is decided before`) as never,
  };

  #part(): AttendArguments<ValueId>["parts"][number] {
    const [part] = this.#args.parts;
    invariant(part !== undefined, "an attention has keys");
    return part;
  }

  #inSegment(side: "q" | "k", segment: string): ValueId {
    const op = this.#op;
    const own = side === "q" ? op.querySegment : onlyPart(op).segment;
    if (own !== undefined) return this.truth(own === segment);
    const axis = side === "q" ? op.query : this.#key;
    const segments = this.#builder.axis(axis)?.segments ?? [];
    const place = segments.findIndex((each) => each.name === segment);
    if (place < 0) return this.truth(false);
    const sizes = segments.map((each) => this.#builder.axis(each.axis)?.size ?? constant(0));
    const row = this.#builder.node({ kind: "index", axis }, [], this.#origin);
    const size = (count: number): ValueId => {
      const total = sumOf(sizes.slice(0, count));
      const known = asConstant(total);
      if (known !== undefined) return this.integer(known);
      return this.#builder.node({ kind: "size", size: total }, [], this.#origin);
    };
    return this.map(
      "and",
      this.map("less_equal", size(place), row),
      this.map("less", row, size(place + 1)),
    );
  }

  truth(value: boolean): ValueId {
    const op = { kind: "constant", element: "bool", value: Number(value) } as const;
    return this.#builder.node(op, [], this.#origin);
  }

  readonly #algebra: Algebra<ValueId> = {
    integer: (value) => this.integer(value),
    truth: (value) => this.truth(value),
    add: (a, b) => this.map("add", a, b),
    subtract: (a, b) => this.map("subtract", a, b),
    multiply: (a, b) => this.map("multiply", a, b),
    floorDivide: (a, b) => this.map("floor_divide", a, b),
    remainder: (a, b) => this.map("remainder", a, b),
    min: (a, b) => this.map("min", a, b),
    max: (a, b) => this.map("max", a, b),
    less: (a, b) => this.map("less", a, b),
    lessEqual: (a, b) => this.map("less_equal", a, b),
    equal: (a, b) => this.map("equal", a, b),
    notEqual: (a, b) => this.map("not_equal", a, b),
    and: (a, b) => this.map("and", a, b),
    or: (a, b) => this.map("or", a, b),
    not: (a) => this.map("not", a),
    select: (condition, then, otherwise) => this.map("where", condition, then, otherwise),
  };

  #score(score: Score, logit: ValueId): ValueId {
    const real = (id: ValueId): ValueId =>
      this.#builder.typeOf(id).element === "float" ? id : this.map("float", id);
    const visit = (each: Score): ValueId => {
      switch (each.kind) {
        case "logit":
          return logit;
        case "number":
          return this.real(each.value);
        case "position":
          return real(this.#pair.position(each.side));
        case "data":
          return real(this.#pair.data(each.index, each.side));
        case "lookup": {
          const at = elementTerm(each.at, this.#algebra, this.#pair);
          const select = { kind: "select", axis: each.axis, padded: false } as const;
          const data = this.#pair.data(each.index, "none");
          return this.#builder.node(select, [data, at], this.#origin);
        }
        case "unary":
          return this.map(each.operator, visit(each.operand));
        case "binary":
          return this.map(binary[each.operator], visit(each.left), visit(each.right));
        case "where": {
          const condition = element(each.condition, this.#algebra, this.#pair);
          return this.map("where", condition, visit(each.then), visit(each.otherwise));
        }
        default:
          return unreachable(each);
      }
    };
    return visit(score);
  }
}

const binary: Readonly<Record<ScoreBinary, MapFunction>> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "/": "divide",
  min: "min",
  max: "max",
};
