/** Masks by pairs of segments, in words: one table for all attentions of a model that agree. */

import { unreachable } from "../../grammar/invariant.ts";
import { dataNames } from "../graph/data-names.ts";
import { axisAt, type Graph } from "../graph/graph.ts";
import type { RowVerdict, Verdict } from "../mask/index.ts";
import type { AttendOp } from "../op/op.ts";
import { type DataName, showPredicate } from "../op/show-predicate.ts";
import { AttendCells, type Cell, type QueryCells } from "../phase/attend-cells.ts";
import { showPaths } from "./paths.ts";
import { textTable, wrapped } from "./text-table.ts";

/** The mask of some attentions, as the text has it and as what it is for each pair of segments. */
export interface MaskTable {
  /** The blocks that have it, equal layers together. */
  readonly where: readonly string[];
  readonly count: number;
  /** The predicate. */
  readonly mask: string;
  readonly rows: readonly MaskRow[];
}

/** The query rows of one segment. */
export interface MaskRow {
  readonly segment: string;
  /** By key segment: what a row sees there, in words. */
  readonly sees: readonly {
    readonly segment: string;
    readonly verdict: Verdict["kind"];
    readonly words: string;
  }[];
  readonly verdict: RowVerdict["kind"];
  /** What its attention is, in words. */
  readonly result: string;
}

/** The masks of a model's attentions: those that hide something first, then the most frequent. */
export function maskTables(graph: Graph): readonly MaskTable[] {
  const cells = new AttendCells(graph);
  const groups = new Map<string, { table: Omit<MaskTable, "where" | "count">; paths: string[] }>();
  for (const { op, args, origin } of graph.nodes) {
    if (op.kind !== "attend") continue;
    const table = tableOf(graph, op, cells.of(op), dataNames(graph, op, args, origin.data));
    const key = JSON.stringify(table);
    const group = groups.get(key) ?? { table, paths: [] };
    group.paths.push(origin.path);
    groups.set(key, group);
  }
  return [...groups.values()]
    .map(({ table, paths }) => ({ where: showPaths(paths), count: paths.length, ...table }))
    .sort((a, b) => Number(seesAll(a)) - Number(seesAll(b)) || b.count - a.count);
}

/** Whether every row sees every row. */
export function seesAll({ rows }: Pick<MaskTable, "rows">): boolean {
  return rows.every(({ sees }) => sees.every(({ verdict }) => verdict === "all"));
}

function tableOf(
  graph: Graph,
  op: AttendOp,
  queries: readonly QueryCells[],
  name: DataName,
): Pick<MaskTable, "mask" | "rows"> {
  const masks = [...new Set(op.parts.map((part) => showPredicate(part.mask, name)))];
  return { mask: masks.join("; "), rows: maskRows(graph, queries, name) };
}

/** What the rows of each segment see; `name` is what masks call their data. */
export function maskRows(
  graph: Graph,
  queries: readonly QueryCells[],
  name?: DataName,
): readonly MaskRow[] {
  const nameOf = (rows: { readonly segment?: string; readonly axis: string }): string =>
    rows.segment ?? axisAt(graph, rows.axis).label;
  return queries.map((query) => ({
    segment: nameOf(query.rows),
    sees: query.cells.map((cell) => ({
      segment: nameOf(cell.keys),
      verdict: cell.verdict.kind,
      words: wordsOf(cell, name),
    })),
    verdict: query.verdict.kind,
    result: resultOf(query, (cell) => nameOf(cell.keys)),
  }));
}

function wordsOf({ verdict, mask }: Cell, name?: DataName): string {
  return verdict.kind === "general" ? showPredicate(mask, name) : showVerdict(verdict);
}

/** What a row sees, as a table says it. */
export function showVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case "none":
      return "nothing";
    case "all":
      return "everything";
    case "causal":
      return "up to its own position";
    case "diagonal":
      return "only itself";
    case "window":
      return `the last ${verdict.width} positions`;
    case "general":
      return "some";
    default:
      return unreachable(verdict);
  }
}

function resultOf({ verdict, cells }: QueryCells, nameOf: (cell: Cell) => string): string {
  switch (verdict.kind) {
    case "zeros":
      return "attention gives zeros";
    case "identity":
      return "attention is its own value";
    case "attend":
      return `attends to ${verdict.live
        .flatMap((index) => cells[index] ?? [])
        .map(nameOf)
        .join(" and ")}`;
    default:
      return unreachable(verdict);
  }
}

/** What the rows of each segment see: a table where it fits, else a list. */
export function cellText(rows: readonly MaskRow[]): readonly string[] {
  const header = ["query \\ key", ...(rows[0]?.sees ?? []).map(({ segment }) => segment), ""];
  const body = rows.map((row) => [
    row.segment,
    ...row.sees.map(({ words }) => words),
    `→ ${row.result}`,
  ]);
  const lines = textTable(
    [header, ...body],
    header.map(() => "left"),
  ).map((line) => `  ${line}`);
  if (lines.every((line) => line.length <= textWidth)) return lines;
  return rows.flatMap((row) => [
    ...wrapped(`${row.segment} rows: ${row.result}`, textWidth, ["    ", "      "]),
    ...row.sees.flatMap(({ segment, words }) =>
      wrapped(`${segment}: ${words}`, textWidth, ["      ", "        "]),
    ),
  ]);
}

const textWidth = 100;
