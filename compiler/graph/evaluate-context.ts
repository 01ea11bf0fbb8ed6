/** What the evaluation of a node may use besides its arguments. */

import type { AxisName } from "../op/axis.ts";
import type { Dimension } from "../op/dimension.ts";
import type { Graph } from "./graph.ts";
import type { Tensor } from "./tensor.ts";

/** What a graph is evaluated on. */
export interface Environment {
  /** The value of every symbol that an axis size contains, but those that the graph measures. */
  readonly sizes: ReadonlyMap<string, number>;
  /** By input name, positions included. Shapes are those of the inputs' axes. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** A weight by name; any shape with the declared axes' number of elements. */
  readonly weights: (name: string) => Tensor;
  /** What earlier phases left, by state name: for `state` and for the rows so far of `append`. */
  readonly states?: ReadonlyMap<string, Tensor>;
  /** How many rows of the generation axis were given; all of them if absent. */
  readonly given?: number;
}

/** The environment with what one evaluation has derived from it. */
export interface EvaluateContext {
  readonly graph: Graph;
  readonly environment: Environment;
  /** Whether every step of float arithmetic is rounded to float32. */
  readonly single: boolean;
  /** Rounds one float to the precision of the evaluation. */
  readonly round: (value: number) => number;
  /** The number of rows of an axis. */
  readonly extent: (axis: AxisName) => number;
  /** What a size is; everything that it depends on must have been measured. */
  readonly sizeOf: (size: Dimension) => number;
  /** Lets `symbol` stand for `value`. */
  readonly measure: (symbol: string, value: number) => void;
}
