/**
 * A roofline as an SVG picture with logarithmic axes: operations for each byte to the right, operations
 * a second upwards, the machine's limits as the roof, and a mark for each phase on it. Which mark is
 * which stands below, where no two of them can meet.
 */

import { type Machine, type RooflinePoint, rooflinePoints, showSeconds } from "./roofline.ts";
import type { PhaseSpending } from "./spending.ts";
import { colourOf, empty, escaped, faint, font, ink, pixels, rect, words } from "./svg.ts";
import { showFlops } from "./units.ts";

/** Pixels. */
const plot = { left: 104, right: 692, top: 64, bottom: 364 };
const width = 720;
const legendLine = 22;

/** Where numbers stand: decades of both axes, of which a picture shows what it needs. */
interface Axes {
  readonly x: (intensity: number) => number;
  readonly y: (flops: number) => number;
  /** Powers of ten within the picture. */
  readonly across: readonly number[];
  readonly down: readonly number[];
  readonly low: number;
  readonly high: number;
}

/** The picture as a standalone SVG document; equal numbers give equal text. */
export function rooflineSvg(
  title: string,
  phases: readonly PhaseSpending[],
  machine: Machine,
): string {
  const points = rooflinePoints(phases, machine);
  const axes = axesFor(points, machine);
  const height = plot.bottom + 64 + points.length * legendLine;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" data-braid="roofline" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${font}">`,
    rect(0, 0, width, height, "#ffffff", 'rx="12"'),
    `  <text x="28" y="38" font-size="15" font-weight="600" fill="${ink}">${escaped(title)}</text>`,
    ...grid(axes),
    ...roof(axes, machine),
    ...points.map(({ intensity, attainable }, index) =>
      mark(axes.x(intensity), axes.y(attainable), index),
    ),
    ...points.map((point, index) => legend(point, index)),
    "</svg>",
    "",
  ].join("\n");
}

function axesFor(points: readonly RooflinePoint[], { flops, bytes }: Machine): Axes {
  const ridge = flops / bytes;
  const intensities = [ridge / 16, ridge * 16, ...points.map(({ intensity }) => intensity)];
  const [low, high] = [Math.min(...intensities) / 2, Math.max(...intensities) * 2];
  const [least, most] = [low * bytes, flops * 2];
  const along = (value: number, from: number, to: number): number =>
    Math.log(value / from) / Math.log(to / from);
  return {
    x: (value) => plot.left + along(value, low, high) * (plot.right - plot.left),
    y: (value) => plot.bottom - along(value, least, most) * (plot.bottom - plot.top),
    across: decades(low, high),
    down: decades(least, most),
    ...{ low, high },
  };
}

function decades(from: number, to: number): readonly number[] {
  const [first, last] = [Math.ceil(Math.log10(from)), Math.floor(Math.log10(to))];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 10 ** (first + index));
}

/** The ground, a line for each decade, and what the axes count. */
function grid({ x, y, across, down }: Axes): readonly string[] {
  const lines = [
    ...across.map((value) => `M${pixels(x(value))} ${plot.top}V${plot.bottom}`),
    ...down.map((value) => `M${plot.left} ${pixels(y(value))}H${plot.right}`),
  ];
  return [
    rect(plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top, empty),
    `  <path d="${lines.join("")}" stroke="#ffffff" stroke-width="1.4" fill="none"/>`,
    ...across.map((value) => words(x(value), plot.bottom + 18, "middle", number(value), faint)),
    ...down.map((value) => words(plot.left - 8, y(value) + 4, "end", `${flopsOf(value)}/s`, faint)),
    words(plot.right, plot.bottom + 36, "end", "operations for each byte moved (FLOP/B) →", faint),
  ];
}

/** What the machine moves, then what it computes, at most. */
function roof({ x, y, low, high }: Axes, { flops, bytes }: Machine): readonly string[] {
  const ridge = flops / bytes;
  const [left, top] = [x(ridge), y(flops)];
  const [startX, startY] = [x(low), y(low * bytes)];
  const angle = (Math.atan2(top - startY, left - startX) * 180) / Math.PI;
  const middle = [pixels((startX + left) / 2), pixels((startY + top) / 2 - 8)];
  const moves = `${number(Math.round(bytes / 1e7) / 100)} GB/s`;
  const slope = `rotate(${pixels(angle)} ${middle.join(" ")})`;
  return [
    `  <path d="M${pixels(left)} ${pixels(top)}V${plot.bottom}" stroke="${faint}" stroke-dasharray="3 4" fill="none"/>`,
    `  <path d="M${pixels(startX)} ${pixels(startY)}L${pixels(left)} ${pixels(top)}H${pixels(x(high))}" stroke="${ink}" stroke-width="2" fill="none"/>`,
    `  <text x="${middle[0]}" y="${middle[1]}" transform="${slope}" text-anchor="middle" font-size="12" fill="${ink}">${moves}</text>`,
    words(plot.right - 6, top - 8, "end", `${showFlops(flops)}/s`, ink),
    words(left + 6, plot.bottom - 8, "start", `ridge at ${ridge.toFixed(1)} FLOP/B`, faint),
  ];
}

function mark(x: number, y: number, index: number): string {
  const { fill } = colourOf(index);
  return `  <circle cx="${pixels(x)}" cy="${pixels(y)}" r="6" fill="${fill}" stroke="#ffffff" stroke-width="1.6"/>`;
}

function legend({ label, intensity, bound, seconds }: RooflinePoint, index: number): string {
  const y = plot.bottom + 64 + index * legendLine;
  const says = `${intensity.toFixed(1)} FLOP/B, ${bound} bound, at least ${showSeconds(seconds)}`;
  const rest = `<tspan dx="8" font-weight="400" fill="${faint}">${says}</tspan>`;
  const text = `<text x="${plot.left + 14}" y="${y}" font-size="13" font-weight="600" fill="${ink}">${escaped(label)}${rest}</text>`;
  return `${mark(plot.left, y - 4.5, index)}${text}`;
}

/** `0.1`, `10`, `1,000`. */
function number(value: number): string {
  return value < 1 ? String(value) : value.toLocaleString("en");
}

/** `10 GFLOP`: a power of ten has no other digits. */
function flopsOf(value: number): string {
  return showFlops(value).replace(/\.0+ /, " ");
}
