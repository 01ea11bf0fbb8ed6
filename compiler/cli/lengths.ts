/** `--length`, as verbs read it. */

import type { Graph } from "../graph/graph.ts";
import { type Lengths, readLengths } from "../report/lengths.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The lengths that `text` gives, such as `image=4,text=64`; the usual ones where it gives none. A model
 * that generates has a token at least. Throws a `UsageError` for words that mean nothing.
 */
export function lengthsOf(graph: Graph, text: string = ""): Lengths {
  const read = readLengths(graph, text, graph.generation === undefined ? 0 : 1);
  if (read.kind === "mistake") throw new UsageError(read.message, read.hint);
  return read.lengths;
}
