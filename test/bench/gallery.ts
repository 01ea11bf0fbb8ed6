/**
 * The masks of `examples/attention` at any length: the gallery's own are drawn small, so here each is
 * the same mask of `std/attention` with windows, chunks and data that grow with the rows.
 */

/** Token data of a mask. */
export interface GalleryData {
  readonly name: string;
  readonly of: "query" | "key" | "heads";
  readonly values: readonly number[];
}

/** One mask over given rows. */
export interface GalleryMask {
  readonly name: string;
  /** As an expression of `std/attention`. */
  readonly mask: string;
  /** Rows by segment, in storage order; or queries that attend to other rows. */
  readonly rows:
    | { readonly kind: "sequence"; readonly segments: readonly (readonly [string, number])[] }
    | { readonly kind: "cross"; readonly queries: number; readonly keys: number };
  readonly data: readonly GalleryData[];
}

/** The gallery with about `rows` query and key rows, a square number; windows are eighths of that. */
export function galleryOf(rows: number): readonly GalleryMask[] {
  const [half, quarter, eighth, side] = [rows / 2, rows / 4, rows / 8, Math.sqrt(rows)];
  const plain = (name: string, mask: string): GalleryMask => {
    return { name, mask, rows: { kind: "sequence", segments: [["text", rows]] }, data: [] };
  };
  const mixed = (name: string, mask: string): GalleryMask => {
    const segments = [["visual", rows - quarter] as const, ["text", quarter] as const];
    return { name, mask, rows: { kind: "sequence", segments }, data: [] };
  };
  const over = (
    name: string,
    mask: string,
    data: Record<string, readonly number[]>,
  ): GalleryMask => ({
    ...plain(name, mask),
    data: Object.entries(data).map(([each, values]) => ({ name: each, of: "query", values })),
  });
  const cross = (
    name: string,
    mask: string,
    query: readonly [string, readonly number[]],
    key: readonly [string, readonly number[]],
  ): GalleryMask => ({
    name,
    mask,
    rows: { kind: "cross", queries: query[1].length, keys: key[1].length },
    data: [
      { name: query[0], of: "query", values: query[1] },
      { name: key[0], of: "key", values: key[1] },
    ],
  });
  const each = (of: (row: number) => number): readonly number[] =>
    Array.from({ length: rows }, (_, row) => of(row));
  // Documents of different lengths, the ends on no tile's edge.
  const document = each((row) => Math.floor((row * row) / (rows * eighth)));
  const interleaved = each((row) => {
    const place = row % quarter;
    return place < eighth ? -1 : Math.floor(row / quarter);
  });
  const times = each((row) => Math.floor((row * 8) / rows));
  return [
    plain("causal", "causal"),
    {
      ...plain("causal_lower_right", `causal_lower_right(${half})`),
      rows: { kind: "cross", queries: half, keys: rows },
    },
    plain("sliding_window", `causal and window(${eighth})`),
    plain("dilated", `causal and window(${quarter}) and dilated(3)`),
    plain("chunked", `causal and chunked(${eighth})`),
    plain("prefix_lm", `prefix_lm(${quarter})`),
    over("document_packing", "causal and documents(document)", { document }),
    over("block_images", "documents(document)", { document }),
    mixed("composite", "composite"),
    mixed("text_queries", "text_only"),
    mixed("hollow", `hollow(${eighth})`),
    over("image_bidirectional", "image_bidirectional(image_of)", { image_of: interleaved }),
    mixed("image_prefix", `image_prefix(${rows - eighth})`),
    over("tile_tags", "tile_tags(tile)", { tile: interleaved }),
    cross(
      "media_immediate",
      "immediate_media(text_time, media_time)",
      ["text_time", times],
      ["media_time", times.map((time) => time + 1)],
    ),
    cross(
      "media_previous",
      "previous_media(text_time, media_time)",
      ["text_time", times],
      ["media_time", times.map((time) => time + 1)],
    ),
    cross(
      "placeholder",
      "placeholder(text_index, media_index)",
      ["text_index", each((row) => row)],
      ["media_index", times.map((time) => time * eighth + 5)],
    ),
    over("shared_prefix", "shared_prefix(branch)", { branch: times.map((time) => time - 2) }),
    over("tree", "tree(last)", { last: treeOf(rows) }),
    plain("block_causal", "block_causal(64)"),
    over("block_diffusion", "block_diffusion(noised, block)", {
      noised: each((row) => (row < half ? 1 : 0)),
      block: each((row) => Math.floor((row % half) / 64)),
    }),
    plain("neighbourhood", `neighbourhood(${rows}, ${eighth})`),
    plain("grid_neighbourhood", `grid_neighbourhood(${side}, ${side}, 3)`),
    over("near", "near(row, col, 3)", {
      row: each((row) => Math.floor(row / side)),
      col: each((row) => row % side),
    }),
    over("sliding_tile", "sliding_tile(row, col, 8, 1)", {
      row: each((row) => Math.floor(row / side)),
      col: each((row) => row % side),
    }),
    plain("global_tokens", `global(16) or causal and window(${eighth})`),
    plain("sink_tokens", `sink_tokens(4, ${eighth})`),
    {
      ...plain("head_windows", "head_windows(width)"),
      data: [{ name: "width", of: "heads", values: [eighth] }],
    },
    plain("strided", "strided(64)"),
    plain("fixed", "fixed(64)"),
    plain("checkerboard", "checkerboard(64)"),
  ];
}

