/** The attentions that are timed. */

import { isVisible } from "../../compiler/report/tile-grid.ts";
import { gridsOf } from "./attention-tiles.ts";
import { type GalleryMask, galleryOf, specOf } from "./gallery.ts";

/** One attention: a spec, its inputs, and its mask by definition. */
export interface AttentionCase {
  readonly name: string;
  readonly text: string;
  /** The same with the mask in the scores, if that is a case. */
  readonly dense?: string;
  readonly heads: number;
  readonly width: number;
  readonly queries: number;
  readonly keys: number;
  /** The spec's inputs as rows of q, k or v. */
  readonly inputs: readonly {
    readonly name: string;
    readonly of: "q" | "k" | "v";
    readonly from: number;
    readonly rows: number;
  }[];
  /** Token data and positions. */
  readonly data: Readonly<Record<string, readonly number[]>>;
  /** Whether a query row sees a key row, both counted in storage order. */
  readonly visible: (query: number, key: number) => boolean;
}

const visual = 576;
const text = 256;

function sequence(from: number, rows: number): readonly number[] {
  return Array.from({ length: rows }, (_, row) => from + row);
}

/** Text over an image and itself, as in `design/peers`: EE-MLLM's decoder, 8 heads of 64. */
const composite: AttentionCase = {
  name: "composite, 256 text rows over 576 visual and 256 text keys, 8 × 64",
  text: `import { composite } from "std/attention"
model Composite[H = 8, E = 64] {
  input q: [T, H, E]
  input k_visual: [V, H, E]
  input k_text: [T, H, E]
  input v_visual: [V, H, E]
  input v_text: [T, H, E]
  sequence S = visual: V, text: T
  k = join S(visual = k_visual, text = k_text)
  v = join S(visual = v_visual, text = v_text)
  output seen = attend(q, k[S as K], v[S as K] over K; mask = composite)
}
`,
  heads: 8,
  width: 64,
  queries: text,
  keys: visual + text,
  inputs: [
    { name: "q", of: "q", from: 0, rows: text },
    { name: "k_visual", of: "k", from: 0, rows: visual },
    { name: "k_text", of: "k", from: visual, rows: text },
    { name: "v_visual", of: "v", from: 0, rows: visual },
    { name: "v_text", of: "v", from: visual, rows: text },
  ],
  data: { "position.visual": sequence(0, visual), "position.text": sequence(visual, text) },
  visible: (query, key) => key <= visual + query,
};

/** A case that is made when it is asked for: the definition of a mask looks at every pair. */
export interface NamedCase {
  readonly name: string;
  readonly make: () => AttentionCase;
}

/** Composite attention, then the gallery at these lengths, 2 heads of 64. */
export function attentionCases(lengths: readonly number[]): readonly NamedCase[] {
  return [
    { name: composite.name, make: () => composite },
    ...lengths.flatMap((rows) =>
      galleryOf(rows).map((mask) => {
        const name = `${mask.name}, ${rows} rows`;
        return { name, make: () => caseOf(mask, name) };
      }),
    ),
  ];
}

function caseOf(mask: GalleryMask, name: string): AttentionCase {
  const [heads, width] = [2, 64];
  const { rows } = mask;
  const [queries, keys] =
    rows.kind === "cross"
      ? [rows.queries, rows.keys]
      : [0, 0].map(() => rows.segments.reduce((sum, [, each]) => sum + each, 0));
  if (queries === undefined || keys === undefined) throw new Error("queries and keys");
  const seen = new Uint8Array(queries * keys);
  for (const { grid, from } of gridsOf(mask, 16)) {
    for (let row = 0; row < grid.queries.count; row++) {
      for (let key = 0; key < grid.keys.count; key++)
        if (isVisible(grid, row, key)) seen[(from[0] + row) * keys + from[1] + key] = 1;
    }
  }
  const data = Object.fromEntries(
    mask.data.map(({ name: datum, of, values }): [string, readonly number[]] => [
      datum,
      of === "heads" ? Array.from({ length: heads }, () => values[0] ?? 0) : values,
    ]),
  );
  return {
    name,
    text: specOf(mask, heads, width),
    dense: specOf(mask, heads, width, true),
    heads,
    width,
    queries,
    keys,
    ...inputsOf(mask, data),
    visible: (query, key) => seen[query * keys + key] === 1,
  };
}

function inputsOf(
  { rows }: GalleryMask,
  data: Readonly<Record<string, readonly number[]>>,
): Pick<AttentionCase, "inputs" | "data"> {
  const all = ["q", "k", "v"] as const;
  if (rows.kind === "cross") {
    const inputs = all.map((of) => ({
      name: of,
      of,
      from: 0,
      rows: of === "q" ? rows.queries : rows.keys,
    }));
    return { inputs, data };
  }
  let from = 0;
  const inputs: AttentionCase["inputs"][number][] = [];
  const positions: Record<string, readonly number[]> = {};
  for (const [name, count] of rows.segments) {
    for (const of of all) inputs.push({ name: `${of}_${name}`, of, from, rows: count });
    positions[`position.${name}`] = sequence(from, count);
    from += count;
  }
  return { inputs, data: { ...data, ...positions } };
}
