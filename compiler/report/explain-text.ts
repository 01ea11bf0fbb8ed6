/** What a model implies, as a person reads it on a terminal of 100 columns. */

import type { Consequence, Consequences } from "./consequences.ts";
import type { LengthsReport, ModelReport, PhaseCall } from "./explain.ts";
import { type ExplainedMask, explainedMasksText } from "./explain-masks.ts";
import { past } from "../phase/phase.ts";
import { cellText, type MaskTable, seesAll } from "./mask-tables.ts";
import type { MemoryUse, RingUse } from "./memory.ts";
import type { Reconciliation } from "./reconcile.ts";
import { textTable, wrapped } from "./text-table.ts";
import { showBytes, showCount, showFlops, showPercent } from "./units.ts";

const width = 100;

/** The part that holds for all lengths. */
export function modelText(report: ModelReport): string {
  const masks = report.masks.flatMap((table) => [...maskText(table), ""]);
  return [`${report.model}`, "", "MASKS", "", ...masks].join("\n");
}

/** The part for one prompt, over whose rows the model has `masks`. */
export function lengthsText(
  report: LengthsReport,
  model: ModelReport,
  masks: readonly ExplainedMask[],
): string {
  const { consequences, reconciliation, lengths } = report;
  const segments = lengths.segments.map(({ name, rows }) => `${showCount(rows, `${name} row`)}`);
  const symbols = [...lengths.values]
    .filter(([name]) => name !== past)
    .map(([name, value]) => `${name} ${lengths.measured.includes(name) ? "<=" : "="} ${value}`);
  const rows = [...segments, ...symbols].join(", ");
  return [
    rule(lengths.title),
    ...(rows === "" ? [] : wrapped(rows, width, ["  ", "  "])),
    ...(lengths.measured.length === 0 ? [] : measuredNote),
    "",
    ...explainedMasksText(masks),
    ...(consequences === undefined ? [] : [...consequenceText(consequences, model.masks), ""]),
    ...(reconciliation === undefined ? [] : [...reconciliationText(reconciliation, model), ""]),
    ...phaseText(report, model),
    "",
    ...memoryText(report.memory),
    "",
  ].join("\n");
}

const measuredNote = wrapped(
  "Sizes with <= are measured while the model runs: figures are for the most that they can be.",
  width,
  ["  ", "  "],
);

function rule(title: string): string {
  const text = title === "" ? "" : ` ${title} `;
  return `──${text}${"─".repeat(Math.max(0, width - 2 - text.length))}`;
}

function maskText({ where, count, mask, rows }: MaskTable): readonly string[] {
  const uses = count > 1 ? ` (${count} attentions)` : "";
  const title = where.flatMap((path, index) => {
    const name = path === "" ? "the model" : path;
    return wrapped(`${name}${index === where.length - 1 ? uses : ""}`, width, ["  ", "    "]);
  });
  const seen = rows.flatMap((row) => row.sees);
  if (seesAll({ rows })) return [...title, "    every row sees every row"];
  const predicate = wrapped(mask, width, ["    ", "      "]);
  return [...title, ...predicate, ...(seen.length > 1 ? ["", ...cellText(rows)] : [])];
}

/** What each step means, for people; what masks say of segments comes from their table. */
const meanings: Readonly<Record<Exclude<Consequence["name"], "verdicts">, string>> = {
  "unread rows": "the text takes only some rows of a value",
  queries: "so their queries are not projected, nor zeros",
  "last layer": "last layer: rows that nobody reads",
  "last row": "last layer: the next token needs the last row alone",
  "once per image": "a second question finds what static phases kept",
  caches: "one more token finds keys and values in caches",
};

/** `visual rows see only themselves: no scores`. */
function verdictText(masks: readonly MaskTable[]): string {
  const found = masks
    .flatMap(({ rows }) => rows)
    .flatMap((row): string[] => {
      const hidden = row.sees.filter(({ verdict }) => verdict === "none");
      if (row.verdict === "zeros") return [`${row.segment} rows see nothing`];
      if (row.verdict === "identity") return [`${row.segment} rows see only themselves`];
      return hidden.length === 0
        ? []
        : [`${row.segment} rows see no ${hidden.map(({ segment }) => segment).join(" or ")}`];
    });
  return `${[...new Set(found)].join(", ")}: no scores`;
}

