/**
 * `npm run sweep:cuda`: compiles every kernel of every model of every example with nvcc, and prints what
 * became of it by example and architecture: kernels, how many of the products and attentions use tensor
 * cores, kernels that spill, and the most registers. Kernels with equal text are compiled once, several
 * in one call of nvcc, and what nvcc said is kept in the user's cache folder by the hash of the text.
 * What a kernel and its variables are called, and its comment, are no part of that text.
 *
 *   --math f16|bf16|tf32|f32   what products are computed in (f16)
 *   --architecture sm_80,…     for which devices (sm_80,sm_90,sm_100)
 *   --only WORD                examples whose path holds the word
 *
 * Exit status: 0 if no kernel spills and every product and attention uses tensor cores (where the
 * arithmetic has any), 1 if not, 2 for a wrong command line or where nvcc is missing.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { availableParallelism, homedir, tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
if (!existsSync(join(root, "dist"))) fail("there is no dist: run `npm run build` first");

const load = (path) => import(pathToFileURL(join(root, "dist", path)).href);
const { checkModel, compileFor } = await load("compiler/compile.js");
const { readSource, resolveImport } = await load("compiler/cli/sources.js");
const { cudaText } = await load("compiler/codegen/cuda/cuda.js");
const { namesOf } = await load("compiler/codegen/names.js");
const { legalize } = await load("compiler/kernel/passes/legalize.js");
const { architectures, cudaTarget } = await load("compiler/kernel/architectures.js");
const { parseInstructions, parseResources } = await load("compiler/report/cuda-report.js");
const { textTable } = await load("compiler/report/text-table.js");
const { findNvcc } = await load("runtime/node/cuda-compiler.js");

/** Parts of a kernel whose strings are no names of its own. */
const words = new Set([
  "kind",
  "operator",
  "fn",
  "scalar",
  "element",
  "access",
  "math",
  "lines",
  "tiles",
  "word",
]);

/** Kernels of one call of nvcc: enough to read the headers rarely. */
const chunkSize = 24;

/** As extensions of PyTorch are compiled: 16-bit floats have no operators or conversions. */
const withoutHalves = [
  ...["HALF_OPERATORS", "HALF_CONVERSIONS", "HALF2_OPERATORS", "BFLOAT16_CONVERSIONS"],
].map((each) => `-D__CUDA_NO_${each}__`);

const options = readOptions();
const nvcc = (await findNvcc()) ?? fail("there is no nvcc here: install the CUDA toolkit");
const { stdout: version } = await run(nvcc, ["--version"]);
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "braid", "sweep");
await mkdir(cache, { recursive: true });

const examples = collect();
const results = await compileAll(new Set(examples.flatMap(({ kernels }) => kernels.map(textOf))));
report();

function textOf({ text }) {
  return text;
}

/** The options of the command line. */
function readOptions() {
  const text = (fallback) => ({ type: "string", default: fallback });
  try {
    const { values } = parseArgs({
      options: {
        math: text("f16"),
        architecture: text("sm_80,sm_90,sm_100"),
        only: text(""),
      },
    });
    const names = values.architecture.split(",");
    const unknown = names.find((each) => !(each in architectures));
    if (unknown !== undefined) fail(`there is no architecture ${unknown}`);
    if (!["f16", "bf16", "tf32", "f32"].includes(values.math)) fail(`no arithmetic ${values.math}`);
    return { ...values, architectures: names };
  } catch (error) {
    return fail(`${error.message}\nusage: npm run sweep:cuda -- [--math f16] [--only WORD]`);
  }
}

function fail(line) {
  process.stderr.write(`${line}\n`);
  return process.exit(2);
}

/** All models of all examples with their kernels. */
function collect() {
  const found = [];
  const folder = join(root, "examples");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((each) => each.endsWith(".braid") && each.includes(options.only))
    .sort();
  for (const file of files) {
    const path = join(folder, file);
    for (const [, model] of readFileSync(path, "utf8").matchAll(/^model (\w+)/gm)) {
      const { value } = checkModel(readSource(path), { resolve: resolveImport, model });
      if (value === undefined) fail(`${relative(root, path)}: ${model} has mistakes`);
      const { kernels } = compileFor(value, cudaTarget("sm_80", options.math));
      found.push({ file, model, kernels: kernels.map(described) });
      progress(`${file}: ${model}`);
    }
  }
  return found;
}

function described(kernel) {
  // What combines shares of keys multiplies nothing.
  const multiplies = /_(?:contract|attend)(?:_few_rows)?(?:_\d+)?$/.test(kernel.name);
  return { name: kernel.name, multiplies, text: cudaText(renamed(legalize(kernel, "cuda"))) };
}

/** The kernel with numbered names in the order in which they first stand in it. */
function renamed(kernel) {
  const declared = namesOf(kernel);
  const names = new Map();
  const nameOf = (name) => {
    if (!names.has(name)) names.set(name, `v${names.size}`);
    return names.get(name);
  };
  const change = (part, key = "") => {
    if (typeof part === "string")
      return declared.has(part) && !words.has(key) ? nameOf(part) : part;
    if (Array.isArray(part)) return part.map((each) => change(each));
    if (typeof part !== "object" || part === null || part.kind === "builtin") return part;
    return Object.fromEntries(Object.entries(part).map(([k, each]) => [k, change(each, k)]));
  };
  const { name: _, comment: __, ...rest } = kernel;
  return { ...change(rest), name: "kernel_in_sweep", comment: [] };
}

