/** `braid report` as text. */

import { showRoofline } from "./roofline.ts";
import type { Machine } from "./roofline.ts";
import { budgetOf, type PhaseSpending, type Spending } from "./spending.ts";
import { textTable } from "./text-table.ts";
import { showBytes, showFlops } from "./units.ts";

const runs: Readonly<Record<PhaseSpending["runs"], string>> = {
  once: "once for the same inputs",
  first: "for the first question",
  token: "for each token",
};

/** The whole report, with the roofline of `machine`. */
export function spendingText(spending: Spending, machine: Machine): string {
  const { model, target, lengths, phases } = spending;
  const counts = [...lengths.values].map(([name, count]) => `${name} = ${count}`).join(", ");
  return `${[
    `${model} on ${target}, ${counts}`,
    "",
    "CALLS",
    "",
    ...table(
      ["phase", "runs", "kernel calls", "a layer", "FLOPs", "of needed", "bytes", "of least"],
      phases.map(({ phase, runs: when, dispatches, layer, flops, traffic }) => [
        phase,
        runs[when],
        `${dispatches}`,
        layer === undefined ? "–" : `${layer.calls}`,
        showFlops(flops.executed),
        ratio(flops.executed, flops.needed),
        showBytes(traffic.moved),
        ratio(traffic.moved, traffic.least),
      ]),
    ),
    "",
    "  FLOPs are needed where the mask shows a pair; bytes are least if a call reads each weight and",
    "  each cache once, and a kernel its activations once.",
    ...phases.flatMap((each) =>
      excusesOf(each).map((why) => `  ${each.phase}, ${runs[each.runs]}: ${why}.`),
    ),
    "",
    "TEMPORARIES",
    "",
    ...table(
      ["phase", "runs", "arena", "largest live set", "ratio"],
      phases.map(({ phase, runs: when, memory }) => [
        phase,
        runs[when],
        showBytes(memory.arena),
        showBytes(memory.live),
        ratio(memory.arena, memory.live),
      ]),
    ),
    "",
    "ROOFLINE",
    "",
    ...showRoofline(phases, machine),
  ].join("\n")}\n`;
}

/** What a call spends beyond its budget, in words. */
export function excusesOf(phase: PhaseSpending): readonly string[] {
  const { layer, flops, traffic } = budgetOf(phase);
  return [layer, flops, traffic].flatMap(({ excuse }) => excuse ?? []);
}

/** `1.03`; `–` of nothing. */
export function ratio(part: number, whole: number): string {
  return whole === 0 ? "–" : (part / whole).toFixed(3);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return textTable(
    [head, ...rows],
    head.map((_, index) => (index < 2 ? "left" : "right")),
  );
}