/** The last descendant of each node of a tree in depth-first order, three children a node. */
function treeOf(rows: number): readonly number[] {
  const last = new Array<number>(rows).fill(0);
  const grow = (first: number, count: number): void => {
    if (count === 0) return;
    last[first] = first + count - 1;
    let at = first + 1;
    for (let child = 3; child > 0; child--) {
      const size = Math.floor((first + count - at) / child);
      grow(at, size);
      at += size;
    }
  };
  grow(0, rows);
  return last;
}

/**
 * A model that attends with `mask`: queries and keys of `heads` heads of `width` numbers. `dense`
 * hides the same pairs by their scores, of which the compiler concludes nothing.
 */
export function specOf(
  { mask, rows, data }: GalleryMask,
  heads: number,
  width: number,
  dense: boolean = false,
): string {
  const names = [...new Set(mask.match(/[a-z_]+(?=\(|\b)/g) ?? [])].filter((word) =>
    isMask(word, data),
  );
  const shape = "H, E";
  const inputs =
    rows.kind === "cross"
      ? [`input q: [Query, ${shape}]`, `input k: [Key, ${shape}]`, `input v: [Key, ${shape}]`]
      : rows.segments.flatMap(([name]) =>
          ["q", "k", "v"].map((each) => `input ${each}_${name}: [Of_${name}, ${shape}]`),
        );
  const joined =
    rows.kind === "cross"
      ? []
      : [
          `sequence S = ${rows.segments.map(([name]) => `${name}: Of_${name}`).join(", ")}`,
          ...["q", "k", "v"].map(
            (each) =>
              `${each} = join S(${rows.segments.map(([name]) => `${name} = ${each}_${name}`).join(", ")})`,
          ),
        ];
  const axes = rows.kind === "cross" ? { query: "Query", key: "Key" } : { query: "S", key: "S" };
  const declared = data.map(
    ({ name, of }) => `input ${name}: int[${of === "heads" ? "H" : axes[of]}]`,
  );
  const formals = data.map(({ name, of }) => `${name}: int[${of === "heads" ? "H" : axes[of]}]`);
  const given = data.map(({ name }) => name).join(", ");
  const hides = given === "" ? "score = hide" : `score = hide(${given})`;
  const how = `${dense ? hides : `mask = ${mask}`}, rows = ${axes.query}`;
  const attend =
    rows.kind === "cross"
      ? `attend(q, k, v over Key; ${how})`
      : `attend(q, k[S as K], v[S as K] over K; ${how})`;
  const signature = formals.length === 0 ? "" : `(${formals.join(", ")})`;
  const score = `score hide${signature}(s, q, k) = where(${mask}, s, 0 - 1000000000)`;
  const lines = [...inputs, ...joined, ...declared, `output seen = ${attend}`];
  return `import { ${names.join(", ")} } from "std/attention"
${dense ? score : ""}
model Bench[H = ${heads}, E = ${width}] {
${lines.map((line) => `  ${line}`).join("\n")}
}
`;
}

function isMask(word: string, data: readonly GalleryData[]): boolean {
  return !["and", "or", "not"].includes(word) && data.every(({ name }) => name !== word);
}