/** What nvcc makes of each text, by text. */
async function compileAll(texts) {
  const known = new Map();
  const open = [];
  for (const text of texts) {
    const file = cacheFile(text);
    if (existsSync(file)) known.set(text, JSON.parse(await readFile(file, "utf8")));
    else open.push(text);
  }
  // Texts of one kind beside each other: no call of nvcc has all the long ones.
  const count = Math.ceil(open.length / chunkSize);
  const chunks = Array.from({ length: count }, (_, i) => open.filter((_, at) => at % count === i));
  let [next, done] = [0, known.size];
  const work = async () => {
    while (next < chunks.length) {
      const chunk = chunks[next++];
      for (const [text, result] of await compile(chunk)) {
        known.set(text, result);
        // Whole or not at all, whoever else writes it.
        const file = cacheFile(text);
        await writeFile(`${file}.${process.pid}`, JSON.stringify(result));
        await rename(`${file}.${process.pid}`, file);
      }
      done += chunk.length;
      progress(`${done} of ${texts.size} kernels`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return known;
}

function cacheFile(text) {
  const key = [version, options.architectures.join(), text].join("\n");
  return join(cache, `${createHash("sha256").update(key).digest("hex")}.json`);
}

/** One text of PTX for all architectures: the kernels' text asks for none of them in particular. */
async function compile(texts) {
  const folder = await mkdtemp(join(tmpdir(), "braid-sweep-"));
  try {
    const named = texts.map((text, i) => text.replaceAll("kernel_in_sweep", `kernel_${i}`));
    await writeFile(join(folder, "kernels.cu"), named.join("\n"));
    const call = (...args) => run(nvcc, args, { cwd: folder, maxBuffer: 2 ** 28 });
    const ptx = ["-ptx", "-arch=compute_80", "kernels.cu", "-o", "kernels.ptx"];
    await call("-std=c++17", ...withoutHalves, ...ptx);
    const instructions = parseInstructions(await readFile(join(folder, "kernels.ptx"), "utf8"));
    const resources = new Map();
    for (const architecture of options.architectures) {
      const { stderr } = await call(
        ...[
          "-cubin",
          `-arch=${architecture}`,
          "-Xptxas",
          "-v",
          "kernels.ptx",
          "-o",
          "kernels.cubin",
        ],
      );
      resources.set(architecture, parseResources(stderr));
    }
    return texts.map((text, i) => {
      const of = options.architectures.map((each) => [
        each,
        resources.get(each)?.get(`kernel_${i}`),
      ]);
      return [text, { mma: instructions.get(`kernel_${i}`)?.mma ?? 0, of: Object.fromEntries(of) }];
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function progress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else process.stderr.write(`${line}\n`);
}

function report() {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const head = [
    "example",
    "model",
    "arch",
    "kernels",
    "multiply",
    "with mma",
    "spill",
    "registers",
  ];
  const [rows, wrong] = [[], []];
  for (const { file, model, kernels } of examples) {
    const multiplying = kernels.filter(({ multiplies }) => multiplies);
    const withMma = multiplying.filter(({ text }) => results.get(text).mma > 0);
    if (options.math !== "f32") {
      const without = multiplying.filter((each) => !withMma.includes(each));
      wrong.push(...without.map(({ name }) => `${file}: ${model}: ${name} has no mma`));
    }
    for (const architecture of options.architectures) {
      const of = kernels.map((each) => ({ ...each, ...results.get(each.text).of[architecture] }));
      const spilling = of.filter(({ spillBytes }) => spillBytes > 0);
      for (const { name, spillBytes } of spilling) {
        wrong.push(`${file}: ${model}: ${name} spills ${spillBytes} bytes on ${architecture}`);
      }
      const registers = Math.max(...of.map((each) => each.registers));
      const numbers = [
        kernels.length,
        multiplying.length,
        withMma.length,
        spilling.length,
        registers,
      ];
      rows.push([file, model, architecture, ...numbers.map(String)]);
    }
  }
  const sides = head.map((_, i) => (i < 3 ? "left" : "right"));
  const sum = (architecture, column) =>
    rows
      .filter(([, , each]) => each === architecture)
      .reduce((total, row) => total + Number(row[column]), 0);
  const totals = options.architectures.map((each) => [
    each,
    ...[3, 4, 5, 6].map((column) => String(sum(each, column))),
    String(Math.max(...rows.filter((row) => row[2] === each).map((row) => Number(row[7])))),
  ]);
  const total = examples.reduce((sum, { kernels }) => sum + kernels.length, 0);
  process.stdout.write(
    [
      ...textTable([head, ...rows], sides),
      "",
      ...textTable([head.slice(2), ...totals], sides.slice(2)),
      `${total} kernels, ${results.size} of them different, ${options.math}; ${version.trim().split("\n").at(-1)}`,
      ...wrong,
      "",
    ].join("\n"),
  );
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
