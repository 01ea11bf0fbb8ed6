/**
 * Decoding token by token. A real Llama of 260 thousand parameters, read where it lies, beside a plain
 * decoder in C; and the decoder of `examples/ee-mllm` beside the same graph in ONNX Runtime.
 */

import {
  admits,
  type Bench,
  type BenchOptions,
  type BenchResult,
  median,
  rest,
  say,
  table,
} from "./bench.ts";
import { openShapes, shapesOnOnnx } from "./decode-shapes.ts";
import { openStories, storiesInC } from "./decode-stories.ts";

export const bench: Bench = {
  what: "decoding, beside a plain C decoder and beside ONNX Runtime on the same graph",
  run,
};

/** Someone who decodes the same tokens. */
export interface Decoder {
  readonly name: string;
  /** Decodes from an empty cache and gives the milliseconds and what is compared. */
  readonly decode: () => Promise<{ readonly ms: number; readonly result: ArrayLike<number> }>;
  readonly close?: () => void;
}

/** Decoders of the same tokens, ours first; or why they are not here. */
export interface Race {
  readonly name: string;
  readonly tokens: number;
  readonly decoders: readonly Decoder[];
  readonly missing: readonly string[];
  /** What all must give. */
  readonly wanted: ArrayLike<number>;
  /** How far each number may be off. */
  readonly tolerance: number;
}

async function run(options: BenchOptions): Promise<BenchResult> {
  const rows: (string | number | undefined)[][] = [];
  const wrong: string[] = [];
  const races: Readonly<Record<string, () => Promise<Race | string>>> = {
    stories260K: async () => storiesRace(),
    shapes: () => shapesRace(options),
  };
  for (const [name, open] of Object.entries(races)) {
    if (!admits(options, name)) continue;
    say(`${name} …`);
    const race = await open();
    if (typeof race === "string") {
      say(`left out: ${race}`);
      continue;
    }
    for (const each of race.missing) say(`left out: ${each}`);
    const found = await runRace(race, options.rounds);
    rows.push(...found.lines);
    wrong.push(...found.faults);
  }
  const columns = ["model", "who", "µs a token", "tokens a second", "× ours"];
  return { text: table(columns, rows), wrong };
}

async function storiesRace(): Promise<Race | string> {
  const ours = await openStories();
  if (typeof ours === "string") return ours;
  const { golden, ...decoder } = ours;
  const c = await storiesInC(golden.length);
  const others = typeof c === "string" ? [] : [c];
  return {
    name: "stories260K, one thread",
    tokens: golden.length,
    decoders: [decoder, ...others],
    missing: typeof c === "string" ? [c] : [],
    wanted: golden,
    tolerance: 0,
  };
}

async function shapesRace(options: BenchOptions): Promise<Race> {
  const { decoder, tokens, wanted, tolerance } = await openShapes(options.threads);
  const onnx = await shapesOnOnnx(options.threads);
  return {
    name: `decoder of examples/ee-mllm, threads ${options.threads}`,
    tokens,
    decoders: [decoder, ...(typeof onnx === "string" ? [] : [onnx])],
    missing: typeof onnx === "string" ? [onnx] : [],
    wanted,
    tolerance,
  };
}

async function runRace(
  { name, tokens, decoders, wanted, tolerance }: Race,
  rounds: number,
): Promise<{ lines: (string | number | undefined)[][]; faults: readonly string[] }> {
  const faults: string[] = [];
  const times = decoders.map((): number[] => []);
  for (const decoder of decoders) {
    const { result } = await decoder.decode();
    const worst = Math.max(
      result.length === wanted.length ? 0 : Number.POSITIVE_INFINITY,
      ...Array.from(wanted, (each, index) => Math.abs(each - (result[index] ?? Number.NaN))),
    );
    if (!(worst <= tolerance)) faults.push(`${name}: ${decoder.name} is off by ${worst}`);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [index, decoder] of decoders.entries()) {
      await rest();
      // Once untimed, as the C program does by itself: another's turn has emptied the caches.
      await decoder.decode();
      times[index]?.push((await decoder.decode()).ms);
    }
  }
  for (const { close } of decoders) close?.();
  const [own = []] = times;
  const lines = decoders.map((decoder, index) => {
    const found = times[index] ?? [];
    const ratio = median(found.map((ms, round) => ms / (own[round] ?? Number.NaN)));
    const each = median(found) / tokens;
    return [index === 0 ? name : "", decoder.name, each * 1000, Math.round(1000 / each), ratio];
  });
  return { lines, faults };
}
