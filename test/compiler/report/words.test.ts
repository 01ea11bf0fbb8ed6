/** Numbers and paths as people read them. */

import { expect, test } from "vitest";
import { showPaths } from "../../../compiler/report/paths.ts";
import { textTable, wrapped } from "../../../compiler/report/text-table.ts";
import { showBytes, showFlops, showPercent } from "../../../compiler/report/units.ts";

test.each([
  [0, "0"],
  [7, "7 FLOP"],
  [999, "999 FLOP"],
  [1000, "1.00 kFLOP"],
  [12_340, "12.3 kFLOP"],
  [999_400, "999 kFLOP"],
  [999_600, "1.00 MFLOP"],
  [8_504_035_246_080, "8.50 TFLOP"],
  [-193_000_000_000, "−193 GFLOP"],
])("%d operations", (flops, text) => {
  expect(showFlops(flops)).toBe(text);
});

test.each([
  [0, "0"],
  [16, "16 B"],
  [1024, "1.00 KiB"],
  [301_989_888, "288 MiB"],
  [28_238_151_680, "26.3 GiB"],
])("%d bytes", (bytes, text) => {
  expect(showBytes(bytes)).toBe(text);
});

test("parts of nothing have no percentage", () => {
  expect([showPercent(905, 1000), showPercent(1, 0)]).toEqual(["90.5 %", "–"]);
});

test.each([
  [["a.layers.0.x", "a.layers.1.x", "a.layers.2.x"], ["a.layers[0..2].x"]],
  [["a.layers.3.x"], ["a.layers.3.x"]],
  [["l.0", "l.1", "l.4"], ["l[0..1, 4]"]],
  [["l.0.h.0", "l.0.h.1", "l.1.h.0", "l.1.h.1"], ["l[0..1].h[0..1]"]],
  [
    ["l.0.h.0", "l.1.h.1"],
    ["l.0.h.0", "l.1.h.1"],
  ],
  [["", "", ""], [""]],
  [
    ["tower.0", "head"],
    ["tower.0", "head"],
  ],
])("paths %j", (paths, shown) => {
  expect(showPaths(paths)).toEqual(shown);
});

test("tables put numbers to the right, lines break between words", () => {
  const rows = [
    ["a", "1"],
    ["long", "100"],
  ];
  expect(textTable(rows, ["left", "right"])).toEqual(["  a        1", "  long   100"]);
  expect(wrapped("one two three", 9, ["> ", "  "])).toEqual(["> one two", "  three"]);
});
