/** In which order kernels run. */

import { expect, test } from "vitest";
import { fuse } from "../../../compiler/fusion/fuse.ts";
import { resultsOf } from "../../../compiler/fusion/region.ts";
import { Draft } from "../../support/draft.ts";

test("rows are copied into a cache before what does not need the copy", () => {
  const draft = new Draft();
  draft.axis("T", 3);
  draft.axis("All", 9);
  draft.axis("D", 8);
  draft.axis("E", 8);
  const x = draft.input("x", ["T", "D"]);
  const keys = draft.contract(x, draft.weight("k", ["E", "D"]), "D");
  const last = draft.contract(keys, draft.weight("o", ["D", "E"]), "E");
  const next = draft.contract(last, draft.weight("n", ["E", "D"]), "D");
  const append = { kind: "append", state: "keys", axis: "T", into: "All" } as const;
  const cache = draft.node(append, keys);
  draft.output("y", next);
  const { regions } = fuse(draft.finish(), new Set([next, cache]));
  const written = regions.flatMap((region) => resultsOf(region).map(({ store }) => store.value));
  expect(written).toEqual([keys, cache, last, next]);
});
