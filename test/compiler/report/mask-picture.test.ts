/** Pictures of masks: what they show, and that the example's picture is up to date. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkModel } from "../../../compiler/compile.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import { readLengths } from "../../../compiler/report/lengths.ts";
import { type MaskPicture, maskPicture } from "../../../compiler/report/mask-picture.ts";
import { maskSvg } from "../../../compiler/report/mask-svg.ts";
import { maskText } from "../../../compiler/report/mask-text.ts";
import { composite, imageBothWays, sliding, textOnly, toyMllm } from "../../support/toy-mllm.ts";

/** The picture of the last attention of `graph`. */
function picture(graph: Graph, length: string, tile: number): MaskPicture {
  const read = readLengths(graph, length);
  if (read.kind === "mistake") throw new Error(read.message);
  const node = graph.nodes.findLast(({ op }) => op.kind === "attend");
  if (node?.op.kind !== "attend") throw new Error("no attention");
  return maskPicture(graph, node.op, node.args, read.lengths, tile);
}

function toy(mask: Predicate, length: string, tile: number): string {
  return `\n${maskText(picture(toyMllm({ layers: [{ mask }] }), length, tile))}\n`;
}

test("composite", () => {
  expect(toy(composite, "image=3,text=7", 2)).toBe(`
q in text and k <= q or q in visual and k == q

       visua text
visual ╲···· ····
       ·╲··· ····
       ··╲·· ····
       ···╲· ····
       ····╲ ····

text   █████ ▒···
       █████ █▒··
       █████ ██▒·
       █████ ████

a tile is 2 × 2   █ seen whole   ▒ tested pair by pair   · skipped   ╲ its own value, no score
not computed: 64.5 % of pairs, 63.0 % of tiles
`);
});

test("a window over images that see themselves both ways", () => {
  expect(toy(sliding(3), "image=2,text=4", 1)).toContain("not computed: 73.0 % of pairs");
  expect(toy(imageBothWays, "image=2,text=4", 2)).toBe(`
k <= q or q in visual and k in visual

       vis te
visual ███ ··
       ███ ··
       ███ ··

text   ███ ▒·
       ███ █▒

a tile is 2 × 2   █ seen whole   ▒ tested pair by pair   · skipped
not computed: 30.0 % of pairs, 28.0 % of tiles
`);
});

test("segments without rows leave no trace", () => {
  const text = toy(textOnly, "image=0,text=4", 2);
  expect(text).toContain("not computed: 37.5 % of pairs, 25.0 % of tiles");
  const svg = maskSvg(picture(toyMllm({ layers: [{ mask: textOnly }] }), "image=0,text=0", 4));
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
});

test("the picture of the example is the one in its folder", async () => {
  const folder = new URL("../../../examples/ee-mllm/", import.meta.url);
  const file = "ee-mllm.braid";
  const text = readFileSync(new URL(file, folder), "utf8");
  const { value } = checkModel({ file, text });
  if (value === undefined) throw new Error("the example has mistakes");
  const svg = maskSvg(picture(value.graph, "image=1,text=20", 4));
  await expect(svg).toMatchFileSnapshot(new URL("mask.svg", folder).pathname);
});
