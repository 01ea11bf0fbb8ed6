/** What each pass makes of small graphs: `test/golden/optimize/*.txt` show before and after. */

import { expect, test } from "vitest";
import type { Graph, ValueId } from "../../../compiler/graph/graph.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { add, constant, type Dimension, symbol } from "../../../compiler/op/dimension.ts";
import type { Op } from "../../../compiler/op/op.ts";
import { fold } from "../../../compiler/optimize/fold.ts";
import { removeDead } from "../../../compiler/optimize/remove-dead.ts";
import { share } from "../../../compiler/optimize/share.ts";
import { simplifyMaps } from "../../../compiler/optimize/simplify-maps.ts";
import { simplifyViews } from "../../../compiler/optimize/simplify-views.ts";
import { Draft } from "../../support/draft.ts";
import { randomEnvironment } from "../../support/random-graph.ts";
import { expectSameMeaning } from "../../support/same-meaning.ts";

interface Case {
  readonly name: string;
  readonly pass: (graph: Graph) => Graph;
  readonly build: (draft: Draft) => ValueId;
}

const joinSequence: Op = { kind: "join", into: "S", parts: ["R", "X"] };
const first: Op = { kind: "slice", axis: "S", start: constant(0), into: "R" };
const second: Op = { kind: "slice", axis: "S", start: symbol("R"), into: "X" };

/** A sequence of two inputs. */
function sequence(d: Draft): ValueId {
  return d.node(joinSequence, d.input("first", ["R", "D"]), d.input("second", ["X", "D"]));
}

const cases: readonly Case[] = [
  {
    name: "fold-scalar",
    pass: fold,
    build: (d) => {
      const scale = d.map("rsqrt", d.map("float", d.constant(64, "int")));
      return d.map("multiply", d.input("x", ["D"]), scale);
    },
  },
  {
    name: "fold-frequencies",
    pass: fold,
    build: (d) => {
      const exponent = d.map(
        "multiply",
        d.map("float", d.node({ kind: "index", axis: "D" })),
        d.constant(-2),
      );
      const position = d.map("float", d.input("position", ["S"], "int", "position"));
      return d.map("sin", d.map("multiply", position, d.map("exp", exponent)));
    },
  },
  {
    name: "fold-keeps-index-arithmetic",
    pass: fold,
    build: (d) => {
      const row = d.map("multiply", d.node({ kind: "index", axis: "E" }), d.constant(2, "int"));
      const at = d.map("add", row, d.node({ kind: "index", axis: "P" }));
      return d.node({ kind: "select", axis: "D", padded: true }, d.input("x", ["D"]), at);
    },
  },
  {
    name: "fold-keeps-outer-product",
    pass: fold,
    build: (d) => {
      const waves = d.map("sin", d.map("float", d.node({ kind: "index", axis: "D" })));
      const ramp = d.map("float", d.node({ kind: "index", axis: "E" }));
      return d.map("multiply", waves, ramp);
    },
  },
  {
    name: "share-same-operation",
    pass: share,
    build: (d) => {
      const x = d.input("x", ["D"]);
      const once = (): ValueId => d.map("add", d.map("exp", x), d.constant(1));
      return d.map("multiply", once(), once());
    },
  },
  {
    name: "share-tells-constants-apart",
    pass: share,
    build: (d) => {
      const x = d.input("x", ["D"]);
      const a = d.map("multiply", x, d.constant(0));
      return d.map("subtract", a, d.map("multiply", x, d.constant(-0)));
    },
  },
  {
    name: "maps-neutral",
    pass: simplifyMaps,
    build: (d) => {
      const x = d.map("multiply", d.input("x", ["D"]), d.constant(1));
      const y = d.map("add", d.constant(0), d.map("divide", x, d.constant(1)));
      return d.map("where", d.constant(1, "bool"), d.map("negate", d.map("negate", y)), x);
    },
  },
  {
    name: "maps-keep-zero-products-and-repetition",
    pass: simplifyMaps,
    build: (d) => {
      const x = d.map("multiply", d.input("x", ["D"]), d.constant(0));
      const ones = d.weight("ones", ["E"]);
      const repeated = d.map("where", d.constant(1, "bool"), ones, x);
      return d.map("add", repeated, d.map("subtract", x, x));
    },
  },
  {
    name: "views-slice-of-join",
    pass: simplifyViews,
    build: (d) => d.node(second, sequence(d)),
  },
  {
    name: "views-slice-through-norm",
    pass: simplifyViews,
    build: (d) => {
      const x = sequence(d);
      const mean = d.reduce("mean", d.map("multiply", x, x), "D");
      const norm = d.map("multiply", x, d.map("rsqrt", mean));
      return d.node(second, d.contract(norm, d.weight("w", ["E", "D"]), "D"));
    },
  },
  {
    name: "views-slice-stays-where-all-rows-are-needed",
    pass: simplifyViews,
    build: (d) => {
      const x = d.map("exp", sequence(d));
      d.output("all", d.reduce("sum", x, "S"));
      return d.node(second, x);
    },
  },
  {
    name: "views-both-halves-join-again",
    pass: simplifyViews,
    build: (d) => {
      const x = d.map("exp", d.input("x", ["S", "D"]));
      return d.node(joinSequence, d.node(first, x), d.node(second, x));
    },
  },
  {
    name: "views-rename-there-and-back",
    pass: simplifyViews,
    build: (d) => {
      const keys = d.node({ kind: "rename", from: "S", to: "K" }, sequence(d));
      return d.node({ kind: "rename", from: "K", to: "S" }, keys);
    },
  },
  {
    name: "views-split-of-merge",
    pass: simplifyViews,
    build: (d) => {
      const x = d.input("x", ["R", "P", "E"]);
      const merged = d.node({ kind: "merge", axes: ["P", "E"], into: "D" }, x);
      return d.node({ kind: "split", axis: "D", into: ["P", "E"] }, merged);
    },
  },
  {
    name: "views-row-of-stack",
    pass: simplifyViews,
    build: (d) => {
      const [a, b] = [d.input("a", ["D"]), d.input("b", ["D"])];
      const both = d.node({ kind: "stack", into: "P" }, a, b);
      const row = d.constant(1, "int");
      return d.node({ kind: "select", axis: "P", padded: false }, both, row);
    },
  },
  {
    name: "dead-nodes-and-weights",
    pass: removeDead,
    build: (d) => {
      d.map("exp", d.weight("unused", ["D"]));
      return d.map("negate", d.weight("used", ["D"]));
    },
  },
];

for (const { name, pass, build } of cases) {
  test(name, async () => {
    const draft = new Draft(name);
    draft.axis("R", "R");
    draft.axis("X", "X");
    draft.axis("S", sum("R", "X"), [
      { name: "first", axis: "R" },
      { name: "second", axis: "X" },
    ]);
    draft.axis("K", sum("R", "X"));
    for (const [axis, size] of Object.entries({ D: 8, P: 2, E: 4 })) draft.axis(axis, size);
    draft.output("y", build(draft));
    const graph = draft.finish();
    verifyGraph(graph, "test");
    const after = removeDead(expectSameMeaning(graph, randomEnvironment(graph, 1), pass));
    verifyGraph(after, pass.name);
    const text = `${pass.name}\n\nbefore\n${printGraph(graph)}\nafter\n${printGraph(after)}`;
    await expect(text).toMatchFileSnapshot(`../../golden/optimize/${name}.txt`);
  });
}

function sum(left: string, right: string): Dimension {
  return add(symbol(left), symbol(right));
}