function consequenceText(
  { written, papers, computed, steps }: Consequences,
  masks: readonly MaskTable[],
): readonly string[] {
  let number = 0;
  const stepRows = (names: readonly Consequence["name"][]): (readonly string[])[] =>
    steps
      .filter(({ name, flops }) => names.includes(name) && flops !== 0)
      .map(({ name, flops, bytes }) => [
        `${++number}`,
        name === "verdicts" ? verdictText(masks) : meanings[name],
        `−${showFlops(flops)}`,
        showBytes(bytes),
      ]);
  const total = (words: string, flops: number): readonly string[] => [
    "",
    words,
    showFlops(flops),
    "",
    showPercent(flops, written),
  ];
  const rows = [
    ["", "", "FLOPs", "bytes", ""],
    total("the decoder as the text has it, scores dense", written),
    ...stepRows(["unread rows", "verdicts", "queries"]),
    total("as papers count", papers),
    ...stepRows(["last layer", "last row"]),
    total("what the decoder computes for a first question", computed),
    ...stepRows(["once per image", "caches"]),
  ];
  return [
    "CONSEQUENCES, in the order in which they are applied, and what each saves",
    "",
    ...textTable(rows, ["right", "left", "right", "right", "right"]),
  ];
}

function reconciliationText(
  { papers, differences, executed }: Reconciliation,
  { target }: ModelReport,
): readonly string[] {
  const rows = [
    ["as papers count", showFlops(papers)],
    ...differences.map(({ name, flops }) => [
      `${flops < 0 ? "−" : "+"} ${name}`,
      showFlops(flops).replace("−", ""),
    ]),
    ["as executed", showFlops(executed)],
  ];
  return [
    `FIRST QUESTION, by the kernels of the ${target} plan`,
    "",
    ...textTable(rows, ["left", "right"]),
  ];
}

function phaseText(report: LengthsReport, model: ModelReport): readonly string[] {
  const { first, again, token } = report;
  const row = (when: string, call: PhaseCall): readonly string[] => [
    call.name,
    when,
    showFlops(call.work.executed),
    `${call.dispatches}`,
    showBytes(call.keeps),
  ];
  const isLast = (index: number): boolean => index === first.length - 1;
  const rows = [
    ["phase", "runs", "FLOPs", "kernel calls", "leaves"],
    ...first.map((call, index) =>
      row(
        isLast(index) ? "for the first question" : `once for the same ${listed(call.inputs)}`,
        call,
      ),
    ),
    ...(again === undefined ? [] : [row("for a follow-up, as long", again)]),
    ...(token === undefined ? [] : [row("for each token", token)]),
  ];
  const others = again !== undefined && first.every(({ name }) => name !== again.name);
  const needs = [...first, ...(others ? [again] : [])].map((call) => {
    const after = call.after.length === 0 ? "" : `, and what ${listed(call.after)} left`;
    return [call.name, `depends on ${listed(call.inputs)}${after}`];
  });
  const caching = model.generates
    ? wrapped(
        "Decoding caches keys and values: no row that is there sees a row that comes later, in any " +
          "pair of segments, and nothing else mixes rows.",
        width,
        ["  ", "  "],
      )
    : ["  Nothing is generated, so nothing is cached."];
  return [
    "PHASES",
    "",
    ...textTable(rows, ["left", "left", "right", "right", "right"]),
    "",
    ...textTable(needs, ["left", "left"]),
    "",
    ...caching,
  ];
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "weights";
  return names.map((name) => name.replace(/^position\.(.+)$/, "positions of $1")).join(", ");
}

function memoryText(memory: MemoryUse): readonly string[] {
  const { weights, constants, values, caches, perRow, rings, arena } = memory;
  const rows = [
    ["weights, in float32", showBytes(weights)],
    ["tables of the compiler", showBytes(constants)],
    ["what phases leave for others", showBytes(values)],
    ["caches after the prompt", showBytes(caches), `${showBytes(perRow)} a row`],
    ["temporaries, shared by all phases", showBytes(arena)],
  ];
  return [
    "MEMORY",
    "",
    ...textTable(
      rows.filter(([, bytes]) => bytes !== "0"),
      ["left", "right", "left"],
    ),
    ...(rings === undefined ? [] : ringText(rings)),
  ];
}

/** `64 caches forget: no row sees more than the last 4096 rows; …`. */
function ringText({ count, window, slots, full, savedPerRow }: RingUse): readonly string[] {
  const sees = `no row sees more than the last ${showCount(window, "row")}`;
  const room = `they have room for ${showCount(slots, "row")} and take ${showBytes(full)} at most`;
  const saved = `each row beyond saves ${showBytes(savedPerRow)}`;
  const text = `${showCount(count, "cache")} forget: ${sees}; ${room}, ${saved}.`;
  return ["", ...wrapped(text, width, ["  ", "  "])];
}
