/**
 * `npm run accuracy -- --backend cpu|webgpu [--first N]`: answers the questions of `examples/ee-mllm`
 * and compares with the reference, which are PyTorch's greedy answers in float32.
 *
 * Two implementations in float32 may choose differently where the best two logits are close. If every
 * logit is within τ of the truth, in the reference and here, no choice can differ whose gap in the
 * reference exceeds 4 τ. τ is derived as in `test/support/tolerance.ts`, by sending rounding errors
 * through the model. So an answer that differs is a failure if its smallest gap exceeds 4 τ, and is
 * listed if not.
 *
 * Exit status: 0 if nothing fails, 1 if an answer does, 2 for a wrong command line.
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const example = join(root, "examples/ee-mllm");
if (!existsSync(join(root, "dist"))) fail(2, "there is no dist: run `npm run build` first");

const load = (path) => import(pathToFileURL(join(root, "dist", path)).href);
const { checkModel, compileFor } = await load("compiler/compile.js");
const { readSource, resolveImport } = await load("compiler/cli/sources.js");
const { encodeWasm, printWgsl } = await load("compiler/codegen/index.js");
const { estimateError } = await load("compiler/graph/estimate-error.js");
const { float32Unit } = await load("compiler/graph/rounding.js");
const { targets } = await load("compiler/kernel/target.js");
const { asConstant } = await load("compiler/op/dimension.js");
const runtime = await load("runtime/index.js");
const { diskFolder, nodeGpu } = await load("runtime/node/index.js");
const { readFloats } = await load("runtime/weights/read.js");
const { evaluateSize } = await load("runtime/size.js");

/** λ of the tolerances: a number is off by more with a risk of less than 3e-14. */
const standardDeviations = 8;

const options = readOptions();
const folder = diskFolder(join(example, "weights"));
const { questions } = JSON.parse(readFileSync(join(example, "evaluation.json"), "utf8"));
const asked = questions.slice(0, options.first);
const model = checkedModel();
const checkpoint = await runtime.openCheckpoint(folder);

const results = await answerAll();
const differing = results.filter(({ given, reference }) => given !== reference);
const closest = asked.reduce((a, b) => (b.smallest_gap < a.smallest_gap ? b : a));
say(`deriving the bound for ${1 + differing.length} of the questions …`);
const bound = await boundOf(closest);
const judged = [];
for (const each of differing) judged.push({ ...each, bound: await boundOf(each) });
report();

/** The options of the command line. */
function readOptions() {
  const all = { backend: { type: "string", default: "auto" }, first: { type: "string" } };
  try {
    const { values } = parseArgs({ options: all });
    const first = values.first === undefined ? Number.POSITIVE_INFINITY : Number(values.first);
    if (!(first >= 1)) fail(2, "`--first` takes the number of questions, at least 1");
    return { backend: values.backend, first };
  } catch (error) {
    return fail(2, `${error.message}\nusage: npm run accuracy -- --backend cpu|webgpu [--first N]`);
  }
}

