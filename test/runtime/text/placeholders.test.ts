/** Prompts taken apart at their placeholders. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { type SplitPrompt, splitPlaceholders } from "../../../runtime/text/placeholders.ts";
import { failure } from "../weights/sample-files.ts";

const image = 3;

function plain(split: SplitPrompt): readonly (readonly number[])[] {
  return [[...split.text], [...split.textPositions], [...split.visualPositions]];
}

test.each([
  ["no image", [1, 5, 6], [], [[1, 5, 6], [0, 1, 2], []]],
  [
    "one image between words",
    [1, image, 5],
    [2],
    [
      [1, 5],
      [0, 3],
      [1, 2],
    ],
  ],
  [
    "image at the end",
    [1, 5, image],
    [3],
    [
      [1, 5],
      [0, 1],
      [2, 3, 4],
    ],
  ],
  [
    "two images of different size",
    [image, 7, image, 8],
    [2, 1],
    [
      [7, 8],
      [2, 4],
      [0, 1, 3],
    ],
  ],
  [
    "adjacent images",
    [1, image, image, 5],
    [2, 1],
    [
      [1, 5],
      [0, 4],
      [1, 2, 3],
    ],
  ],
  ["an image without rows", [1, image, 5], [0], [[1, 5], [0, 1], []]],
  [
    "one placeholder for each row",
    [1, image, image, image, 5],
    [3],
    [
      [1, 5],
      [0, 4],
      [1, 2, 3],
    ],
  ],
  ["one for each row of two images", [image, image, 7, image], [2, 1], [[7], [2], [0, 1, 3]]],
  ["one for each row of adjacent images", [image, image, image, 7], [2, 1], [[7], [3], [0, 1, 2]]],
  ["nothing", [], [], [[], [], []]],
])("%s", (_, ids, rows, expected) => {
  expect(plain(splitPlaceholders(ids, image, rows))).toEqual(expected);
});

test.each<readonly [string, readonly number[], readonly number[], RegExp]>([
  [
    "image without placeholder",
    [1, 5],
    [4],
    /text\/placeholders: the prompt has 0 placeholders for 1 image\n.*\(4\)/,
  ],
  ["placeholder without image", [1, image], [], /1 placeholder for 0 images\n.*\(none\)/],
  ["too few", [image, 5], [4, 4], /1 placeholder for 2 images/],
  ["neither one nor all rows", [image, image], [3], /2 placeholders for 1 image/],
  ["rows torn apart", [image, 5, image, image], [2, 1], /3 placeholders for 2 images/],
])("refused: %s", async (_, ids, rows, expected) => {
  expect(await failure(() => splitPlaceholders(ids, image, rows))).toMatch(expected);
});

test("positions are those of the spliced prompt", () => {
  const piece = fc.oneof(fc.integer({ min: 4, max: 9 }), fc.record({ rows: fc.nat(4) }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const ids = pieces.map((each) => (typeof each === "number" ? each : image));
      const rows = pieces.flatMap((each) => (typeof each === "number" ? [] : [each.rows]));
      const spliced = pieces.flatMap((each) =>
        typeof each === "number" ? [each] : Array<number>(each.rows).fill(-1),
      );
      const split = splitPlaceholders(ids, image, rows);
      const rebuilt = Array<number>(spliced.length).fill(0);
      split.text.forEach((id, at) => {
        rebuilt[split.textPositions[at] ?? -1] = id;
      });
      for (const position of split.visualPositions) rebuilt[position] = -1;
      expect(rebuilt).toEqual(spliced);
      expect(split.text.length + split.visualPositions.length).toBe(spliced.length);
    }),
    { seed: 7 },
  );
});
