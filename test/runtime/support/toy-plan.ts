/**
 * A plan small enough to check by hand that has everything a plan can have: an image phase, a place
 * phase that follows it, an extend phase with a cache, a repeat with tables, variants, a copy.
 *
 * What it computes (`toyReference` says it again, plainly): each image is three rows; `placed` is
 * twice the image plus the position of the row; text rows are looked up, doubled twice, and cached;
 * the logits of a row prefer the token `sum of all visible numbers modulo 8`.
 */

import type { Plan, PlanStep, Size } from "../../../runtime/contract.ts";
import { floats, type HostTensor, integers } from "../../../runtime/tensor.ts";

const rows: Size = ["*", "T", 2];
const visual: Size = ["*", "Image", 3];
const visualSize: Size = ["*", visual, 2];

function dispatch(
  label: string,
  kernel: string,
  groups: Size,
  buffers: Extract<PlanStep, { kind: "dispatch" }>["buffers"],
  scalars: readonly Size[],
): PlanStep {
  return { kind: "dispatch", label, variants: [{ kernel, groups }], buffers, scalars, flops: 0 };
}

/** The plan for kernels of `target`; the same but for that word. */
export function toyPlan(target: "cpu" | "gpu"): Plan {
  return {
    version: 1,
    model: "Toy",
    target,
    symbols: [
      { name: "Image", source: { kind: "input", input: "image", axis: 0 } },
      { name: "T", source: { kind: "input", input: "prompt", axis: 0 } },
      { name: "past", source: { kind: "past" } },
    ],
    weights: [{ name: "table", alternatives: [["table"]], shape: [8, 2], stacked: false }],
    constants: [{ name: "offset", element: "f32", shape: [2], data: [10, 20] }],
    inputs: [
      {
        name: "image",
        role: "tensor",
        element: "f32",
        axes: [
          { label: "Image", size: "Image" },
          { label: "D", size: 2 },
        ],
      },
      {
        name: "prompt",
        role: "token",
        element: "i32",
        axes: [{ label: "T", size: "T" }],
        bound: 8,
      },
      {
        name: "positions.visual",
        role: "position",
        element: "i32",
        axes: [{ label: "V", size: visual }],
        segment: "visual",
      },
      {
        name: "positions.text",
        role: "position",
        element: "i32",
        axes: [{ label: "T", size: "T" }],
        segment: "text",
      },
    ],
    segments: [
      { name: "visual", positions: "positions.visual", placeholder: "<image>", size: visual },
      { name: "text", positions: "positions.text", size: "T" },
    ],
    states: [
      {
        name: "seen",
        kind: "value",
        element: "f32",
        axes: [
          { label: "V", size: visual },
          { label: "D", size: 2 },
        ],
        phase: "image",
      },
      {
        name: "placed",
        kind: "value",
        element: "f32",
        axes: [
          { label: "V", size: visual },
          { label: "D", size: 2 },
        ],
        phase: "place",
      },
      {
        name: "keys",
        kind: "cache",
        element: "f32",
        axes: [
          { label: "S", size: ["+", "past", "T"] },
          { label: "D", size: 2 },
        ],
        phase: "extend",
      },
    ],
    phases: [imagePhase, placePhase, extendPhase],
    kernels: [
      kernel("scale", ["x", "!y"], ["n", "factor"]),
      kernel("spread", ["x", "!y"], ["n"]),
      kernel("shift", ["x", "#positions", "!y"], ["n"]),
      kernel("gather", ["table", "#tokens", "!y"], ["n"]),
      kernel("append", ["x", "offset", "!keys"], ["n", "past"]),
      kernel("score", ["keys", "placed", "!logits"], ["n", "past", "visual"]),
    ],
    generation: {
      tokens: "prompt",
      logits: "logits",
      positions: "positions.text",
      vocabulary: 8,
    },
    configChecks: [],
  };
}

const imagePhase: Plan["phases"][number] = {
  name: "image",
  kind: "static",
  doc: "what depends on the images alone",
  inputs: ["image"],
  reads: [],
  writes: ["seen"],
  outputs: [],
  buffers: [{ name: "doubled", element: "f32", size: ["*", "Image", 2], first: 0, last: 1 }],
  steps: [
    dispatch(
      "doubled",
      "scale",
      ["*", "Image", 2],
      [
        { kind: "input", name: "image" },
        { kind: "buffer", name: "doubled" },
      ],
      [["*", "Image", 2], 2],
    ),
    dispatch(
      "seen",
      "spread",
      visualSize,
      [
        { kind: "buffer", name: "doubled" },
        { kind: "state", name: "seen" },
      ],
      [visualSize],
    ),
  ],
};

const placePhase: Plan["phases"][number] = {
  name: "place",
  kind: "static",
  doc: "what depends on where the images stand",
  inputs: ["positions.visual"],
  reads: ["seen"],
  writes: ["placed"],
  outputs: [],
  buffers: [],
  steps: [
    dispatch(
      "placed",
      "shift",
      visualSize,
      [
        { kind: "state", name: "seen" },
        { kind: "input", name: "positions.visual" },
        { kind: "state", name: "placed" },
      ],
      [visualSize],
    ),
  ],
};

