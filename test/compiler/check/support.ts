/** What the checker's tests share: text in, diagnostics or a graph out. */

import { check, type CheckOptions } from "../../../compiler/check/check.ts";
import { elaborate } from "../../../compiler/elaborate/elaborate.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { stdSources } from "../../../compiler/std/sources.ts";
import { type Diagnostic, render } from "../../../grammar/index.ts";
import type { Source } from "../../../grammar/source.ts";

/** A checked text. */
export interface Outcome {
  readonly graph: Graph | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** All diagnostics as the user sees them. */
  readonly text: string;
}

/** Elaborates and checks `text`, which may import `files`; a graph is verified. */
export function checkText(
  text: string,
  options: CheckOptions & {
    readonly file?: string;
    readonly files?: ReadonlyMap<string, string>;
  } = {},
): Outcome {
  const file = options.file ?? "test.braid";
  const files = new Map([...(options.files ?? []), [file, text]]);
  const { program, diagnostics: found } = elaborate({ file, text }, (from): Source | undefined => {
    const name = from.replace(/^\.\//, "");
    const imported = files.get(name);
    return imported === undefined ? undefined : { file: name, text: imported };
  });
  const { graph, diagnostics } = check(program, options);
  if (graph !== undefined) verifyGraph(graph, "check");
  const all = [...found, ...diagnostics];
  return { graph, diagnostics: all, text: render(all, new Map([...stdSources, ...files])) };
}

/** The graph of a text without mistakes. */
export function graphOf(text: string, options: CheckOptions = {}): Graph {
  const outcome = checkText(text, options);
  if (outcome.graph === undefined) throw new Error(outcome.text || "no model");
  return outcome.graph;
}

/** The nodes of a graph, one a line. */
export function nodesOf(text: string, options: CheckOptions = {}): string {
  return printGraph(graphOf(text, options));
}

/** The codes of all diagnostics of `text`, with the text that each marks. */
export function problems(text: string, options: CheckOptions = {}): readonly string[] {
  return checkText(text, options).diagnostics.map(
    ({ code, at }) => `${code} at ${JSON.stringify(text.slice(at.span.start, at.span.end))}`,
  );
}
