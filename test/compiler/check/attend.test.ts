import { expect, test } from "vitest";
import { checkText } from "./support.ts";

const text = (size: number): string => `block seen[E](x: [S, E]) -> [S, E] {
  return attend(x, x[S as K], x[S as K] over K)
}
model M[E = ${size}] {
  input x: [S, E]
  output y = seen[E](x)
}`;

test("rows wider than kernels have room for are a mistake that says what to do", () => {
  expect(checkText(text(1024)).diagnostics).toEqual([]);
  const { diagnostics, text: shown } = checkText(text(1025));
  expect(diagnostics.map(({ code }) => code)).toEqual(["attend/width"]);
  expect(shown).toContain("an attention's rows have 1024 elements at most, not 1025");
  expect(shown).toContain("take `E` apart into heads, or project it to a smaller size");
});
