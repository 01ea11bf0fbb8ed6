/** The examples of the language's reference are not only parsed: they have no mistakes. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checkText } from "../check/support.ts";

const reference: string = readFileSync(
  new URL("../../../grammar/README.md", import.meta.url),
  "utf8",
);
const examples = [...reference.matchAll(/^```braid\n([\s\S]*?)^```$/gm)].map(
  ([, text = ""]) => text,
);

test.each(examples)("example %#", (text) => {
  expect(checkText(text).text).toBe("");
});
