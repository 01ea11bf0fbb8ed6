/**
 * From pixels to the vision tower's input, bit by bit as numpy has it; and settings that are
 * refused.
 */

import { expect, test } from "vitest";
import { openPreprocess } from "../../../runtime/image/open.ts";
import { preprocess } from "../../../runtime/image/preprocess.ts";
import { preprocessSettings } from "../../../runtime/image/preprocess-settings.ts";
import type { JsonRecord } from "../../../runtime/json.ts";
import { failure, folderOf } from "../weights/sample-files.ts";
import { fingerprint, noise, pillow } from "./sample-images.ts";

test.each(pillow.preprocess)("$name", ({ from, seed, settings, shape, first, hash }) => {
  const tensor = preprocess(noise(from, seed), preprocessSettings(settings, "p.json"));
  expect([tensor.rows, tensor.columns]).toEqual(shape);
  expect([...tensor.data.subarray(0, 4)]).toEqual(first);
  expect(fingerprint(new Uint8Array(tensor.data.buffer))).toBe(hash);
});

const clip: JsonRecord = { image_processor_type: "CLIPImageProcessor" };

test("keys that ask for nothing, and what a processor does unasked", () => {
  const quiet = {
    ...clip,
    processor_class: "LlavaProcessor",
    do_pad: false,
    pad_size: null,
    data_format: "channels_first",
    size: null,
  };
  expect(preprocessSettings(quiet, "p.json")).toEqual(preprocessSettings(clip, "p.json"));
  expect(preprocessSettings(clip, "p.json")).toMatchObject({
    resize: { kind: "shortest", shortestEdge: 224, filter: "bicubic" },
    crop: { width: 224, height: 224 },
    factor: 1 / 255,
  });
  const off = {
    ...clip,
    do_resize: false,
    do_center_crop: false,
    do_rescale: false,
    do_normalize: false,
  };
  expect(preprocessSettings(off, "p.json")).toEqual({});
  const square = { ...clip, size: 24, default_to_square: true };
  expect(preprocessSettings(square, "p.json").resize).toMatchObject({
    kind: "exact",
    width: 24,
    height: 24,
  });
});

test.each<readonly [string, JsonRecord, RegExp]>([
  [
    "padding",
    { ...clip, do_pad: true },
    /image\/settings: p.json has `do_pad`, which Braid does not know/,
  ],
  [
    "several unknown keys",
    { ...clip, do_reduce_labels: true, patch_size: 14 },
    /`do_reduce_labels`, `patch_size`/,
  ],
  ["channels last", { ...clip, data_format: "channels_last" }, /`data_format`/],
  [
    "unknown processor",
    { image_processor_type: "Idefics3ImageProcessor" },
    /asks for Idefics3ImageProcessor\n.*CLIPImageProcessor/,
  ],
  ["no processor", {}, /has no `image_processor_type`/],
  ["unknown filter", { ...clip, resample: 9 }, /`resample` 9\n.*3 bicubic/],
  ["size of another kind", { ...clip, size: { longest_edge: 9 } }, /`size` \{"longest_edge":9\}/],
  ["size with a limit", { ...clip, size: { shortest_edge: 9, longest_edge: 12 } }, /`size`/],
  ["no size", { ...clip, size: 0 }, /`size` 0/],
  ["crop to an edge", { ...clip, crop_size: { shortest_edge: 9 } }, /`crop_size`/],
  ["two channels", { ...clip, image_mean: [0, 0] }, /`image_mean` \[0,0\]/],
  ["deviation of zero", { ...clip, image_std: [1, 0, 1] }, /`image_std`/],
  ["factor of zero", { ...clip, rescale_factor: 0 }, /`rescale_factor` is 0/],
  [
    "flag that is none",
    { ...clip, do_resize: "yes" },
    /json\/type: `do_resize` in p.json is "yes"/,
  ],
])("refused: %s", async (_, settings, expected) => {
  expect(await failure(() => preprocessSettings(settings, "p.json"))).toMatch(expected);
});

test("the file of its own, the joint file, neither", async () => {
  const own = { "preprocessor_config.json": JSON.stringify({ ...clip, size: 32 }) };
  const joint = {
    "processor_config.json": JSON.stringify({ image_processor: { ...clip, size: 16 } }),
  };
  const edge = async (files: Readonly<Record<string, string>>): Promise<unknown> =>
    (await openPreprocess(folderOf(files))).resize;
  expect(await edge({ ...own, ...joint })).toMatchObject({ shortestEdge: 32 });
  expect(await edge(joint)).toMatchObject({ shortestEdge: 16 });
  expect(await failure(() => edge({ "processor_config.json": "{}" }))).toMatch(
    /weights\/no-file: weights has no preprocessor_config.json, which says how images/,
  );
});