function say(line) {
  process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${line}\n`);
}

function fail(status, line) {
  process.stderr.write(`${line}\n`);
  return process.exit(status);
}

function checkedModel() {
  const { value } = checkModel(readSource(join(example, "ee-mllm.braid")), {
    resolve: resolveImport,
  });
  return value ?? fail(1, "ee-mllm.braid has mistakes: run `npx braid check` on it");
}

/** In Node over Chromium's software driver, where that is installed. */
async function gpu() {
  const driver = "/usr/lib/chromium/vk_swiftshader_icd.json";
  if (existsSync(driver)) process.env.VK_ICD_FILENAMES ??= driver;
  return nodeGpu();
}

async function openAssistant() {
  const chosen = await runtime.chooseBackend(options.backend, gpu);
  say(chosen.reason);
  const { plan, kernels } = compileFor(
    model,
    targets[chosen.software ? "software" : chosen.target],
  );
  const code =
    chosen.target === "cpu"
      ? { wasm: encodeWasm(kernels, chosen.multiplyAdd) }
      : {
          wgsl: new Map(kernels.map((kernel) => [kernel.name, printWgsl(kernel, chosen)])),
        };
  const match = runtime.matchWeights(plan.weights, checkpoint.tensors, folder.name);
  const session = await runtime.Session.open({
    model: { plan, ...code },
    backend: await chosen.open(),
    weights: runtime.checkpointWeights(match),
  });
  return runtime.Assistant.open(session, folder);
}

/** The answer to every question, each in a conversation of its own. */
async function answerAll() {
  const assistant = await openAssistant();
  const found = [];
  let shown;
  for (const each of asked) {
    if (each.image !== shown) await assistant.show([imageFile(each.image)]);
    shown = each.image;
    assistant.forget();
    let given = "";
    for await (const event of assistant.ask(each.question)) given += event.text;
    found.push({ ...each, given: given.trim() });
    progress(found.length);
  }
  assistant.session.close();
  return found;
}

function progress(done) {
  const line = `${done} of ${asked.length} questions`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else if (done % 50 === 0 || done === asked.length) process.stderr.write(`${line}\n`);
}

function imageFile(name) {
  return { name, bytes: new Uint8Array(readFileSync(join(example, name))) };
}

/** 4 τ for one question: τ over the logits of all rows that choose a token of its answer. */
async function boundOf(each) {
  const { prompt, environment } = await environmentOf(each);
  const { graph } = model;
  const logits = graph.outputs.filter(({ name }) => name === "logits");
  const estimate = estimateError({ ...graph, outputs: logits }, environment);
  const value = estimate.outputs.get("logits");
  const scales = estimate.scales.get("logits");
  const width = value.shape.at(-1);
  let largest = 0;
  for (let i = (prompt.text.length - 1) * width; i < scales.length; i++) {
    const tolerance = standardDeviations * scales[i] + float32Unit * Math.abs(value.data[i]);
    largest = Math.max(largest, tolerance);
  }
  return 4 * largest;
}

/** The question with the reference's answer behind it, as the graph's inputs. */
async function environmentOf({ image, question, ids }) {
  const { chat, tokenizer } = await runtime.openText(folder);
  const settings = await runtime.openPreprocess(folder);
  const content = [{ type: "image" }, { type: "text", text: question }];
  const encoded = tokenizer.encodePrompt(chat.render([{ role: "user", content }]));
  const { bytes, name } = imageFile(image);
  const pixels = runtime.preprocess(runtime.decodeImage(bytes, name), settings);
  const rows = visualRows();
  const prompt = runtime.splitPlaceholders(encoded, tokenizer.idOf("<image>"), [rows]);
  const answer = ids.slice(0, -1);
  const next = Math.max(...prompt.textPositions, ...prompt.visualPositions) + 1;
  const text = [...prompt.text, ...answer];
  const textAt = [...prompt.textPositions, ...answer.map((_, i) => next + i)];
  const shape = [1, 3, pixels.rows, pixels.columns];
  const weights = await readWeights();
  const environment = {
    sizes: new Map(Object.entries({ Image: 1, T: text.length })),
    inputs: new Map([
      ["image", { element: "float", shape, data: pixels.data }],
      ["prompt", vector(text)],
      ["position.text", vector(textAt)],
      ["position.visual", vector(prompt.visualPositions)],
    ]),
    weights: (name) => weights.get(name),
  };
  return { prompt, environment };
}

function vector(values) {
  return { element: "int", shape: [values.length], data: Array.from(values) };
}

/** The rows that one image has in the sequence. */
function visualRows() {
  const { segments } = compileFor(model, targets.cpu).plan;
  const size = segments.find(({ placeholder }) => placeholder !== undefined)?.size;
  return evaluateSize(size, new Map([["Image", 1]]));
}

/** All weights by the graph's names. */
async function readWeights() {
  const found = new Map();
  for (const { name, alternatives, axes } of model.graph.weights.values()) {
    const [stored] = alternatives.find(([first]) => checkpoint.tensors.has(first)) ?? [];
    const data = await readFloats(checkpoint.tensors.get(stored));
    const shape = axes.map((axis) => asConstant(model.graph.axes.get(axis).size));
    found.set(name, { element: "float", shape, data });
  }
  return found;
}

function report() {
  const failures = judged.filter((each) => each.smallest_gap > each.bound);
  const right = results.filter(({ given, truth }) => given === truth).length;
  const percent = (count) => `${((100 * count) / results.length).toFixed(1)} %`;
  const agreeing = results.length - differing.length;
  console.log(
    `${agreeing} of ${results.length} answers are the reference's; ${percent(right)} are true`,
  );
  console.log(
    `derived bound ${bound.toPrecision(2)}, at the question whose gap is smallest: ${closest.smallest_gap}`,
  );
  const open = asked.filter((each) => each.smallest_gap <= bound);
  console.log(`${open.length} questions are closer than the bound${open.length > 0 ? ":" : ""}`);
  for (const each of open) console.log(`  ${show(each)}`);
  for (const each of judged) {
    const verdict = failures.includes(each) ? "FAILS" : "may differ";
    console.log(`${verdict}: ${show(each)}: "${each.given}", not "${each.reference}"`);
  }
  process.exitCode = failures.length > 0 ? 1 : 0;
}

function show({ image, question, smallest_gap: gap }) {
  return `${image} "${question}" (gap ${gap})`;
}
