import { expect, test } from "vitest";
import {
  declare,
  kernel,
  kernelsOf,
  otherwise,
  read,
  schedule,
  update,
  upTo,
  type Workgroup,
  write,
} from "../../runtime/call-builder.ts";
import { InvariantError } from "../../runtime/errors.ts";
import {
  alternate,
  cache,
  ceil,
  copy,
  fill,
  floor,
  i32,
  larger,
  layer,
  layers,
  output,
  plus,
  positions,
  range,
  repeat,
  smaller,
  state,
  step,
  stored,
  temporaries,
  times,
  tokens,
  under,
  weight,
} from "../../runtime/plan-builder.ts";

test("sizes lean left", () => {
  expect(plus("A", 1, times(2, "B", "C"))).toEqual(["+", ["+", "A", 1], ["*", ["*", 2, "B"], "C"]]);
  expect([ceil("A", 4), floor("A", 4), larger("A", 1), smaller("A", 1)]).toEqual([
    ["ceil/", "A", 4],
    ["floor/", "A", 4],
    ["max", "A", 1],
    ["min", "A", 1],
  ]);
});

test("layers are counted from 0 and take turns", () => {
  expect(layers(3, (l) => [`q.${l}`, `k.${l}`])).toEqual([
    "q.0",
    "k.0",
    "q.1",
    "k.1",
    "q.2",
    "k.2",
  ]);
  expect(layers(0, () => ["none"])).toEqual([]);
  expect([0, 1, 2, 3].map((l) => alternate(l, "a", "b", "c"))).toEqual(["a", "b", "c", "a"]);
  expect([range(3), range(3, 5), range(3, 5, -2), fill(2, 7)]).toEqual([
    [0, 1, 2],
    [5, 6, 7],
    [5, 3, 1],
    [7, 7],
  ]);
});

test("declarations have what is usual unless it is said", () => {
  expect(tokens("prompt", { T: "T" }, 8)).toEqual({
    name: "prompt",
    role: "token",
    element: "i32",
    axes: [{ label: "T", size: "T" }],
    bound: 8,
  });
  expect(Object.keys(positions("p", [["A", 1]]))).toEqual(["name", "role", "element", "axes"]);
  expect(i32(cache("position", "extend", { T: 1 })).element).toBe("i32");
  expect(stored("w", [2]).alternatives).toEqual([["w"]]);
  expect(under(["new.", "old."], [stored("w", [2])])).toEqual([
    { name: "new.w", alternatives: [["new.w"], ["old.w"]], shape: [2], stacked: false },
  ]);
  expect(temporaries({ a: ["T", 0, 1], b: [2, 1, 3, "i32"] })).toEqual([
    { name: "a", element: "f32", size: "T", first: 0, last: 1 },
    { name: "b", element: "i32", size: 2, first: 1, last: 3 },
  ]);
});

const call = kernel(64, ["x", i32(read("at")), update("sum"), write("y")], { rows: "T" }, [
  upTo(1, "T", "row", 1, 10),
  otherwise("tile", "T", 20),
]);

test("a call declares its kernels; its work is that of its last schedule", () => {
  expect(kernelsOf(call, schedule([], [otherwise("other", 1)]))).toEqual(
    ["row", "tile"].map((name) => ({
      name,
      buffers: [
        { name: "x", element: "f32", access: "read" },
        { name: "at", element: "i32", access: "read" },
        { name: "sum", element: "f32", access: "read_write" },
        { name: "y", element: "f32", access: "write" },
      ],
      scalars: ["rows"],
      workgroupSize: 64,
    })),
  );
  expect(call.flops).toBe(20);
  const shared = { threads: 256, sharedBytes: 65536 };
  const sizes = (workgroup: Workgroup | readonly Workgroup[]): readonly unknown[] =>
    declare(["row", "tile"], workgroup, ["x"], []).map((each) => [
      each.workgroupSize,
      each.sharedBytes,
    ]);
  expect(sizes([32, shared])).toEqual([
    [32, undefined],
    [256, 65536],
  ]);
  expect(sizes(shared)).toEqual([
    [256, 65536],
    [256, 65536],
  ]);
  expect(schedule([], [otherwise("k", 1)]).flops).toBe(0);
  expect(schedule([], [otherwise("k", 1, 5)], 7).flops).toBe(7);
});

test("steps name temporaries by a word and everything else by its kind", () => {
  expect(step("y", call, ["x", weight("w")])).toEqual({
    kind: "dispatch",
    label: "y",
    variants: [
      { when: { size: "T", atMost: 1 }, kernel: "row", groups: 1, flops: 10 },
      { kernel: "tile", groups: "T", flops: 20 },
    ],
    buffers: [
      { kind: "buffer", name: "x" },
      { kind: "weight", name: "w" },
    ],
    scalars: ["T"],
    flops: 20,
  });
  expect(copy("y", "x", output("y"), "T")).toMatchObject({ size: "T", toOffset: 0 });
});

test("a loop's entries become its tables", () => {
  const body = [copy("x", layer("from"), layer("to"), 1)];
  const rounds = (l: number) => ({ from: state(`k.${l}`), to: alternate(l, "even", "odd") });
  expect(repeat(2, rounds, body)).toEqual({
    kind: "repeat",
    count: 2,
    tables: {
      from: [
        { kind: "state", name: "k.0" },
        { kind: "state", name: "k.1" },
      ],
      to: [
        { kind: "buffer", name: "even" },
        { kind: "buffer", name: "odd" },
      ],
    },
    steps: body,
  });
  const broken = (l: number): Record<string, string> => (l === 0 ? { from: "x" } : {});
  expect(() => repeat(2, broken, body)).toThrow(InvariantError);
});
