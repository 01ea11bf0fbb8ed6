/** Comments of kernels: they quote the lines of the spec that the kernel computes, and no others. */

import { expect, test } from "vitest";
import { printCuda, printWgsl } from "../../../../compiler/codegen/index.ts";
import { checkModel, compileFor } from "../../../../compiler/compile.ts";
import { cudaTarget } from "../../../../compiler/kernel/architectures.ts";
import type { Kernel } from "../../../../compiler/kernel/kernel.ts";
import type { Source } from "../../../../grammar/source.ts";

/** Kernels of a model in `models/small.braid`, which may import `files`, read in the folder `from`. */
function kernelsOf(
  text: string,
  from = "models/",
  files: Readonly<Record<string, string>> = {},
): readonly Kernel[] {
  const resolve = (path: string): Source | undefined => {
    const imported = files[path];
    return imported === undefined ? undefined : { file: `${from}${path}.braid`, text: imported };
  };
  const { value, diagnostics } = checkModel({ file: `${from}small.braid`, text }, { resolve });
  expect(diagnostics).toEqual([]);
  if (value === undefined) throw new Error("the model has mistakes");
  return compileFor(value, cudaTarget("sm_80", "f16")).kernels;
}

function kernel(kernels: readonly Kernel[], name: string): Kernel {
  const found = kernels.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no kernel ${name} of ${kernels.map((k) => k.name)}`);
  return found;
}

const block = `import { rms_norm, swiglu } from "std/decoder"

model Small[D = 64, F = 128] {
  input given: [T, D]
  x = given + swiglu[F](
    rms_norm(given) at norm) at mlp
  output y = x
}
`;

test("the user's line comes first, then those of the library's blocks", () => {
  const { comment } = kernel(kernelsOf(block), "mlp_hidden_contract");
  const [head, ...lines] = comment;
  expect(head).toBe("mlp: hidden [rows, F = 128]");
  expect(lines.slice(0, 2)).toEqual([
    "small.braid:5  x = given + swiglu[F](",
    "small.braid:6  rms_norm(given) at norm) at mlp",
  ]);
  expect(lines.slice(2).every((line) => /^std\/layers:\d+ {2}\S/.test(line))).toBe(true);
  expect(lines.at(-1)).toMatch(/ {2}hidden = silu\(x @ gate_proj.weight\)/);
});

test("both languages print them above the kernel", () => {
  const found = kernel(kernelsOf(block), "x_contract");
  const { tiles, ...whole } = found;
  const plain = { ...whole, body: [] };
  const head = found.comment.map((line) => `// ${line}\n`).join("");
  expect(found.comment.length).toBeGreaterThan(2);
  expect(printCuda(found).startsWith(head)).toBe(true);
  expect(printWgsl(plain)).toContain(head);
});

test("a kernel that computes several values names them", () => {
  const text = `model Twice[D = 64] {
  weight first: [F = 128, D]
  weight second: [F, D]
  input a: [T, D]
  input b: [S, D]
  x = a @ first
  y = b @ second
  output of_a = x
  output of_b = y
}
`;
  const { comment } = kernel(kernelsOf(text), "x_contract");
  expect(comment).toEqual(["x [rows, F = 128]", "small.braid:6  x = a @ first", "also y"]);
});

test("of many lines the first are quoted", () => {
  const sums = Array.from({ length: 9 }, (_, i) => `  x${i + 1} = x${i} + given\n`).join("");
  const text = `model Long[D = 64] {
  input given: [T, D]
  x0 = given + 1.0
${sums}  output y = x9
}
`;
  const [only] = kernelsOf(text);
  const lines = only?.comment.slice(1) ?? [];
  expect(lines).toHaveLength(7);
  expect(lines[0]).toBe("small.braid:3  x0 = given + 1.0");
  expect(lines[6]).toBe("and 4 more lines of small.braid");
});

test("a long line is cut", () => {
  const text = `model Long[D = 64] {
  input given: [T, D]
  x = given ${"+ given ".repeat(20).trimEnd()}
  output y = x
}
`;
  const [only] = kernelsOf(text);
  expect(only?.comment[1]).toMatch(/^small\.braid:3 {2}x = given (\+ given )+\+…$/);
});

test("what only arranges rows quotes the lines that say so", () => {
  const text = `model Joined[D = 64] {
  input a: [V, D]
  input b: [T, D]
  sequence S = visual: V, text: T
  x = join S(visual = a, text = b)
  output y = x
}
`;
  for (const { comment } of kernelsOf(text)) {
    expect(comment.at(-1)).toBe("small.braid:5  x = join S(visual = a, text = b)");
  }
});

test("files are named from the folder of the spec, wherever it is read", () => {
  const text = `import { twice } from "../shared/./twice"
model Twice[D = 64] {
  input given: [T, D]
  output y = twice(given)
}
`;
  const files = {
    "../shared/./twice": `import { once } from "more/once"
block twice(x: [T, D]) -> [T, D] {
  return once(x) + x
}
`,
    "more/once": "block once(x: [T, D]) -> [T, D] {\n  return x * 3.0\n}\n",
  };
  const printed = ["models/", "/home/me/", "", "..\\models\\"].map((from) =>
    kernelsOf(text, from, files).map(printCuda),
  );
  expect(printed[0]?.join("")).toContain("// ../shared/twice.braid:3  return once(x) + x");
  expect(printed[0]?.join("")).toContain("// ../shared/more/once.braid:2  return x * 3.0");
  for (const other of printed) expect(other).toEqual(printed[0]);
});
