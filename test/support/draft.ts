/** Graphs written tersely for tests: a builder whose values are ids, and whose origins say only where. */

import { GraphBuilder } from "../../compiler/graph/build.ts";
import type { Graph, ValueId } from "../../compiler/graph/graph.ts";
import type { Segment } from "../../compiler/op/axis.ts";
import { constant, type Dimension, symbol } from "../../compiler/op/dimension.ts";
import type { AttendOp, MapFunction, Op, ReduceFunction } from "../../compiler/op/op.ts";
import type { Element } from "../../compiler/op/type.ts";

const span = { file: "test", start: 0, end: 0 };

/** A graph under construction. A size that is a word is a run-time symbol. */
export class Draft {
  readonly builder: GraphBuilder;
  private path = "";

  constructor(name = "Test") {
    this.builder = new GraphBuilder(name);
  }

  axis(name: string, size: number | string | Dimension, segments: readonly Segment[] = []): string {
    const dimension =
      typeof size === "number" ? constant(size) : typeof size === "string" ? symbol(size) : size;
    return this.builder.addAxis({
      name,
      label: name,
      size: dimension,
      lineage: { kind: "own" },
      segments,
    });
  }

  node(op: Op, ...args: readonly ValueId[]): ValueId {
    return this.builder.node(op, args, { span, path: this.path });
  }

  /** What `body` makes lies in the block `path`. */
  at<T>(path: string, body: () => T): T {
    const before = this.path;
    this.path = path;
    const made = body();
    this.path = before;
    return made;
  }

  input(
    name: string,
    axes: readonly string[],
    element: Element = "float",
    role: "tensor" | "token" | "position" = "tensor",
  ): ValueId {
    this.builder.addInput({ name, role, type: { element, axes }, doc: "" });
    return this.node({ kind: "input", name, role });
  }

  weight(name: string, axes: readonly string[]): ValueId {
    this.builder.addWeight({ name, alternatives: [[name]], axes });
    return this.node({ kind: "weight", name });
  }

  constant(value: number, element: Element = "float"): ValueId {
    return this.node({ kind: "constant", element, value });
  }

  map(fn: MapFunction, ...args: readonly ValueId[]): ValueId {
    return this.node({ kind: "map", fn }, ...args);
  }

  reduce(fn: ReduceFunction, x: ValueId, ...over: readonly string[]): ValueId {
    return this.node({ kind: "reduce", fn, over }, x);
  }

  contract(left: ValueId, right: ValueId, ...over: readonly string[]): ValueId {
    return this.node({ kind: "contract", over }, left, right);
  }

  attend(
    op: Pick<AttendOp, "query" | "contracted" | "value" | "parts"> & Partial<AttendOp>,
    ...args: readonly ValueId[]
  ): ValueId {
    const whole: AttendOp = {
      data: [],
      scale: 1,
      normalize: "softmax",
      sink: false,
      result: "output",
      ...op,
      kind: "attend",
    };
    return this.node(whole, ...args);
  }

  output(name: string, value: ValueId): ValueId {
    this.builder.addOutput(name, value);
    return value;
  }

  finish(): Graph {
    return this.builder.finish();
  }
}
