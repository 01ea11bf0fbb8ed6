import fc from "fast-check";
import { expect, test } from "vitest";
import { gather, byLayer } from "../../../compiler/plan/emit/layers.ts";
import { layOut, text, array, sequence } from "../../../compiler/plan/emit/code.ts";
import { emitModel } from "../../../compiler/plan/emit/emit.ts";
import type { Plan } from "../../../runtime/contract.ts";
import { alternate, layers } from "../../../runtime/plan-builder.ts";
import { toyPlan } from "../../runtime/support/toy-plan.ts";
import { evaluate } from "./support.ts";

/** Names that would end a string, a template, a comment or an object, or mean something in one. */
const hostile: readonly string[] = [
  'a"b',
  "a'b",
  "a`b",
  "$\u007bprocess.exit()}",
  "$",
  "{",
  "a\\",
  "a\\`$\u007bb}",
  "line\nbreak",
  "\u2028",
  "*/ export const a = 1; /*",
  "// no",
  "__proto__",
  "constructor",
  "then",
  "0",
  "12",
  "",
  " ",
  "class",
  "weight",
  "plan",
  "calls",
  "phase",
  "Plan",
  "naïve ☃ 𝔊 \ud800",
];

/** The toy plan with every name replaced; equal names stay equal and different ones different. */
function renamed(target: "cpu" | "gpu", name: (old: string) => string): Plan {
  const kept = new Set(["version", "target", "role", "element", "access", "kind"]);
  const sizes = new Set(["+", "*", "floor/", "ceil/", "max", "min"]);
  const visit = (value: unknown, key: string): unknown => {
    if (typeof value === "string") return kept.has(key) || sizes.has(value) ? value : name(value);
    if (Array.isArray(value)) return value.map((each) => visit(each, key));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([each, inner]): [string, unknown] => [
      key === "tables" ? name(each) : each,
      visit(inner, each),
    ]);
    return Object.fromEntries(entries);
  };
  const plan: unknown = visit(toyPlan(target), "");
  if (!isPlan(plan)) throw new TypeError("renaming lost the plan");
  return plan;
}

function isPlan(value: unknown): value is Plan {
  return typeof value === "object" && value !== null && "phases" in value;
}

test("no name can break out of what is emitted", async () => {
  for (const [index, word] of hostile.entries()) {
    const names = new Map<string, string>();
    const rename = (old: string): string => {
      const known = names.get(old) ?? (names.size === index ? word : `${word}${names.size}`);
      names.set(old, known);
      return known;
    };
    const plans = { gpu: renamed("gpu", rename), cpu: renamed("cpu", rename) };
    expect(await evaluate(plans), JSON.stringify(word)).toStrictEqual(plans);
  }
}, 60_000);

test("the same plan gives the same bytes", () => {
  const plans = { gpu: toyPlan("gpu"), cpu: toyPlan("cpu") };
  const copy = JSON.parse(JSON.stringify(plans));
  expect([...emitModel(copy)]).toEqual([...emitModel(plans)]);
});

/** Names as layers have them: words, some numbered. */
const words: fc.Arbitrary<readonly string[]> = fc
  .array(
    fc.tuple(
      fc.constantFrom("a.", "b.", "$", "`", "x0", ""),
      fc.nat(3),
      fc.constantFrom("", ".w", '"'),
    ),
    { maxLength: 4 },
  )
  .chain((parts) =>
    fc
      .tuple(fc.nat(6), fc.integer({ min: 0, max: 2 }), fc.array(fc.string(), { maxLength: 3 }))
      .map(([count, step, rest]) => [
        ...rest,
        ...Array.from({ length: count }, (_, l) =>
          parts.map(([before, first, after]) => `${before}${first + step * l}${after}`),
        ).flat(),
        ...rest,
      ]),
  );

function evaluated(code: string): unknown {
  return new Function("layers", "alternate", `return ${code};`)(layers, alternate);
}

test("lists written by layers are the lists that were meant", () => {
  fc.assert(
    fc.property(words, (names) => {
      expect(evaluated(layOut(array(gather(names.map(text)))))).toEqual(names);
    }),
    { numRuns: 300 },
  );
});

test("what differs by layer is what it was in each", () => {
  const turns = fc.array(fc.constantFrom("even", "odd", "first"), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.oneof(words, turns), (names) => {
      const code = layOut(sequence("(l) => ", byLayer(names.map(text), "l")));
      const count = names.length;
      expect(evaluated(`Array.from({ length: ${count} }, (_, l) => (${code})(l))`)).toEqual(names);
    }),
    { numRuns: 500 },
  );
});

test("layers and their turns are found, not listed", () => {
  const shown = (names: readonly string[]): string => layOut(array(gather(names.map(text))));
  const weights = Array.from({ length: 32 }, (_, l) => [`layers.${l}.q`, `layers.${l}.k`]).flat();
  expect(shown(["embed", ...weights, "norm"])).toBe(
    '["embed", ...layers(32, (l) => [`layers.$\u007bl}.q`, `layers.$\u007bl}.k`]), "norm"]',
  );
  const turns = ["x", "even", "odd", "even", "odd"].map(text);
  expect(layOut(byLayer(turns, "l"))).toBe('l === 0 ? "x" : alternate(l, "odd", "even")');
});
