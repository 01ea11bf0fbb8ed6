/**
 * Whether rows that were computed stay what they are when new rows arrive: the condition for caches.
 * No given row and no value of the prompt as a whole may depend on a new row, and no new row on a
 * later one; and every operation but attention must treat the growing rows alike.
 */

import { type Diagnostic, error, type Label } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import {
  axisAt,
  type Graph,
  type Node,
  nodeAt,
  type Origin,
  sizeOf,
  type ValueId,
} from "../graph/graph.ts";
import { dataNames } from "../graph/data-names.ts";
import { type Facts, queryFirst, type Refutation, refute } from "../mask/index.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { asConstant, symbolsOf } from "../op/dimension.ts";
import type { AttendOp } from "../op/op.ts";
import { always } from "../op/predicate.ts";
import { type DataName, showPredicate } from "../op/show-predicate.ts";
import { AttendCells, type Cell, isJoined, type QueryCells } from "./attend-cells.ts";
import type { Growth } from "./growth.ts";
import { guiltyPart } from "./guilty-part.ts";

/** Whom a new key row would be seen by. */
export type Breach = "given row" | "earlier row" | "row of another segment";

/** A pair of segments whose mask lets rows that are there see rows that come later. */
export interface UnstablePair extends Refutation {
  readonly attend: ValueId;
  readonly query: string;
  readonly key: string;
  readonly breach: Breach;
}

/** What the proof found: the pairs that were looked at, and what breaks. */
export interface StabilityProof {
  readonly proved: number;
  readonly pairs: readonly UnstablePair[];
  /** Operations that mix growing rows, with what they read. */
  readonly mixing: readonly { readonly value: ValueId; readonly what: string }[];
}

/** Checks the values `computed` of a graph whose attention is split by segments. */
export function proveStability(
  graph: Graph,
  growth: Growth,
  computed: readonly ValueId[],
): StabilityProof {
  const pairs: UnstablePair[] = [];
  const mixing: { value: ValueId; what: string }[] = [];
  let proved = 0;
  const cells = new AttendCells(graph);
  const breaches = new Map<Cell, ReturnType<typeof breachOf>>();
  for (const id of computed) {
    const node = nodeAt(graph, id);
    const what = mixedRows(graph, node, growth) ?? mixedKeys(graph, node, growth);
    if (what !== undefined) mixing.push({ value: id, what });
    if (node.op.kind !== "attend") continue;
    for (const query of cells.of(node.op))
      for (const cell of query.cells) {
        if (!growth.axes.has(cell.keys.axis)) continue;
        if (!breaches.has(cell)) breaches.set(cell, breachOf(node.op, query, cell, growth));
        const found = breaches.get(cell);
        if (found === undefined) proved++;
        else pairs.push({ attend: id, ...found });
      }
  }
  return { proved, pairs, mixing };
}

function breachOf(
  op: AttendOp,
  { rows }: QueryCells,
  { keys, mask, facts }: Cell,
  growth: Growth,
): Omit<UnstablePair, "attend"> | undefined {
  const names = { query: rows.segment ?? op.query, key: keys.segment ?? keys.of };
  const grows = growth.axes.has(rows.axis);
  const ofGiven: Facts = { ...facts, queryGiven: true, keyGiven: false };
  const seen = refute(mask, always, ofGiven);
  if (seen !== undefined)
    return { ...names, breach: grows ? "given row" : "row of another segment", ...seen };
  if (!grows) return undefined;
  const ofNew: Facts = { ...facts, queryGiven: false, keyGiven: false };
  const ahead = refute(mask, queryFirst, ofNew);
  return ahead && { ...names, breach: "earlier row", ...ahead };
}

/** What a node other than an attention reads across growing rows; undefined if it treats them alike. */
export function mixedRows(graph: Graph, node: Node, growth: Growth): string | undefined {
  const grows = (axis: AxisName): boolean => growth.axes.has(axis);
  const label = (axis: AxisName): string => axisAt(graph, axis).label;
  const { op } = node;
  const pairs = node.type.axes.filter((axis) =>
    growth.rows.has(rowsOf(axisAt(graph, axis), graph.axes).name),
  );
  if (pairs.length > 1 && op.kind !== "attend")
    return `pairs of rows of \`${label(pairs[0] ?? "")}\``;
  switch (op.kind) {
    case "reduce": {
      const over = op.over.find(grows);
      return over === undefined ? undefined : `\`${op.fn}\` over \`${label(over)}\``;
    }
    case "size":
      return [...symbolsOf(op.size)].some((symbol) => growth.symbols.has(symbol))
        ? `the size \`${op.size.key}\``
        : undefined;
    case "cumulative":
    case "sort":
    case "top":
    case "select":
      return grows(op.axis) ? `\`${op.kind}\` along \`${label(op.axis)}\`` : undefined;
    case "slice": {
      const own =
        !grows(op.axis) || grows(op.into) || graph.axes.get(op.axis)?.segments.length !== 0;
      const fixed = asConstant(op.start) !== undefined && !growsIn(graph, op.into, growth);
      return own || fixed ? undefined : `rows of \`${label(op.axis)}\` counted from its end`;
    }
    case "merge":
      return op.axes.some(grows)
        ? `\`merge\` of \`${label(op.axes.find(grows) ?? "")}\``
        : undefined;
    case "split":
      return grows(op.axis) ? `\`split\` of \`${label(op.axis)}\`` : undefined;
    default:
      return undefined;
  }
}

