/**
 * Finds equal layers again: a run of steps that repeats with other weights, states or outputs becomes
 * one body with tables. What differs between rounds is a table; what a round makes and uses up is one
 * buffer for all rounds; what it hands to the next alternates between two.
 */

import type { BufferReference } from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import type { FlatStep, Temporary } from "./steps.ts";

/** Steps with loops. Bodies hold no loops. */
export type LoopedStep =
  | { readonly kind: "step"; readonly step: FlatStep }
  | {
      readonly kind: "repeat";
      readonly count: number;
      readonly tables: Readonly<Record<string, readonly BufferReference[]>>;
      readonly steps: readonly FlatStep[];
    };

/** Shorter bodies are no layers, unless there are many: two equal projections stay as they are. */
const shortest = 4;
const many = 8;

/** The steps with their loops. Temporaries that get a new name get an entry in `temporaries`. */
export function findLoops(
  steps: readonly FlatStep[],
  temporaries: Map<string, Temporary>,
): readonly LoopedStep[] {
  const run = longestRun(steps);
  if (run === undefined) return steps.map((step) => ({ kind: "step", step }));
  const { start, period, count } = run;
  const end = start + period * count;
  const names = carriedNames(steps, start, period, count);
  for (const [old, name] of names) {
    const temporary = temporaries.get(old);
    invariant(temporary !== undefined, `plan: a size for ${old}`);
    temporaries.set(name, { ...temporary, name });
  }
  const renamed = steps.map((step) => ({
    ...step,
    buffers: step.buffers.map((each): BufferReference => {
      const name = each.kind === "buffer" ? names.get(each.name) : undefined;
      return name === undefined ? each : { kind: "buffer", name };
    }),
  }));
  return [
    ...findLoops(renamed.slice(0, start), temporaries),
    repeat(renamed, start, period, count),
    ...findLoops(renamed.slice(end), temporaries),
  ];
}

interface Run {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}

/** The run that covers most steps; of those the one with the shortest body, then the earliest. */
function longestRun(steps: readonly FlatStep[]): Run | undefined {
  let best: Run | undefined;
  const ids = new Map<string, number>();
  const keys = steps.map((step) => {
    // Rounds of one loop write alike: an output of one layer is no temporary of the next.
    const written = step.buffers.filter((_, slot) => step.call.writes[slot] === true);
    const key = `${step.call.key} ${written.map((each) => each.kind).join(" ")}`;
    const id = ids.get(key) ?? ids.size;
    ids.set(key, id);
    return id;
  });
  for (let period = 1; period * 2 <= keys.length; period++) {
    for (let start = 0; start + period < keys.length; start++) {
      let same = 0;
      while (
        keys[start + same] === keys[start + same + period] &&
        start + same + period < keys.length
      ) {
        same++;
      }
      const count = Math.floor(same / period) + 1;
      const covered = best === undefined ? 0 : best.count * best.period;
      const worthwhile = count > 1 && (period >= shortest || count >= many);
      if (worthwhile && count * period > covered && !isRepetition(keys, start, period)) {
        best = { start, period, count };
      }
      start += same;
    }
  }
  return best;
}

/** Whether the body is itself a shorter body repeated. */
function isRepetition(keys: readonly number[], start: number, period: number): boolean {
  for (let shorter = 1; shorter * 2 <= period; shorter++) {
    if (period % shorter !== 0) continue;
    let same = true;
    for (let i = start; i + shorter < start + period && same; i++) {
      same = keys[i] === keys[i + shorter];
    }
    if (same) return true;
  }
  return false;
}

/** New names for what a round uses up (one for all rounds) or hands to the next (one of two). */
function carriedNames(
  steps: readonly FlatStep[],
  start: number,
  period: number,
  count: number,
): ReadonlyMap<string, string> {
  const end = start + period * count;
  const written = new Map<string, { readonly index: number; readonly slot: number }>();
  const lastUse = new Map<string, number>();
  for (const [index, step] of steps.entries()) {
    for (const [slot, each] of step.buffers.entries()) {
      if (each.kind !== "buffer") continue;
      lastUse.set(each.name, index);
      if (step.call.writes[slot] === true && !written.has(each.name)) {
        written.set(each.name, { index, slot });
      }
    }
  }
  const names = new Map<string, string>();
  for (const [name, { index, slot }] of written) {
    if (index < start || index >= end) continue;
    const round = Math.floor((index - start) / period);
    const first = steps[start + ((index - start) % period)]?.buffers[slot];
    // What one round writes for outside and others do not is a column of its own.
    if (first?.kind !== "buffer") continue;
    const last = lastUse.get(name) ?? index;
    const lastRound = last < end ? Math.floor((last - start) / period) : count;
    if (lastRound === round) names.set(name, first.name);
    else if (lastRound === round + 1)
      names.set(name, `${first.name}_${round % 2 ? "odd" : "even"}`);
  }
  return names;
}

function repeat(
  steps: readonly FlatStep[],
  start: number,
  period: number,
  count: number,
): LoopedStep {
  const tables: Record<string, readonly BufferReference[]> = {};
  const byContent = new Map<string, string>();
  const column = (entries: readonly BufferReference[]): BufferReference => {
    const [first] = entries;
    invariant(first !== undefined, "plan: a loop has rounds");
    const content = JSON.stringify(entries);
    if (entries.every((each) => JSON.stringify(each) === JSON.stringify(first))) return first;
    const name = byContent.get(content) ?? tableName(first, tables);
    byContent.set(content, name);
    tables[name] = entries;
    return { kind: "table", name };
  };
  const body = steps.slice(start, start + period).map((step, offset) => ({
    ...step,
    buffers: step.buffers.map((_, slot) =>
      column(
        Array.from({ length: count }, (_, round) => {
          const entry = steps[start + round * period + offset]?.buffers[slot];
          invariant(entry !== undefined, "plan: equal steps have as many buffers");
          return entry;
        }),
      ),
    ),
  }));
  return { kind: "repeat", count, tables, steps: body };
}

/** `model.layers.0.mlp.up_proj.weight` gives `up_proj`. */
function tableName(first: BufferReference, taken: Readonly<Record<string, unknown>>): string {
  const words = first.name
    .split(/[^A-Za-z0-9_]+/)
    .filter((word) => word !== "" && !/^\d+$/.test(word) && word !== "weight");
  const base = words.slice(-1).join("_") || first.kind;
  let name = base;
  for (let count = 2; name in taken; count++) name = `${base}_${count}`;
  return name;
}
