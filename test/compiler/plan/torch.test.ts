/**
 * `--target torch`: every function is declared, bound and tested; every kernel is called as its text
 * declares it; Python reads what is Python.
 */

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { cudaTarget } from "../../../compiler/kernel/architectures.ts";
import { torchPackage } from "../../../compiler/plan/torch/package.ts";
import { specModel } from "../../oracle/model.ts";
import { Missing, testWith } from "../../support/require.ts";

const run = promisify(execFile);

const python = await run("python3", ["--version"]).then(
  () => "python3",
  () => new Missing("no python3 on the path"),
);

const torch = await run(process.env["PYTHON"] ?? "python3", ["-c", "import torch"]).then(
  () => process.env["PYTHON"] ?? "python3",
  () => new Missing("no PyTorch"),
);

const specs = [
  ["ee-mllm/ee-mllm", "EeMllm"],
  ["qwen2-vl/qwen2-vl", "Qwen2Vl"],
  ["flamingo/flamingo", "Flamingo"],
  ["fastv/fastv", "FastV"],
] as const;

describe.each(specs)("%s", (spec, model) => {
  const { graph } = specModel(`../../examples/${spec}.braid`, model);
  const files = torchPackage(graph, cudaTarget("sm_86", "f16"));
  const [namespace = ""] = [...files.keys()].flatMap(
    (name) => /^(\w+)\/__init__/.exec(name)?.[1] ?? [],
  );
  const text = (name: string): string => files.get(name) ?? "";
  const names = [...text(`${namespace}/__init__.py`).matchAll(/^def (\w+)\(/gm)].map(
    ([, name = ""]) => name,
  );

  test("a function for each block and attention, everywhere", () => {
    expect(names.length).toBeGreaterThan(3);
    expect(names.some((name) => name.endsWith("_attend"))).toBe(true);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) {
      expect(text("binding.cpp"), name).toContain(`library.def("${name}(`);
      expect(text("binding.cpp"), name).toContain(`library.impl("${name}", &${name});`);
      expect(text(`${namespace}/_library.py`), name).toContain(`@_register_fake("${name}")`);
      expect(text("tests/reference.py"), name).toContain(`def ${name}(`);
      expect(text("tests/test_kernels.py"), name).toContain(`("${name}", ${name}_arguments`);
    }
    // More arguments than PyTorch allows would be refused where the extension is loaded.
    for (const [, list = ""] of text("binding.cpp").matchAll(/library\.def\("\w+\((.*)\) ->/g))
      expect(list.split(", ").length).toBeLessThanOrEqual(64);
  });

  test("each kernel is called with what its text takes", () => {
    const binding = text("binding.cpp");
    const kernels = [...files.keys()].filter((name) => name.endsWith(".cu"));
    expect(kernels.length).toBeGreaterThan(0);
    for (const file of kernels) {
      const name = /kernels\/(.*)\.cu/.exec(file)?.[1] ?? "";
      const [, taken = ""] = new RegExp(`\\b${name}\\(([^)]*)\\)`).exec(text(file)) ?? [];
      const [, declared = ""] = new RegExp(`^void ${name}\\(([^)]*)\\);`, "m").exec(binding) ?? [];
      const kinds = (list: string): readonly string[] =>
        list.split(",").map((each) => (each.includes("*") ? "pointer" : "int"));
      expect(kinds(declared), name).toEqual(kinds(taken));
      expect(binding, name).toContain(`launch(${name},`);
    }
  });

  testWith("python", python, `${spec}: Python reads it`, async (command) => {
    const sources = [...files.keys()].filter((name) => name.endsWith(".py"));
    await written(files, (folder) =>
      run(command, ["-m", "py_compile", ...sources], { cwd: folder }),
    );
  });
});

for (const math of ["f16", "bf16", "f32"] as const) {
  // It has sorting, comparisons, a mask of data, and every kind of product.
  testWith("pytorch", torch, `FastV: its own test passes in ${math}`, async (command) => {
    const { graph } = specModel("../../examples/fastv/fastv.braid", "FastV");
    await written(torchPackage(graph, cudaTarget("sm_86", math)), async (folder) => {
      const test = ["-m", "unittest", "discover", "-s", "tests"];
      const env = { ...process.env, PYTHONPATH: folder };
      const { stdout, stderr } = await run(command, test, { cwd: folder, env });
      expect(stderr).toMatch(/\nOK/);
      expect(stdout).toMatch(/off by 0\.\d+ of its bound/);
    });
  });
}

/** Calls `use` with a folder of these files. */
async function written(
  files: ReadonlyMap<string, string>,
  use: (folder: string) => Promise<unknown>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "braid-torch-"));
  try {
    for (const [name, content] of files) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
