/**
 * The gallery of masks: its page and pictures are current (`npm run gallery` writes them), every mask
 * is drawn, and the classes of its tiles are what looking at every pair finds.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openMasks } from "../../compiler/cli/mask-target.ts";
import { evaluatePredicate } from "../../compiler/mask/index.ts";
import type { MaskPicture } from "../../compiler/report/mask-picture.ts";
import { maskSvg } from "../../compiler/report/mask-svg.ts";
import { rowFacts, visitTiles } from "../../compiler/report/tile-grid.ts";
import { showPercent } from "../../compiler/report/units.ts";
import { parse } from "../../grammar/index.ts";
import { gallery, type GalleryEntry } from "./gallery-table.ts";

const folder = new URL("../../examples/attention/", import.meta.url);
const file = "examples/attention/gallery.braid";
const text = readFileSync(new URL("gallery.braid", folder), "utf8");
const masks = parse({ file, text }).module.declarations.flatMap((each) =>
  each.kind === "mask" ? [each] : [],
);

const pictures = new Map(gallery.map((each) => [each.name, pictureOf(each)]));

function pictureOf({ name, length, data, tile }: GalleryEntry): MaskPicture {
  const { masks: drawn } = openMasks({
    target: `${file}:${name}`,
    length,
    tile,
    data: new Map(Object.entries(data)),
    set: new Map(),
  });
  const [first] = drawn ?? [];
  if (first === undefined) throw new Error(`${name} is not drawn`);
  return first.picture;
}

test("every mask of the file has a picture, and no picture is left over", () => {
  expect(gallery.map(({ name }) => name)).toEqual(masks.map(({ name }) => name.text));
  const shown = new URL("pictures/", folder);
  const files = existsSync(shown) ? readdirSync(shown) : [];
  expect(files.filter((each) => !pictures.has(each.replace(/\.svg$/, "")))).toEqual([]);
});

test.each(gallery)("$name: the picture is current", async ({ name }) => {
  const picture = pictures.get(name);
  if (picture === undefined) throw new Error(name);
  const svg = maskSvg(picture);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  await expect(svg).toMatchFileSnapshot(new URL(`pictures/${name}.svg`, folder).pathname);
});

test.each(gallery)("$name: tiles are what all pairs say", ({ name, data }) => {
  const picture = pictures.get(name);
  let visible = 0;
  for (const { grid, written } of picture?.cells ?? []) {
    visitTiles(grid, ({ rows, columns, class: kind }) => {
      const { tile, queries, keys } = grid;
      let [seen, pairs] = [0, 0];
      for (let q = rows[0] * tile.queries; q < Math.min(queries.count, rows[1] * tile.queries); q++)
        for (
          let k = columns[0] * tile.keys;
          k < Math.min(keys.count, columns[1] * tile.keys);
          k++
        ) {
          pairs++;
          if (evaluatePredicate(written, rowFacts(grid, q, k))) seen++;
        }
      visible += seen;
      const found = seen === 0 ? "never" : seen === pairs ? "always" : "maybe";
      // Of token data only the least and the largest of a tile are known: it may be looked at in vain.
      if (Object.keys(data).length === 0 || kind !== "maybe") expect(kind).toBe(found);
    });
  }
  const whole = picture?.cells.every(({ rows }) => rows === "attend") ?? false;
  if (whole) expect(picture?.pairs.computed).toBe(visible);
  expect(visible).toBeGreaterThan(0);
});

test("the page is current", async () => {
  await expect(page()).toMatchFileSnapshot(new URL("README.md", folder).pathname);
});

function page(): string {
  const intro = `# Attention masks

Each of these is a line or two of [gallery.braid](gallery.braid). The compiler reads the line, not a matrix: it knows which tiles
nobody computes, for every length. Draw your own:

\`\`\`
npx braid mask ${file}:composite --length visual=64,text=20 --why 70,12
npx braid mask "std/attention:causal and window(8)" --length Rows=64 --svg window.svg
\`\`\`

In a picture keys run to the right and queries down. Filled tiles are seen whole, tiles with a light ground are tested pair by pair, pale
ones are skipped. \`std/attention\` has the same masks with parameters. \`npm run gallery\` writes this page.

${gallery.map(({ name, title }) => `[${title}](#${name})`).join(" · ")}
`;
  return [intro, ...gallery.map(section)].join("\n");
}

function section({ name, title, length, data, tile }: GalleryEntry): string {
  const mask = masks.find((each) => each.name.text === name);
  const picture = pictures.get(name);
  if (mask === undefined || picture === undefined) throw new Error(name);
  const { pairs, tiles } = picture;
  const hidden = [pairs, tiles].map(({ computed, all }) => showPercent(all - computed, all));
  const given = Object.entries(data).map(([each, values]) => ` --data ${each}=${values}`);
  return `## <a id="${name}"></a>${title}

${mask.doc.replaceAll("\n", " ")}

\`\`\`braid
${text.slice(mask.span.start, mask.span.end).trim()}
\`\`\`

<img src="pictures/${name}.svg" alt="${title}" width="420">

Not computed: ${hidden[0]} of pairs, ${hidden[1]} of tiles of ${tile} × ${tile}. Drawn with \`--length ${length}${given.join("")} --tile ${tile}\`.
`;
}
