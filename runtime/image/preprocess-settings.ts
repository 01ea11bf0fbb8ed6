/**
 * `preprocessor_config.json`: what is done to an image before a model sees it.
 *
 * A key that changes the result and is not understood is refused by name, never ignored: a model
 * that is fed differently from how it was trained gives no error, only worse answers. A key that is
 * null or false asks for nothing, whatever it is.
 */

import { BraidError } from "../errors.ts";
import {
  booleanAt,
  describe,
  isRecord,
  type JsonRecord,
  listAt,
  member,
  numberAt,
  stringAt,
} from "../json.ts";
import { filterOfCode, type ResizeFilter } from "./resize.ts";

/** The steps, in the order in which they are taken; what is undefined is left out. */
export interface PreprocessSettings {
  readonly resize?:
    | {
        readonly kind: "exact";
        readonly width: number;
        readonly height: number;
        readonly filter: ResizeFilter;
      }
    | { readonly kind: "shortest"; readonly shortestEdge: number; readonly filter: ResizeFilter };
  readonly crop?: { readonly width: number; readonly height: number };
  /** What byte values are multiplied by, usually 1/255. */
  readonly factor?: number;
  /** By channel: red, green, blue. */
  readonly normalize?: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
}

/** What a processor of transformers does where its file says nothing. */
interface ProcessorDefaults {
  readonly settings: JsonRecord;
  /** What `"size": 224` means to it. */
  readonly wholeSize: "square" | "shortest_edge";
}

const clip: ProcessorDefaults = {
  settings: {
    do_resize: true,
    size: { shortest_edge: 224 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 224, width: 224 },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  },
  wholeSize: "shortest_edge",
};

const vit: ProcessorDefaults = {
  settings: {
    do_resize: true,
    size: { height: 224, width: 224 },
    resample: 2,
    do_center_crop: false,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  },
  wholeSize: "square",
};

const siglip: ProcessorDefaults = {
  settings: { ...vit.settings, resample: 3 },
  wholeSize: "square",
};

/**
 * The processors whose steps are these, by the names that files give them (`Fast` and the older
 * `FeatureExtractor` aside).
 */
const processors: ReadonlyMap<string, ProcessorDefaults> = new Map([
  ["CLIP", clip],
  ["Llava", clip],
  ["ViT", vit],
  ["Siglip", siglip],
]);

/** Keys that are read below, and keys that change nothing. */
const known: ReadonlySet<string> = new Set([
  ...Object.keys(clip.settings),
  ...["image_processor_type", "feature_extractor_type", "processor_class", "do_convert_rgb"],
  ...["_valid_processor_keys", "default_to_square", "image_seq_length"],
]);

/**
 * The steps that `json` asks for; `file` is what errors call it. Throws `image/settings`, or
 * `json/type`.
 */
export function preprocessSettings(json: JsonRecord, file: string): PreprocessSettings {
  const { settings: defaults, wholeSize } = defaultsOf(json, file);
  const square = booleanAt(json, "default_to_square", file) ?? wholeSize === "square";
  refuseUnknown(json, file);
  const all = { ...defaults, ...Object.fromEntries(Object.entries(json).filter(isSaid)) };
  const asked = (step: string): boolean => booleanAt(all, step, file) ?? false;
  return {
    ...(asked("do_resize") && { resize: resizeOf(all, square, file) }),
    ...(asked("do_center_crop") && { crop: cropOf(all, file) }),
    ...(asked("do_rescale") && { factor: needed(numberAt(all, "rescale_factor", file)) }),
    ...(asked("do_normalize") && {
      normalize: { mean: channels(all, "image_mean", file), deviation: deviations(all, file) },
    }),
  };

  function needed(factor: number | undefined): number {
    if (factor !== undefined && factor > 0) return factor;
    throw refused(file, `\`rescale_factor\` is ${describe(factor)}`, "give a positive number");
  }
}

/** A null says no more than an absent key. */
function isSaid([, value]: readonly [string, unknown]): boolean {
  return value !== null;
}

function defaultsOf(json: JsonRecord, file: string): ProcessorDefaults {
  const name =
    stringAt(json, "image_processor_type", file) ?? stringAt(json, "feature_extractor_type", file);
  const family = name?.replace(/(ImageProcessor(Fast)?|FeatureExtractor)$/, "");
  const defaults = processors.get(family ?? "");
  if (defaults !== undefined) return defaults;
  const names = [...processors.keys()].map((each) => `${each}ImageProcessor`).join(", ");
  const what = name === undefined ? "has no `image_processor_type`" : `asks for ${name}`;
  throw refused(file, what, `the processors that Braid knows are ${names}`);
}

function refuseUnknown(json: JsonRecord, file: string): void {
  const unknown = Object.entries(json)
    .filter(([key, value]) => !known.has(key) && value !== null && value !== false)
    .filter(([key, value]) => key !== "data_format" || value !== "channels_first")
    .map(([key]) => `\`${key}\``);
  if (unknown.length === 0) return;
  const message = `has ${unknown.join(", ")}, which Braid does not know and will not ignore`;
  throw refused(file, message, "set it to null if it changes nothing for this model");
}

function resizeOf(
  all: JsonRecord,
  square: boolean,
  file: string,
): NonNullable<PreprocessSettings["resize"]> {
  const code = numberAt(all, "resample", file);
  const filter = code === undefined ? undefined : filterOfCode[code];
  if (filter === undefined) {
    const codes = filterOfCode.map((name, index) => `${index} ${name}`).join(", ");
    throw refused(file, `has \`resample\` ${describe(code)}`, `the filters are ${codes}`);
  }
  const size = member(all, "size");
  if (isSide(size) && !square) {
    return { kind: "shortest", shortestEdge: size, filter };
  }
  const edge = isRecord(size) ? member(size, "shortest_edge") : undefined;
  if (isRecord(size) && isSide(edge) && Object.keys(size).length === 1) {
    return { kind: "shortest", shortestEdge: edge, filter };
  }
  return { kind: "exact", ...sides(size, "size", file), filter };
}

function cropOf(
  all: JsonRecord,
  file: string,
): { readonly width: number; readonly height: number } {
  return sides(member(all, "crop_size"), "crop_size", file);
}

/** `{ height, width }`, or one number for both. */
function sides(
  size: unknown,
  key: string,
  file: string,
): { readonly width: number; readonly height: number } {
  if (isSide(size)) return { width: size, height: size };
  if (isRecord(size) && Object.keys(size).length === 2) {
    const [width, height] = [member(size, "width"), member(size, "height")];
    if (isSide(width) && isSide(height)) return { width, height };
  }
  const message = `has \`${key}\` ${JSON.stringify(size)}`;
  throw refused(file, message, "give { height, width } in pixels, or for `size` { shortest_edge }");
}

/** A length in pixels that memory can hold. */
function isSide(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 16384;
}

function channels(all: JsonRecord, key: string, file: string): readonly number[] {
  const list = listAt(all, key, file) ?? [];
  const numbers = list.filter((value) => typeof value === "number");
  if (list.length === 3 && numbers.length === 3) return numbers;
  throw refused(file, `has \`${key}\` ${JSON.stringify(list)}`, "give red, green and blue");
}

function deviations(all: JsonRecord, file: string): readonly number[] {
  const list = channels(all, "image_std", file);
  if (list.every((value) => value > 0)) return list;
  throw refused(file, `has \`image_std\` ${JSON.stringify(list)}`, "a deviation is above zero");
}

function refused(file: string, message: string, hint: string): BraidError {
  return new BraidError("image/settings", `${file} ${message}`, { hint });
}
