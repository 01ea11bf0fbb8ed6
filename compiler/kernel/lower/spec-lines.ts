/**
 * The lines of the spec that say what a kernel computes, quoted for the reader of its text: those of
 * the user, and those of the library's blocks that they call.
 */

import { lineAt, type Span } from "../../../grammar/source.ts";
import { makesItsResult, type Region, resultsOf } from "../../fusion/region.ts";
import { nodeAt, type Origin, type ValueId } from "../../graph/graph.ts";
import type { OpKind } from "../../op/op.ts";
import type { Context } from "./context.ts";
import { sourceOf } from "./read.ts";

/** What computes something: a line that only arranges rows, or has a number of all, says little. */
const works: ReadonlySet<OpKind> = new Set([
  ...(["map", "reduce", "cumulative", "contract", "select"] as const),
  ...(["attend", "top", "sort"] as const),
]);

/** Lines of the user, and as many of the library: a kernel of many has the first ones. */
const most = 6;

/** Characters of a line. */
const width = 100;

/** `spec.braid:12  y = linear(x)`, in the order of the files, for all that `region` computes. */
export function specLines(context: Context, region: Region): readonly string[] {
  const nodes = [...computed(context, region)].map((value) => nodeAt(context.graph, value));
  const working = nodes.filter(({ op }) => works.has(op.kind));
  const places = new Map<string, Span>();
  for (const { origin } of working.length > 0 ? working : nodes) {
    for (const span of placesOf(origin)) places.set(`${span.file}:${span.start}`, span);
  }
  const lines = new Map<string, Line>();
  for (const { file, start } of places.values()) {
    const source = context.graph.sources.get(file);
    if (source === undefined) continue;
    const { number, text } = lineAt(source.text, start);
    lines.set(`${source.name}:${number}`, { file: source.name, number, text });
  }
  const all = [...lines.values()].sort((a, b) => compare(a.file, b.file) || a.number - b.number);
  return [
    ...quoted(all.filter(({ file }) => !isLibrary(file))),
    ...quoted(all.filter(({ file }) => isLibrary(file))),
  ];
}

interface Line {
  readonly file: string;
  readonly number: number;
  readonly text: string;
}

/** By code units, whatever the language of the machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function quoted(lines: readonly Line[]): readonly string[] {
  const shown = lines.slice(0, lines.length === most + 1 ? most + 1 : most);
  const rest = lines.length - shown.length;
  return [
    ...shown.map(({ file, number, text }) => {
      const short = text.length > width ? `${text.slice(0, width - 1).trimEnd()}…` : text;
      return `${file}:${number}  ${short}`;
    }),
    ...(rest === 0 ? [] : [`and ${rest} more lines of ${lines[0]?.file}`]),
  ];
}

function isLibrary(file: string): boolean {
  return file.startsWith("std/");
}

/** Where a node is written, and where the user calls the block of the library that has it. */
function placesOf({ span, instance, mask = [] }: Origin): readonly Span[] {
  let [place, at] = [span, instance];
  while (at !== undefined && isLibrary(place.file)) [place, at] = [at.call, at.caller];
  return [span, place, ...mask];
}

/** What the region computes, and what it is a part of: all that does not lie in memory before. */
function computed(context: Context, region: Region): ReadonlySet<ValueId> {
  const found = new Set<ValueId>();
  const visit = (value: ValueId): void => {
    if (found.has(value)) return;
    found.add(value);
    for (const each of nodeAt(context.graph, value).args) {
      if (sourceOf(context, each) === undefined || made.has(each)) visit(each);
    }
  };
  const made = new Set([region.root, ...(region.steps ?? []).map(({ root }) => root)]);
  for (const each of resultsOf(region)) {
    visit(each.result);
    if (!makesItsResult(each)) found.add(each.store.value);
  }
  return found;
}
