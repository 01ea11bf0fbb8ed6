/** Which elementwise values and copies share a kernel. */

import { expect, test } from "vitest";
import { fuse } from "../../../compiler/fusion/fuse.ts";
import { resultsOf } from "../../../compiler/fusion/region.ts";
import type { Graph, ValueId } from "../../../compiler/graph/graph.ts";
import { constant } from "../../../compiler/op/dimension.ts";
import { Draft } from "../../support/draft.ts";

/** What each kernel writes, in order. */
function written(graph: Graph, ...required: readonly ValueId[]): readonly (readonly ValueId[])[] {
  const { regions } = fuse(graph, new Set(required));
  return regions.map((region) => resultsOf(region).map(({ store }) => store.value));
}

function drafted(): Draft {
  const draft = new Draft();
  draft.axis("S", 7);
  draft.axis("V", 4);
  draft.axis("T", 3);
  draft.axis("All", 9);
  draft.axis("D", 8);
  draft.axis("E", 8);
  return draft;
}

const append = { kind: "append", state: "keys", axis: "T", into: "All" } as const;
const first = { kind: "slice", axis: "S", start: constant(0), into: "V" } as const;
const last = { kind: "slice", axis: "S", start: constant(4), into: "T" } as const;

test("rows that are copied to several places are copied by one kernel", () => {
  const draft = drafted();
  const x = draft.input("x", ["S", "D"]);
  const keys = draft.contract(x, draft.weight("k", ["E", "D"]), "D");
  const next = draft.contract(keys, draft.weight("o", ["D", "E"]), "E");
  const visual = draft.node(first, keys);
  const cache = draft.node(append, draft.node(last, keys));
  draft.output("y", next);
  draft.output("visual", visual);
  expect(written(draft.finish(), keys, next, visual, cache)).toEqual([
    [keys],
    [visual, cache],
    [next],
  ]);
});

test("a value is not computed beside what it is computed from", () => {
  const draft = drafted();
  const x = draft.input("x", ["S", "D"]);
  const a = draft.map("exp", x);
  const b = draft.map("sin", x);
  const sum = draft.map("add", a, b);
  expect(written(draft.finish(), a, b, sum)).toEqual([[a, b], [sum]]);
});

test("what is written to a cache is not written beside what reads the cache as it was", () => {
  const draft = drafted();
  const x = draft.input("x", ["T", "D"]);
  const type = { element: "float", axes: ["All", "D"] } as const;
  const before = draft.node({ kind: "state", name: "keys", type });
  const read = draft.map("exp", before);
  const cache = draft.node(append, draft.map("sin", x));
  expect(written(draft.finish(), read, cache)).toEqual([[read], [cache]]);
});

test("layers stay apart", () => {
  const draft = drafted();
  const x = draft.input("x", ["S", "D"]);
  const a = draft.at("layers.0", () => draft.map("exp", x));
  const b = draft.at("layers.1", () => draft.map("sin", x));
  expect(written(draft.finish(), a, b)).toEqual([[a], [b]]);
});

test("a kernel binds no more memory than every device can", () => {
  const draft = drafted();
  const values = Array.from({ length: 5 }, (_, index) =>
    draft.map("exp", draft.input(`x${index}`, ["S", "D"])),
  );
  expect(written(draft.finish(), ...values)).toEqual([values.slice(0, 4), values.slice(4)]);
});
