/**
 * Rooflines (Williams, Waterman and Patterson 2009): how fast a phase can be on a machine at most,
 * given its operations for each byte. Left of the ridge memory decides, right of it arithmetic.
 */

import type { PhaseSpending } from "./spending.ts";
import { textTable } from "./text-table.ts";
import { showFlops } from "./units.ts";

/** What a machine does in a second at most. */
export interface Machine {
  readonly flops: number;
  readonly bytes: number;
}

/** Where a phase stands under the roof. */
export interface RooflinePoint {
  readonly label: string;
  /** Operations for each byte. */
  readonly intensity: number;
  /** Operations a second at most. */
  readonly attainable: number;
  readonly bound: "memory" | "arithmetic";
  /** The least seconds of a call. */
  readonly seconds: number;
}

/** The points of phases; those that compute nothing have none. */
export function rooflinePoints(
  phases: readonly PhaseSpending[],
  { flops, bytes }: Machine,
): readonly RooflinePoint[] {
  return phases.flatMap(({ phase, runs, flops: { executed }, traffic: { moved } }) => {
    if (executed === 0 || moved === 0) return [];
    const intensity = executed / moved;
    const attainable = Math.min(flops, intensity * bytes);
    return [
      {
        label: runs === "token" ? `${phase}, a token` : phase,
        intensity,
        attainable,
        bound: attainable < flops ? ("memory" as const) : ("arithmetic" as const),
        seconds: executed / attainable,
      },
    ];
  });
}

const barWidth = 32;

/** The roofline as lines of text: a bar for what each phase can reach of the machine's peak. */
export function showRoofline(
  phases: readonly PhaseSpending[],
  machine: Machine,
): readonly string[] {
  const ridge = (machine.flops / machine.bytes).toFixed(1);
  const rows = rooflinePoints(phases, machine).map(
    ({ label, intensity, attainable, bound, seconds }) => {
      const bar = Math.max(1, Math.round((attainable / machine.flops) * barWidth));
      return [
        label,
        "█".repeat(bar).padEnd(barWidth, "·"),
        `${intensity.toFixed(1)} FLOP/B`,
        `${bound} bound`,
        `at least ${showSeconds(seconds)}`,
      ];
    },
  );
  return [
    `  The machine does ${showFlops(machine.flops)}/s and moves ${(machine.bytes / 1e9).toFixed(0)} GB/s: its ridge is at ${ridge} FLOP/B.`,
    "",
    ...textTable(rows, ["left", "left", "right", "left", "left"]),
  ];
}

/** `1.20 ms`: three digits that count. */
export function showSeconds(seconds: number): string {
  if (seconds >= 1) return `${seconds.toPrecision(3)} s`;
  return seconds >= 1e-3
    ? `${(seconds * 1e3).toPrecision(3)} ms`
    : `${(seconds * 1e6).toPrecision(3)} µs`;
}
