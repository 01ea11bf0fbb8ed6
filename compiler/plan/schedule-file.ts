/**
 * The file that a tuner writes and builds read: which kernel shapes of a target take another schedule
 * than shapes and target alone would give them. A file is text; what it says is checked before it is
 * believed, entry by entry when kernels are made, and what was not used is known afterwards.
 */

import type { Region } from "../fusion/region.ts";
import type { ScheduleChoice } from "../kernel/schedule/choose-product.ts";
import {
  spaceVersion,
  tunable,
  tunableCounts,
  type Variation,
  variationsOf,
  varied,
} from "../kernel/schedule/space.ts";
import type { Target } from "../kernel/target.ts";
import type { ScheduleChooser } from "./kernels.ts";

/** A schedule that was faster than the default. */
export interface TunedKernel {
  /** For people: the kernel's name in the model that was tuned. */
  readonly kernel: string;
  /** The kernel shape, as `KernelEntry` has it, and which of its variants: an ending of its name. */
  readonly shape: string;
  readonly variant: string;
  readonly schedule: Variation;
  /** Whether results have the bits of the default schedule. */
  readonly sameBits: boolean;
  /** Medians, in milliseconds. */
  readonly defaultMs: number;
  readonly bestMs: number;
}

/** What a file holds. */
export interface ScheduleFile {
  readonly target: string;
  /** For people: where it was measured. */
  readonly device: string;
  readonly schedules: readonly TunedKernel[];
}

/** What a target is called in a file: kernels of another arithmetic are others. */
export function targetName({ name, math }: Pick<Target, "name" | "math">): string {
  return math === undefined ? name : `${name} ${math}`;
}

/** The text of a file. */
export function writeSchedules({ target, device, schedules }: ScheduleFile): string {
  const head = { ...format, space: spaceVersion, target, device };
  const lines = schedules.map((each) => `    ${JSON.stringify(each)}`);
  const list = lines.length === 0 ? "[]" : `[\n${lines.join(",\n")}\n  ]`;
  return `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "schedules": ${list}\n}\n`;
}

/** What was read, or what is wrong with the text: a code, what is wrong and what to do. */
export type ReadSchedules = { readonly kind: "schedules"; readonly file: ScheduleFile } | Mistake;

/** What is wrong with a file. */
export interface Mistake {
  readonly kind: "mistake";
  readonly code: "schedules/format" | "schedules/stale" | "schedules/target" | "schedules/illegal";
  readonly message: string;
  readonly hint: string;
}

/** Reads a text; nothing of it is taken that is not as it should be. */
export function readSchedules(text: string): ReadSchedules {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed("it is no JSON");
  }
  if (!isRecord(value) || value["format"] !== format.format)
    return malformed(`it does not say "format": "${format.format}"`);
  const { version, space, target, device, schedules } = value;
  if (version !== format.version || space !== spaceVersion) {
    const is = `version ${String(version)}, space ${String(space)}`;
    return {
      kind: "mistake",
      code: "schedules/stale",
      message: `it is of ${is}; this compiler has version ${format.version}, space ${spaceVersion}`,
      hint: "tune again: `braid tune … --force`",
    };
  }
  if (typeof target !== "string" || typeof device !== "string")
    return malformed("`target` and `device` are texts");
  if (!Array.isArray(schedules)) return malformed("`schedules` is a list");
  const read: TunedKernel[] = [];
  const seen = new Set<string>();
  for (const [index, each] of schedules.entries()) {
    const kernel = tunedKernel(each);
    if (kernel === undefined) return malformed(`schedules[${index}] is no schedule of a kernel`);
    if (seen.has(keyOf(kernel))) return malformed(`schedules[${index}] is there twice`);
    seen.add(keyOf(kernel));
    read.push(kernel);
  }
  return { kind: "schedules", file: { target, device, schedules: read } };
}

/** The schedules of a file while kernels are made for a target. */
export class TunedSchedules {
  readonly #kernels: ReadonlyMap<string, TunedKernel>;
  readonly #used: Set<TunedKernel> = new Set();
  readonly #illegal: TunedKernel[] = [];

  constructor({ schedules }: ScheduleFile) {
    this.#kernels = new Map(schedules.map((each) => [keyOf(each), each]));
  }

  /** Takes what the file says where that is legal. */
  readonly choose: ScheduleChooser = ({ shape, kind }, choice) => {
    const found = this.#kernels.get(keyOf({ shape, variant: choice.suffix }));
    if (found === undefined) return choice.schedule;
    if (!isLegal(kind, choice, found.schedule)) {
      this.#illegal.push(found);
      return choice.schedule;
    }
    this.#used.add(found);
    return varied(choice.schedule, found.schedule);
  };

  /** The first entry that no kernel may have, once kernels are made. */
  get mistake(): Mistake | undefined {
    const [first] = this.#illegal;
    if (first === undefined) return undefined;
    return {
      kind: "mistake",
      code: "schedules/illegal",
      message: `${first.kernel}${first.variant} may not have the schedule ${JSON.stringify(first.schedule)}`,
      hint: "tune again: `braid tune … --force`",
    };
  }

  /** Entries whose kernel the model does not have, once kernels are made. */
  get unused(): readonly TunedKernel[] {
    return [...this.#kernels.values()].filter((each) => !this.#used.has(each));
  }

  /** How many kernels took their schedule from the file. */
  get used(): number {
    return this.#used.size;
  }
}

const format = { format: "braid schedules", version: 1 } as const;

function keyOf({ shape, variant }: Pick<TunedKernel, "shape" | "variant">): string {
  return `${shape}${variant}`;
}

function isLegal(kind: Region["kind"], choice: ScheduleChoice, wanted: Variation): boolean {
  const same = (a: Variation, b: Variation): boolean => tunable.every((key) => a[key] === b[key]);
  return variationsOf(kind, choice).some((each) => same(each, wanted));
}

function malformed(message: string): Mistake {
  const hint = "name a file that `braid tune` wrote";
  return { kind: "mistake", code: "schedules/format", message, hint };
}

function tunedKernel(value: unknown): TunedKernel | undefined {
  if (!isRecord(value)) return undefined;
  const { kernel, shape, variant, schedule, sameBits, defaultMs, bestMs } = value;
  const variation = variationOf(schedule);
  if (typeof kernel !== "string" || typeof shape !== "string" || typeof variant !== "string")
    return undefined;
  if (typeof sameBits !== "boolean" || typeof defaultMs !== "number" || typeof bestMs !== "number")
    return undefined;
  if (variation === undefined || !/^[0-9a-f]{16}$/.test(shape)) return undefined;
  return { kernel, shape, variant, schedule: variation, sameBits, defaultMs, bestMs };
}

function variationOf(value: unknown): Variation | undefined {
  if (!isRecord(value)) return undefined;
  const known: readonly string[] = tunable;
  if (Object.keys(value).some((key) => !known.includes(key))) return undefined;
  const { product, fewRows, ...numbers } = value;
  const found: { -readonly [K in keyof Variation]: Variation[K] } = {};
  if (product !== undefined) {
    const named = products.find((each) => each === product);
    if (named === undefined) return undefined;
    found.product = named;
  }
  if (fewRows !== undefined) {
    if (typeof fewRows !== "boolean") return undefined;
    found.fewRows = fewRows;
  }
  for (const key of tunableCounts) {
    const number = numbers[key];
    if (number === undefined) continue;
    if (typeof number !== "number" || !Number.isInteger(number) || number < 1) return undefined;
    found[key] = number;
  }
  return found;
}

const products = ["registers", "blocks", "reduce"] as const;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
