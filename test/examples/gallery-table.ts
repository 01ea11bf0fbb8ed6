/** How the masks of the gallery are drawn: lengths, token data, and the rows of a tile. */

/** One picture. */
export interface GalleryEntry {
  readonly name: string;
  readonly title: string;
  readonly length: string;
  readonly data: Readonly<Record<string, string>>;
  readonly tile: number;
}

function entry(
  name: string,
  title: string,
  length: string = "Rows=48",
  data: Readonly<Record<string, string>> = {},
  tile: number = 4,
): GalleryEntry {
  return { name, title, length, data, tile };
}

const interleaved = "-1x6,0x12,-1x6,1x16,-1x8";

/** The gallery, in the order of its page. */
export const gallery: readonly GalleryEntry[] = [
  entry("causal", "Causal"),
  entry("causal_lower_right", "Causal, aligned to the last key", "Query=16,Key=48", {
    query_index: "row/1",
    key_index: "row/1",
  }),
  entry("sliding_window", "Sliding window"),
  entry("dilated", "Dilated window"),
  entry("chunked", "Chunked"),
  entry("prefix_lm", "Prefix language model"),
  entry("document_packing", "Document packing", "S=48", { document: "0x20,1x10,2x18" }),
  entry("block_images", "Block-diagonal images", "S=48", { image_of: "0x16,1x24,2x8" }),
  entry("composite", "Composite", "visual=32,text=16"),
  entry("text_queries", "Text queries only", "visual=32,text=16"),
  entry("hollow", "Hollow", "visual=32,text=16"),
  entry("image_bidirectional", "Images that see themselves both ways", "S=48", {
    image_of: interleaved,
  }),
  entry("image_prefix", "Image and question as a prefix", "visual=24,question=12,answer=12"),
  entry("tile_tags", "Tiles of an image", "S=48", { tile: "0x8,1x8,2x8,3x8,-1x16" }),
  entry("media_immediate", "Media time, immediate", "Text=40,Media=24", {
    text_time: "0x6,1x14,2x8,3x12",
    media_time: "1x8,2x8,3x8",
  }),
  entry("media_previous", "Media time, all before", "Text=40,Media=24", {
    text_time: "0x6,1x14,2x8,3x12",
    media_time: "1x8,2x8,3x8",
  }),
  entry("placeholder", "Media at placeholders", "Text=40,Media=24", {
    text_index: "row/1",
    media_index: "5x8,19x8,27x8",
  }),
  entry("shared_prefix", "Shared prefix", "S=48", { branch: "-1x16,0x12,1x8,2x12" }),
  entry(
    "tree",
    "Tree of drafts",
    "S=24",
    { last: "23,11,7,5,4,5,7,7,11,10,10,11,23,17,15,15,17,17,23,22,21,21,22,23" },
    2,
  ),
  entry("block_causal", "Block-causal"),
  entry("block_diffusion", "Block diffusion, training", "noised=32,clean=32", {
    block: "0x8,1x8,2x8,3x8,0x8,1x8,2x8,3x8",
  }),
  entry("neighbourhood", "Neighbourhood"),
  entry("grid_neighbourhood", "Neighbourhood in a grid", "Rows=64"),
  entry("near", "Neighbours by row and column", "S=60", { row: "row/10", col: "row%10" }),
  entry("sliding_tile", "Sliding tile", "S=64", { row: "row/8", col: "row%8" }),
  entry("global_tokens", "Global tokens"),
  entry("sink_tokens", "Window with sink tokens"),
  entry("head_windows", "A window for each head", "Rows=48", { width: "5" }),
  entry("strided", "Strided"),
  entry("fixed", "Fixed"),
  entry("checkerboard", "Checkerboard"),
];
