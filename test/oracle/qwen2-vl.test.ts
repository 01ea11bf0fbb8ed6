/** Qwen2-VL agrees with its oracle: towers, positions in three parts, every layer and the logits. */

import type { Tensor } from "../../compiler/graph/tensor.ts";
import { readCase, readExample, weightsOf } from "./checkpoint.ts";
import { testCases } from "./expect-case.ts";
import { specModel } from "./model.ts";
import { rowsAt } from "./prompts.ts";

const oracle = await readCase("qwen2-vl");
const checkpoint = await readExample("qwen2-vl");
// All rows in one phase: what is generated, phase after phase, is another test's.
const { generation: _, ...graph } = specModel(
  "../../examples/qwen2-vl/qwen2-vl.braid",
  "Qwen2Vl",
).graph;

/** The rows of the prompt that are of a kind: 0 text, 1 image, 2 video. */
const kinds = [...oracle("input.kind").data];
const ids = [...oracle("input.ids").data];
const [textAt, imageAt, videoAt] = [0, 1, 2].map((kind) =>
  [...kinds.keys()].filter((row) => kinds[row] === kind),
);
/** Rows as a sequence stores them, segment after segment. */
const stored = [...(imageAt ?? []), ...(videoAt ?? []), ...(textAt ?? [])];

const ints = (data: readonly number[] = []): Tensor => ({
  element: "int",
  shape: [data.length],
  data,
});

/** Patches in blocks of four. */
function blocks(name: string): Tensor {
  const tensor = oracle(name);
  const [rows = 0, width = 0] = tensor.shape;
  return { ...tensor, shape: [rows / 4, 4, width] };
}

/** Three rows of positions, in the order of `stored`. */
function places(): Tensor {
  const { data } = oracle("output.position");
  const rows = [0, 1, 2].flatMap((axis) =>
    stored.map((row) => data[axis * kinds.length + row] ?? 0),
  );
  return { element: "int", shape: [3, kinds.length], data: rows };
}

function wanted(output: string): Tensor {
  if (output === "images") return oracle("output.vision.merged");
  if (output === "videos") return oracle("output.video.merged");
  if (output === "places") return places();
  if (output === "logits") return rowsAt(oracle("output.logits"), textAt ?? []);
  return rowsAt(oracle(`output.${output.replace(/\W/g, "")}`), stored);
}

await testCases([
  {
    name: "Qwen2Vl",
    graph,
    environment: {
      sizes: new Map([
        ["V", 10],
        ["U", 8],
        ["Image", 2],
        ["Video", 1],
        ["T", textAt?.length ?? 0],
      ]),
      inputs: new Map([
        ["pixels", blocks("input.pixels")],
        ["frames", blocks("input.frames")],
        ["image_grid", oracle("input.image_grid")],
        ["video_grid", oracle("input.video_grid")],
        ["image_of", ints([...Array(6).fill(0), ...Array(4).fill(1)])],
        ["video_of", ints(Array(8).fill(0))],
        ["prompt", ints(textAt?.map((row) => ids[row] ?? 0))],
        ["position.image", ints(imageAt)],
        ["position.video", ints(videoAt)],
        ["position.text", ints(textAt)],
      ]),
      weights: weightsOf(graph, checkpoint),
    },
    checkpoint,
    wanted,
  },
]);