const extendPhase: Plan["phases"][number] = {
  name: "extend",
  kind: "extend",
  doc: "the rows of the text",
  inputs: ["prompt", "positions.text"],
  reads: ["placed", "keys"],
  writes: ["keys"],
  outputs: [
    {
      name: "logits",
      element: "f32",
      axes: [
        { label: "T", size: "T" },
        { label: "Vocab", size: 8 },
      ],
    },
    {
      name: "text",
      element: "f32",
      axes: [
        { label: "T", size: "T" },
        { label: "D", size: 2 },
      ],
    },
  ],
  buffers: [
    { name: "a", element: "f32", size: rows, first: 0, last: 3 },
    { name: "b", element: "f32", size: rows, first: 1, last: 1 },
  ],
  steps: [
    dispatch(
      "text",
      "gather",
      rows,
      [
        { kind: "weight", name: "table" },
        { kind: "input", name: "prompt" },
        { kind: "buffer", name: "a" },
      ],
      [rows],
    ),
    {
      kind: "repeat",
      count: 2,
      tables: {
        from: [
          { kind: "buffer", name: "a" },
          { kind: "buffer", name: "b" },
        ],
        to: [
          { kind: "buffer", name: "b" },
          { kind: "buffer", name: "a" },
        ],
      },
      steps: [
        {
          kind: "dispatch",
          label: "layers.doubled",
          variants: [
            { when: { size: "T", atMost: 1 }, kernel: "scale", groups: rows },
            { kernel: "scale", groups: rows },
          ],
          buffers: [
            { kind: "table", name: "from" },
            { kind: "table", name: "to" },
          ],
          scalars: [rows, 2],
          flops: rows,
        },
      ],
    },
    {
      kind: "copy",
      label: "text",
      from: { kind: "buffer", name: "a" },
      to: { kind: "output", name: "text" },
      size: rows,
      toOffset: 0,
    },
    dispatch(
      "keys",
      "append",
      rows,
      [
        { kind: "buffer", name: "a" },
        { kind: "constant", name: "offset" },
        { kind: "state", name: "keys" },
      ],
      [rows, "past"],
    ),
    dispatch(
      "logits",
      "score",
      ["*", "T", 8],
      [
        { kind: "state", name: "keys" },
        { kind: "state", name: "placed" },
        { kind: "output", name: "logits" },
      ],
      [["*", "T", 8], "past", visualSize],
    ),
  ],
};

/** `x`: read floats, `#x`: read integers, `!x`: written floats. */
function kernel(
  name: string,
  buffers: readonly string[],
  scalars: readonly string[],
): Plan["kernels"][number] {
  return {
    name,
    buffers: buffers.map((buffer) => ({
      name: buffer.replace(/^[#!]/, ""),
      element: buffer.startsWith("#") ? "i32" : "f32",
      access: buffer.startsWith("!") ? "write" : "read",
    })),
    scalars,
    workgroupSize: 1,
  };
}

/** The weights of the toy: small whole numbers, so that every sum is exact. */
export const toyWeights: ReadonlyMap<string, Float32Array> = new Map([
  ["table", Float32Array.from({ length: 16 }, (_, index) => ((index * 7) % 5) - 1)],
]);

/** Images with whole numbers. */
export function toyImages(...images: readonly (readonly [number, number])[]): HostTensor {
  return floats(images.flat(), [images.length, 2]);
}

/** The logits of all text rows, by the description above and nothing else. */
export function toyReference(
  images: readonly (readonly [number, number])[],
  visualPositions: readonly number[],
  prompt: readonly number[],
): readonly number[] {
  const placed = visualPositions.flatMap((position, row) =>
    (images[Math.floor(row / 3)] ?? []).map((value) => 2 * value + position),
  );
  let sum = placed.reduce((total, value) => total + value, 0);
  return prompt.flatMap((token) => {
    const [first = 0, second = 0] = [0, 1].map((c) => toyWeights.get("table")?.[token * 2 + c]);
    sum += 4 * first + 10 + 4 * second + 20;
    const wanted = sum - 8 * Math.floor(sum / 8);
    return Array.from({ length: 8 }, (_, vocabulary) => -((vocabulary - wanted) ** 2));
  });
}

/** The inputs of one prompt: positions count the rows of the images first. */
export function toyInputs(
  images: readonly (readonly [number, number])[],
  prompt: readonly number[],
): Readonly<Record<string, HostTensor>> {
  const visible = images.length * 3;
  return {
    image: toyImages(...images),
    "positions.visual": integers(Array.from({ length: visible }, (_, row) => row)),
    prompt: integers(prompt),
    "positions.text": integers(prompt.map((_, row) => visible + row)),
  };
}
