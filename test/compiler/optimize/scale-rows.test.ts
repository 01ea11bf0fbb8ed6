/** Norms come out of products, also of products that read some of the rows; and what that fuses to. */

import { expect, test } from "vitest";
import { fuse } from "../../../compiler/fusion/fuse.ts";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { constant } from "../../../compiler/op/dimension.ts";
import { scaleRows } from "../../../compiler/optimize/scale-rows.ts";
import { tidy } from "../../../compiler/optimize/tidy.ts";
import { expectClose } from "../../support/close.ts";
import { Draft } from "../../support/draft.ts";
import { randomEnvironment } from "../../support/random-graph.ts";

const views = {
  "some rows": { kind: "slice", axis: "S", start: constant(4), into: "Some" },
  "rows by another name": { kind: "rename", from: "S", to: "Other" },
} as const;

test.each(Object.entries(views))("a product of %s computes a norm of them itself", (_, rows) => {
  const draft = new Draft();
  draft.axis("S", 7);
  draft.axis("Some", 3);
  draft.axis("Other", 7);
  draft.axis("D", 12);
  draft.axis("E", 8);
  const x = draft.input("x", ["S", "D"]);
  const squares = draft.reduce("mean", draft.map("multiply", x, x), "D");
  const scale = draft.map("rsqrt", draft.map("add", squares, draft.constant(1e-5)));
  const normed = draft.map("multiply", draft.map("multiply", x, scale), draft.weight("n", ["D"]));
  draft.output("all", draft.contract(normed, draft.weight("w", ["E", "D"]), "D"));
  draft.output(
    "some",
    draft.contract(draft.node(rows, normed), draft.weight("u", ["E", "D"]), "D"),
  );
  const graph = draft.finish();
  const scaled = tidy(scaleRows(graph));
  verifyGraph(scaled, "scaleRows");
  const environment = randomEnvironment(graph, 1);
  const { outputs } = evaluateGraph(scaled, environment);
  expectClose(outputs, evaluateGraph(graph, environment).outputs);
  const { regions } = fuse(scaled, new Set(scaled.outputs.map(({ value }) => value)));
  expect(regions.map(({ kind }) => kind)).toEqual(["contract", "contract"]);
});
