/** What a mask implies, read off the graphs: which rows are computed where. */

import { expect, test } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import type { Phases } from "../../../compiler/phase/phase.ts";
import { composite, masks, type ToyModel, toyMllm } from "../../support/toy-mllm.ts";

const twice = (mask: ToyModel["layers"][number]["mask"]): ToyModel => ({
  layers: [{ mask }, { mask }],
});

function phasesOf(model: ToyModel): Phases {
  return splitPhases(optimize(toyMllm(model)));
}

/** By weight of a layer: the row axes of its products, in all static phases or in one phase. */
function products(split: Phases, kind: string, layer: number): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const phase of split.phases.filter((each) => each.kind === kind))
    for (const [name, rows] of contractions(phase.graph)) {
      const part = name.startsWith(`layers.${layer}.`) ? name.slice(`layers.${layer}.`.length) : "";
      if (part !== "") found[part] = [...(found[part] ?? []), rows].sort();
    }
  return found;
}

function contractions(graph: Graph): readonly (readonly [string, string])[] {
  return graph.nodes.flatMap((node) => {
    if (node.op.kind !== "contract") return [];
    return node.args.flatMap((arg) => {
      const op = graph.nodes[arg]?.op;
      return op?.kind === "weight" ? [[op.name, node.type.axes[0] ?? ""] as const] : [];
    });
  });
}

test("composite: visual rows have no queries, and the last layer only keys and values of them", () => {
  const split = phasesOf(twice(composite));
  expect(products(split, "static", 0)).toEqual({
    k: ["V"],
    v: ["V"],
    o: ["V"],
    gate: ["V"],
    up: ["V"],
    down: ["V"],
  });
  expect(products(split, "static", 1)).toEqual({ k: ["V"], v: ["V"] });
  const all = { q: ["T"], k: ["T"], v: ["T"], o: ["T"], gate: ["T"], up: ["T"], down: ["T"] };
  expect(products(split, "extend", 0)).toEqual(all);
  const last = { q: ["T.last"], o: ["T.last"], gate: ["T.last"], up: ["T.last"], down: ["T.last"] };
  expect(products(split, "extend", 1)).toEqual({ ...last, k: ["T"], v: ["T"] });
  expect(products(split, "forward", 1)).toEqual(all);
  const attends = split.phases.flatMap((phase) =>
    phase.kind === "static" ? phase.graph.nodes.filter(({ op }) => op.kind === "attend") : [],
  );
  expect(attends).toEqual([]);
});

test("composite: the keys of an image are rotated in a phase of their own, without products", () => {
  const split = phasesOf(twice(composite));
  const place = split.phases.find((phase) => phase.name === "place");
  expect(place?.inputs).toEqual(["position.visual"]);
  expect(place?.graph.weights.size).toBe(0);
  expect(place?.writes).toHaveLength(2);
  const image = split.phases.find((phase) => phase.name === "image");
  expect(image?.inputs).toEqual(["image"]);
  expect(image?.writes).toHaveLength(4);
});

test("causal: one sequence, and nothing of a layer is kept for an image alone", () => {
  const split = phasesOf(twice(masks.causal));
  expect(products(split, "static", 0)).toEqual({});
  expect(products(split, "prompt", 0)).toEqual({
    q: ["S"],
    k: ["S"],
    v: ["S"],
    o: ["S"],
    gate: ["S"],
    up: ["S"],
    down: ["S"],
  });
  const last = { q: ["T.last"], o: ["T.last"], gate: ["T.last"], up: ["T.last"], down: ["T.last"] };
  expect(products(split, "prompt", 1)).toEqual({ ...last, k: ["S"], v: ["S"] });
  expect(products(split, "extend", 0).k).toEqual(["T"]);
  const visual = products(split, "forward", 0);
  expect(visual.q).toEqual(["S"]);
});

test("states of equal layers differ in the layer's number alone", () => {
  const layers = Array.from({ length: 4 }, () => ({ mask: composite }));
  const { states } = phasesOf({ layers });
  const shapes = states.map((state) => `${state.kind} ${state.phase} ${state.type.axes.join(" ")}`);
  const counts = new Map<string, number>();
  for (const shape of shapes) counts.set(shape, (counts.get(shape) ?? 0) + 1);
  expect(Object.fromEntries(counts)).toEqual({
    "value image V G E": 8,
    "value place V G E": 4,
    "cache extend T.all G E": 8,
    "cache extend T.all": 1,
  });
  expect(new Set(states.map((state) => state.name)).size).toBe(states.length);
});
