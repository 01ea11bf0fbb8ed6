/**
 * Rooflines (Williams, Waterman and Patterson 2009): how fast a phase can be on a machine at most,
 * given its operations for each byte. Left of the ridge memory decides, right of it arithmetic.
 */

import type { PhaseSpending } from "./spending.ts";
import { escaped, pixels, rect } from "./svg.ts";
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

function showSeconds(seconds: number): string {
  if (seconds >= 1) return `${seconds.toPrecision(3)} s`;
  return seconds >= 1e-3
    ? `${(seconds * 1e3).toPrecision(3)} ms`
    : `${(seconds * 1e6).toPrecision(3)} µs`;
}

const size = { width: 640, height: 400, left: 70, right: 24, top: 40, bottom: 50 };

/** The roofline as an SVG picture with logarithmic axes. */
export function rooflineSvg(
  title: string,
  phases: readonly PhaseSpending[],
  machine: Machine,
): string {
  const points = rooflinePoints(phases, machine);
  const ridge = machine.flops / machine.bytes;
  const intensities = [ridge / 16, ridge * 16, ...points.map(({ intensity }) => intensity)];
  const [low, high] = [Math.min(...intensities) / 2, Math.max(...intensities) * 2];
  const bottom = Math.min(low * machine.bytes, ...points.map(({ attainable }) => attainable)) / 2;
  const along = (value: number, from: number, to: number): number =>
    Math.log(value / from) / Math.log(to / from);
  const x = (value: number): number =>
    size.left + along(value, low, high) * (size.width - size.left - size.right);
  const y = (value: number): number =>
    size.height -
    size.bottom -
    along(value, bottom, machine.flops * 2) * (size.height - size.top - size.bottom);
  const roof = [
    [x(low), y(low * machine.bytes)],
    [x(ridge), y(machine.flops)],
    [x(high), y(machine.flops)],
  ]
    .map(([across = 0, down = 0]) => `${pixels(across)},${pixels(down)}`)
    .join(" ");
  const text = (across: number, down: number, words: string, anchor = "start"): string =>
    `<text x="${pixels(across)}" y="${pixels(down)}" text-anchor="${anchor}">${escaped(words)}</text>`;
  const marks = points.map(({ label, intensity, attainable }) => {
    const [across, down] = [x(intensity), y(attainable)];
    const dot = `<circle cx="${pixels(across)}" cy="${pixels(down)}" r="5" fill="#b3425a"/>`;
    return `${dot}\n${text(across + 9, down + 16, label)}`;
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12" data-braid="roofline">`,
    rect(0, 0, size.width, size.height, "#ffffff"),
    text(size.left, 24, title),
    `<polyline points="${roof}" fill="none" stroke="#2b5c8a" stroke-width="2"/>`,
    text(x(high), y(machine.flops) - 8, `${showFlops(machine.flops)}/s`, "end"),
    text(x(ridge), size.height - 16, `ridge at ${ridge.toFixed(1)} FLOP/B`, "middle"),
    text(size.left, size.height - 16, `${low.toPrecision(2)} FLOP/B`, "middle"),
    text(x(high), size.height - 16, `${high.toPrecision(2)} FLOP/B`, "end"),
    ...marks,
    "</svg>",
  ].join("\n")}\n`;
}
