/** Declared weights against stored tensors. */

import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlanWeight } from "../../../runtime/contract.ts";
import { groupNames } from "../../../runtime/weights/group.ts";
import { isMergeOf, matchWeights, unreadNote } from "../../../runtime/weights/match.ts";
import { editDistance, nearest } from "../../../runtime/weights/near.ts";
import { memoryReader } from "../../../runtime/weights/reader.ts";
import { openSafetensors, type TensorInfo } from "../../../runtime/weights/safetensors.ts";
import { failure, floatFile } from "./sample-files.ts";

async function stored(
  shapes: Readonly<Record<string, readonly number[]>>,
): Promise<ReadonlyMap<string, TensorInfo>> {
  return (await openSafetensors(memoryReader("m", floatFile(shapes)))).tensors;
}

function weight(shape: readonly number[], ...names: readonly string[]): PlanWeight {
  return { name: names[0] ?? "", alternatives: names.map((name) => [name]), shape, stacked: false };
}

test.each([
  [[6, 4], [2, 3, 4], true],
  [[2, 12], [2, 3, 4], true],
  [[24], [2, 3, 4], true],
  [[2, 3, 4], [2, 3, 4], true],
  [[4, 6], [2, 3, 4], false],
  [[2, 3, 4], [6, 4], false],
  [[2, 3], [2, 3, 4], false],
  [[2, 3, 4, 5], [2, 3, 4], false],
  [[8], [2, 3, 4], false],
  [[1, 5], [5], true],
  [[5], [1, 5, 1], true],
  [[], [1], true],
  [[1], [], true],
  [[], [2], false],
  [[2], [], false],
  [[0, 4], [0, 4], true],
  [[0], [0, 4], false],
])("stored %j is a merge of declared %j: %s", (actual, declared, expected) => {
  expect(isMergeOf(actual, declared)).toBe(expected);
});

test("every merge of adjacent sizes is accepted", () => {
  const size = fc.integer({ min: 1, max: 5 });
  const group = fc.array(size, { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(group, { maxLength: 4 }), (groups) => {
      const merged = groups.map((sizes) => sizes.reduce((product, each) => product * each, 1));
      expect(isMergeOf(merged, groups.flat())).toBe(true);
    }),
    { seed: 3 },
  );
});

test("alternatives in order, stacked tensors, and what is left over", async () => {
  const tensors = await stored({ "b.w": [6, 4], "e.0": [2, 2], "e.1": [2, 2], other: [1] });
  const experts = {
    name: "e",
    alternatives: [
      ["x.0", "x.1"],
      ["e.0", "e.1"],
    ],
    shape: [2, 4],
    stacked: true,
  };
  const match = matchWeights(
    [weight([2, 3, 4], "a.w", "b.w"), { ...experts, shape: [2, 2, 2] }],
    tensors,
    "dir",
  );
  expect(match.weights.map((each) => each.tensors.map((tensor) => tensor.name))).toEqual([
    ["b.w"],
    ["e.0", "e.1"],
  ]);
  expect(match.unread).toEqual(["other"]);
});

test("everything that does not fit, in one error", async () => {
  const layers = [0, 1, 2, 3];
  const tensors = await stored({
    ...Object.fromEntries(
      layers.map((layer) => [`language_model.layers.${layer}.up.weight`, [2, 3]]),
    ),
    ...Object.fromEntries(layers.map((layer) => [`layers.${layer}.norm.weight`, [3]])),
    "head.weight": [3, 2],
  });
  const wanted = [
    ...layers.map((layer) =>
      weight([2, 3], `model.layers.${layer}.up.weight`, `m.layers.${layer}.up.weight`),
    ),
    ...layers.map((layer) => weight([2], `layers.${layer}.norm.weight`)),
    weight([2, 3], "head.weight"),
    weight([2], "nothing.like.it.at.all.in.there"),
  ];
  expect(await failure(() => matchWeights(wanted, tensors, "dir"))).toMatchInlineSnapshot(`
    "weights/mismatch: 10 weights do not fit dir:
      model.layers.{0-3}.up.weight is missing (nor \`m.layers.0.up.weight\`) (4 tensors); nearest: \`language_model.layers.{0-3}.up.weight\`
      nothing.like.it.at.all.in.there is missing
      layers.{0-3}.norm.weight is stored as [3], but declared as [2] (4 tensors)
      head.weight is stored as [3, 2], but declared as [2, 3]
      = hint: check \`--weights\`, the sizes, and the paths; alternatives are \`path p = "a" or "b"\`"
  `);
});

test("a stacked weight names the tensors that are missing", async () => {
  const tensors = await stored({ "experts.0.up": [2], "experts.2.up": [2] });
  const names = ["experts.0.up", "experts.1.up", "experts.2.up", "experts.3.up"];
  const wanted = [{ name: "up", alternatives: [names], shape: [4, 2], stacked: true }];
  expect(await failure(() => matchWeights(wanted, tensors, "dir"))).toMatch(
    /2 weights .*\n {2}experts\.\{1,3\}\.up is missing \(2 tensors\); nearest: `experts\.\{0,2\}\.up`/,
  );
});

test("unread tensors are a note of few lines", () => {
  const tails = ["q.weight", "q.bias", "k.weight", "k.bias", "norm.weight"];
  const tower = [0, 1, 2, 3].flatMap((layer) =>
    tails.map((tail) => `tower.layers.${layer}.${tail}`),
  );
  const positions = [0, 1, 5].map((layer) => `model.layers.${layer}.rotary.inv_freq`);
  expect(unreadNote(["head.weight", ...tower, ...positions], "dir")).toMatchInlineSnapshot(`
    "not read of dir: 24 tensors
      head.weight
      tower.layers.{0-3}.… (20 tensors)
      model.layers.{0-1,5}.rotary.inv_freq (3 tensors)"
  `);
  expect(unreadNote([], "dir")).toBeUndefined();
});

test("grouping loses no name", () => {
  const part = fc.constantFrom("a", "b", "0", "1", "10", "w");
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("."));
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 30 }), (names) => {
      const grouped = groupNames(names).flatMap((group) => group.names);
      expect(grouped.toSorted()).toEqual(names.toSorted());
    }),
    { seed: 4 },
  );
});

test.each([
  ["", "", 0],
  ["abc", "", 3],
  ["kitten", "sitting", 3],
  ["q_proj", "k_proj", 1],
])("distance of %j and %j", (a, b, expected) => {
  expect(editDistance(a, b)).toBe(expected);
  expect(editDistance(b, a)).toBe(expected);
});

test("nearest names first, hopeless ones left out", () => {
  expect(nearest("q_proj", ["zzzzzzzzz", "qq_proj", "q_proj.x", "k_proj"], 2)).toEqual([
    "qq_proj",
    "k_proj",
  ]);
});