/** Attention that could not be split by segments gives one probability for each row of a sequence. */
function mixedKeys(graph: Graph, { op }: Node, growth: Growth): string | undefined {
  if (op.kind !== "attend" || !isJoined(graph, growth, op)) return undefined;
  return `attention weights over \`${op.parts.map((part) => axisAt(graph, part.axis).label).join("` and `")}\``;
}

function growsIn(graph: Graph, axis: AxisName, growth: Growth): boolean {
  return [...symbolsOf(sizeOf(graph, axis))].some((symbol) => growth.symbols.has(symbol));
}

/** Where a node comes from, as its author sees it: the call of the outermost block it is made in. */
function userSpan({ span, instance }: Origin): Span {
  let [place, at] = [span, instance];
  while (at !== undefined) [place, at] = [at.call, at.caller];
  return place;
}

/** Two rows that show it, where positions alone decide, else when a pair does. */
function exampleOf({ example, remaining }: UnstablePair, name: DataName | undefined): string {
  if (example !== undefined) return ` (row ${example.q} sees row ${example.k})`;
  return remaining.kind === "constant" ? "" : ` where \`${showPredicate(remaining, name)}\``;
}

/**
 * The proof's findings as diagnostics, one for each mask and pair, however many layers share it, with
 * the guilty part as the graph `written` has it.
 */
export function stabilityErrors(
  graph: Graph,
  proof: StabilityProof,
  written: Graph,
): readonly Diagnostic[] {
  const at = (value: ValueId): Label => ({ span: nodeAt(graph, value).origin.span, note: "" });
  const rows = graph.generation === undefined ? "T" : axisAt(graph, graph.generation.axis).label;
  const also =
    graph.generation === undefined
      ? []
      : [{ span: graph.generation.span, note: "generation caches what was computed" }];
  const seen = new Set<string>();
  const once = (key: string): boolean => !seen.has(key) && seen.add(key).size > 0;
  const pairs = proof.pairs.flatMap((pair) => {
    const { op, args, origin } = nodeAt(graph, pair.attend);
    const name = op.kind === "attend" ? dataNames(graph, op, args, origin.data) : undefined;
    const part = guiltyPart(written, origin, pair);
    const guilty = part?.text ?? showPredicate(pair.guilty, name);
    if (!once(`${pair.query} ${pair.key} ${pair.breach} ${guilty}`)) return [];
    const attention = { span: userSpan(origin), note: "attends with this mask" };
    const who =
      pair.breach === "row of another segment"
        ? `a \`${pair.query}\` row`
        : pair.breach === "given row"
          ? `a given \`${pair.query}\` row`
          : `a new \`${pair.query}\` row`;
    const what =
      pair.breach === "earlier row" ? `a later \`${pair.key}\` row` : `a new \`${pair.key}\` row`;
    const hint =
      pair.breach === "earlier row"
        ? "add `k <= q` to the mask"
        : "add `k in given` or `k <= q` to the mask";
    return [
      error("phase/unstable", {
        message: `${who} sees ${what}${exampleOf(pair, name)}, so what was computed changes with each new token: \`${guilty}\``,
        ...(part?.span === undefined
          ? { at: { ...attention, note: "" }, also }
          : { at: { span: part.span, note: "" }, also: [attention, ...also] }),
        hint,
      }),
    ];
  });
  const mixing = proof.mixing.flatMap(({ value, what }) =>
    once(`${what} ${at(value).span.start}`)
      ? [
          error("phase/unstable", {
            message: `${what} changes with each new token, so what depends on it cannot be kept`,
            at: at(value),
            also,
            hint: `say which rows are meant: \`${rows}.given\``,
          }),
        ]
      : [],
  );
  return [...pairs, ...mixing];
}
