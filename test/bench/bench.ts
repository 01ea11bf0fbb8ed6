/**
 * What every bench is made of: contestants that are first checked and then timed in turns, and the
 * table of what came out.
 *
 * A time is the median of at least seven rounds. In each round every contestant runs once, so that
 * whatever else the machine does hits them alike, and a ratio is the median of the rounds' ratios.
 * Before each turn there is a rest, since threads of some peers look for work for 30 ms after theirs,
 * and one untimed run.
 */

import { execFileSync } from "node:child_process";
import { arch, cpus, platform, totalmem } from "node:os";
import process from "node:process";

/** Lets the threads of whoever had the last turn come to rest. */
export function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

/** What the command line asks of a bench. */
export interface BenchOptions {
  readonly backend: "cpu" | "webgpu";
  /** Threads of CPU backends, ours and the peers'. */
  readonly threads: number;
  /** Only cases whose name holds this; all if empty. */
  readonly only: string;
  /** How often each contestant is timed. */
  readonly rounds: number;
}

/** One file of this folder. */
export interface Bench {
  /** One line: what is measured. */
  readonly what: string;
  readonly run: (options: BenchOptions) => Promise<BenchResult>;
}

export interface BenchResult {
  /** Markdown. */
  readonly text: string;
  /** Results of ours that differ from the reference; the process fails if there is one. */
  readonly wrong: readonly string[];
}

/** Something that computes what the others compute. */
export interface Contestant {
  readonly name: string;
  /** Computes once and gives the numbers. */
  readonly run: () => Promise<ArrayLike<number>>;
  /** Brings the numbers into the layout of the reference, where theirs is another; not timed. */
  readonly arrange?: (numbers: ArrayLike<number>) => ArrayLike<number>;
  /** Frees what it holds. */
  readonly close?: () => void;
}

/** What one contestant did. */
export interface Timing {
  readonly name: string;
  /** The largest distance from the reference. */
  readonly error: number;
  /** Milliseconds of the first call, in which peers compile; it is the one that is checked. */
  readonly first: number;
  /** Median milliseconds; `undefined` if the result is wrong, since wrong results have no time. */
  readonly ms: number | undefined;
  /** Median of the rounds' ratios to the first contestant: above 1 is slower than that one. */
  readonly ratio: number | undefined;
}

/** The Markdown lines that say where and with what the numbers were made. */
export function header({ backend, rounds, threads }: BenchOptions): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const deno = process.versions["deno"];
  const host = deno === undefined ? `Node ${process.versions.node}` : `Deno ${deno}`;
  const machine = `${cpu?.model.trim() ?? "an unknown processor"}, ${cpus().length} cores, ${memory} GiB, ${platform()} ${arch()}`;
  const today = new Date().toISOString().slice(0, 10);
  return `${today}, commit ${commit()}, ${host}, backend ${backend}${backend === "cpu" ? `, threads ${threads}` : ""}, medians of ${rounds}. ${machine}.`;
}

function commit(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : " (changed)";
    return `${git("rev-parse", "--short", "HEAD")}${changed}`;
  } catch {
    return "unknown";
  }
}

/**
 * Checks each contestant against `wanted`, drops those that are off by more than `tolerance` and
 * times the others in turns. The first one is what ratios compare with.
 */
export async function compete(
  contestants: readonly Contestant[],
  wanted: ArrayLike<number>,
  tolerance: number,
  rounds: number,
): Promise<readonly Timing[]> {
  const checked: { contestant: Contestant; error: number; first: number; times: number[] }[] = [];
  for (const contestant of contestants) {
    const start = performance.now();
    const found = await contestant.run();
    const first = performance.now() - start;
    const arranged = contestant.arrange?.(found) ?? found;
    checked.push({ contestant, error: distance(arranged, wanted), first, times: [] });
  }
  const right = checked.filter(({ error }) => error <= tolerance);
  for (const { contestant } of right) await contestant.run();
  for (let round = 0; round < rounds; round++) {
    for (const { contestant, times } of right) {
      await rest();
      // Another's turn has emptied the caches, and a thread that slept may wake on its waker's core.
      await contestant.run();
      const start = performance.now();
      await contestant.run();
      times.push(performance.now() - start);
    }
  }
  for (const { close } of contestants) close?.();
  const base = right.find(({ contestant }) => contestant === contestants[0])?.times ?? [];
  return checked.map(({ contestant: { name }, error, first, times }) => {
    if (times.length === 0) return { name, error, first, ms: undefined, ratio: undefined };
    const ratios = times.flatMap((ms, round) => {
      const other = base[round];
      return other === undefined ? [] : [ms / other];
    });
    const ratio = ratios.length === 0 ? undefined : median(ratios);
    return { name, error, first, ms: median(times), ratio };
  });
}

/** The largest difference of two lists of numbers; infinite if one is longer or holds no number. */
export function distance(found: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs((found[i] ?? Number.NaN) - (wanted[i] ?? 0));
    if (!(difference <= worst))
      worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return worst;
}

/** The middle value; the mean of the two middle ones of an even count. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [
    sorted[(sorted.length - 1) >> 1] ?? Number.NaN,
    sorted[middle] ?? Number.NaN,
  ];
  return (low + high) / 2;
}

/** A Markdown table; the first column is left-aligned, the others are numbers. */
export function table(
  columns: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): string {
  const cell = (value: string | number | undefined): string =>
    value === undefined ? "" : typeof value === "number" ? showNumber(value) : value;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = columns.map((_, index) => (index === 0 ? "---" : "---:"));
  return [line(columns), line(rule), ...rows.map((row) => line(row.map(cell)))].join("\n");
}

/** Three significant digits, whole numbers as they are. */
export function showNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** Says what a long bench is doing, on the terminal and not in the result. */
export function say(line: string): void {
  console.error(line);
}

/** Whether `--only` admits a case. */
export function admits({ only }: BenchOptions, name: string): boolean {
  return only === "" || name.includes(only);
}
