/** What grows while text is generated: the rows of the prompt, and every axis whose size has theirs. */

import { axisAt, type Graph } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { symbolsOf } from "../op/dimension.ts";

/** The rows that a later call adds to. */
export interface Growth {
  /** The axes of the token inputs that grow; without generation, of all token inputs. */
  readonly rows: ReadonlySet<AxisName>;
  /** The symbols in the sizes of `rows`. */
  readonly symbols: ReadonlySet<string>;
  /** All axes whose size depends on `symbols`: sequences and renamed axes as well. */
  readonly axes: ReadonlySet<AxisName>;
}

/** What grows in `graph`; nothing where it has no tokens. */
export function growthOf(graph: Graph): Growth {
  const { generation } = graph;
  const rows = new Set(
    generation === undefined
      ? graph.inputs.flatMap((input) => (input.role === "token" ? input.type.axes : []))
      : [generation.axis],
  );
  const symbols = new Set([...rows].flatMap((axis) => [...symbolsOf(axisAt(graph, axis).size)]));
  const axes = new Set(
    [...graph.axes.values()].flatMap((axis) =>
      [...symbolsOf(axis.size)].some((symbol) => symbols.has(symbol)) ? [axis.name] : [],
    ),
  );
  return { rows, symbols, axes };
}
