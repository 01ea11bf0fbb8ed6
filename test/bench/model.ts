/**
 * A decoder in the shape of LLaVA's to its first token: what composite attention saves of causal, what
 * a second question on the same image costs, and ONNX Runtime on the same weights.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CheckedModel, checkModel, prepare } from "../../compiler/compile.ts";
import { readLengths } from "../../compiler/report/lengths.ts";
import { spendingReader } from "../../compiler/cli/report.ts";
import { spendingOf } from "../../compiler/report/spending.ts";
import type { Plan } from "../../runtime/contract.ts";
import { Conversation } from "../../runtime/generate.ts";
import { greedy } from "../../runtime/sample.ts";
import { floats, integers } from "../../runtime/tensor.ts";
import { normal, seeded } from "../support/random.ts";
import { standardDeviations, unitRoundoff } from "../support/tolerance.ts";
import {
  admits,
  type Bench,
  type BenchOptions,
  type BenchResult,
  distance,
  median,
  rest,
  say,
  table,
} from "./bench.ts";
import { openBraid } from "./braid.ts";
import { root } from "./decode-stories.ts";
import { onnxExported, onnxPrefill } from "./peers/onnx-decoder.ts";
import { onnxDecoderSession } from "./peers/onnx-prefill.ts";

export const bench: Bench = {
  what: "a decoder in the shape of LLaVA's to its first token, under composite and causal attention",
  run,
};

/** 576 visual rows before 64 tokens. */
const rows = { visual: 576, text: 64 };
const sizes = {
  ...{ width: 512, heads: 8, groups: 8, head: 64, feed: 1376 },
  ...{ layers: 8, vocabulary: 4096, longest: 1024 },
};
type MaskName = "composite" | "causal";

/** Someone who answers: milliseconds to the first token, and its logits. */
interface Contestant {
  readonly name: string;
  readonly mask: MaskName;
  /** Operations that the mask needs, where they can be counted. */
  readonly flops: number | undefined;
  readonly answer: () => Promise<{ readonly ms: number; readonly logits: ArrayLike<number> }>;
  readonly close: () => void;
}

async function run(options: BenchOptions): Promise<BenchResult> {
  const weights = randomWeights();
  const contestants: Contestant[] = [];
  for (const mask of ["composite", "causal"] as const) {
    if (!admits(options, mask)) continue;
    say(`${mask}: compiling and loading …`);
    contestants.push(...(await ours(mask, weights, options)));
  }
  for (const mask of ["composite", "causal"] as const) {
    if (!admits(options, mask)) continue;
    for (const form of ["exported", "fused"] as const) {
      const peer = await theirs(mask, form, weights, options);
      if (typeof peer === "string") say(`left out: ${peer}`);
      else contestants.push(peer);
    }
  }
  say("comparing …");
  const wrong = await compare(contestants, options);
  const times = contestants.map((): number[] => []);
  for (let round = 0; round < options.rounds; round++) {
    say(`round ${round + 1} of ${options.rounds} …`);
    for (const [index, each] of contestants.entries()) {
      await rest();
      times[index]?.push((await each.answer()).ms);
    }
  }
  for (const { close } of contestants) close();
  return { text: pageOf(contestants, times), wrong };
}

/** First and second questions under a mask. */
async function ours(
  mask: MaskName,
  weights: ReadonlyMap<string, Float32Array>,
  options: BenchOptions,
): Promise<readonly Contestant[]> {
  const file = join(root, "test/bench/models/composite.braid");
  const parameters = new Map([["sees", mask]]);
  const { value, diagnostics } = checkModel(
    { file, text: readFileSync(file, "utf8") },
    { parameters },
  );
  if (value === undefined) throw new Error(diagnostics[0]?.message ?? "no model");
  const { plan, session } = await openBraid(value, options, weights);
  const conversation = new Conversation(session);
  const image = { count: 0 };
  const ask = async (
    tokens: readonly number[],
    isNew: boolean,
  ): ReturnType<Contestant["answer"]> => {
    if (isNew) image.count++;
    const inputs = {
      visual: visualRows(image.count % 2),
      "position.visual": integers(Array.from({ length: rows.visual }, (_, index) => index)),
    };
    const positions = tokens.map((_, index) => rows.visual + index);
    let logits: Float32Array = new Float32Array();
    const choose = (found: Float32Array): number => {
      logits = found;
      return greedy(found);
    };
    const limits = { endTokens: new Set<number>(), maxTokens: 1 };
    const start = performance.now();
    for await (const event of conversation.answer({ inputs, tokens, positions, choose, ...limits }))
      if (event.kind === "token") break;
    return { ms: performance.now() - start, logits };
  };
  const { once, first } = flopsOf(value, plan);
  const close = (): void => session.close();
  const named = { mask, close: () => undefined };
  return [
    {
      ...named,
      name: `Braid, ${mask}`,
      flops: once + first,
      answer: () => ask(prompt(0), true),
      close,
    },
    {
      ...named,
      name: `Braid, ${mask}, second question`,
      flops: once === 0 ? once + first : first,
      answer: async () => {
        await ask(prompt(0), false);
        return ask(prompt(1), false);
      },
    },
  ];
}

/** The graphs that ONNX Runtime is given: what an exporter writes, and one of its fused operations. */
const forms = { exported: onnxExported, fused: onnxPrefill };

/** ONNX Runtime's WebAssembly on the same weights; a text if it cannot be measured. */
async function theirs(
  mask: MaskName,
  form: keyof typeof forms,
  weights: ReadonlyMap<string, Float32Array>,
  { backend, threads }: BenchOptions,
): Promise<Contestant | string> {
  if (backend !== "cpu") return "onnxruntime-web: measured with `--backend cpu`";
  const named = (name: string): Float32Array => {
    const found = weights.get(`${name}.weight`);
    if (found === undefined) throw new Error(`there is no weight ${name}`);
    return found;
  };
  const session = await onnxDecoderSession(forms[form](sizes, named), sizes.width, threads);
  if (typeof session === "string") return session;
  const all = rows.visual + rows.text;
  const bias = new Float32Array(all * all);
  for (let q = 0; q < all; q++)
    for (let k = 0; k < all; k++) bias[q * all + k] = isVisible(mask, q, k) ? 0 : -1e9;
  let calls = 0;
  return {
    name: `onnxruntime-web wasm, ${mask}, ${form === "exported" ? "as exported" : "fused operations"}`,
    mask,
    flops: undefined,
    answer: async () => {
      calls++;
      const visual = visualRows(calls % 2).data;
      const start = performance.now();
      const logits = await session.logits({ visual, tokens: prompt(0), bias });
      return { ms: performance.now() - start, logits };
    },
    close: () => session.close(),
  };
}

function isVisible(mask: MaskName, q: number, k: number): boolean {
  return mask === "composite" && q < rows.visual ? q === k : k <= q;
}

/** Holds every contestant that answers the same question to another: a peer's, or ours on a CPU. */
async function compare(
  contestants: readonly Contestant[],
  options: BenchOptions,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const mask of ["composite", "causal"] as const) {
    const found = contestants.filter((each) => each.mask === mask);
    const [own, , ...peers] = found;
    if (own === undefined) continue;
    const references =
      options.backend === "cpu"
        ? peers
        : (await ours(mask, randomWeights(), cpuOf(options))).slice(0, 1);
    if (references.length === 0) say(`${mask}: there is nobody to compare with`);
    const { logits } = await own.answer();
    for (const reference of references) {
      const { logits: wanted } = await reference.answer();
      if (options.backend !== "cpu") reference.close();
      const error = distance(logits, wanted);
      // Two float32 runs: each residual sum of up to `feed` products rounds, layer after layer.
      const largest = Math.max(...Array.from(wanted, Math.abs));
      const roundings = sizes.layers * Math.sqrt(sizes.feed) * Math.sqrt(2);
      const tolerance = standardDeviations * unitRoundoff.f32 * roundings * largest;
      const bound = tolerance.toExponential(1);
      say(`${mask}: ${error.toExponential(1)} off ${reference.name}, at most ${bound}`);
      if (!(error <= tolerance)) wrong.push(`${own.name} is ${error} off ${reference.name}`);
    }
  }
  return wrong;
}

function cpuOf(options: BenchOptions): BenchOptions {
  return { ...options, backend: "cpu" };
}

/** Operations that a model needs once for an image, and for each first token. */
function flopsOf(
  model: CheckedModel,
  plan: Plan,
): { readonly once: number; readonly first: number } {
  const read = readLengths(model.graph, `visual=${rows.visual},text=${rows.text}`);
  if (read.kind === "mistake") throw new Error(read.message);
  const facts = { model, prepared: prepare(model), plan, reader: spendingReader };
  const { phases } = spendingOf(facts, read.lengths);
  const sum = (runs: "once" | "first"): number =>
    phases
      .filter((phase) => phase.runs === runs)
      .reduce((total, { flops }) => total + flops.needed, 0);
  return { once: sum("once"), first: sum("first") };
}

function pageOf(contestants: readonly Contestant[], times: readonly (readonly number[])[]): string {
  const [base = []] = times;
  const lines = contestants.map(({ name, flops }, index) => {
    const own = times[index] ?? [];
    const ms = median(own);
    const ratio = median(own.map((each, round) => each / (base[round] ?? Number.NaN)));
    const giga = flops === undefined ? undefined : flops / 1e9;
    return [name, ms, ratio, giga, giga === undefined ? undefined : giga / (ms / 1000)];
  });
  const columns = [
    "who",
    "ms to the first token",
    "× the first",
    "GFLOP that the mask needs",
    "GFLOP/s",
  ];
  const text = table(columns, lines);
  const [composite, causal] = ["composite", "causal"].map((mask) => {
    const index = contestants.findIndex(({ name }) => name === `Braid, ${mask}`);
    return { times: times[index] ?? [], flops: contestants[index]?.flops ?? Number.NaN };
  });
  if (composite === undefined || causal === undefined) return text;
  const ratio = median(
    composite.times.map((each, round) => each / (causal.times[round] ?? Number.NaN)),
  );
  const work = composite.flops / causal.flops;
  const verdict = `Composite takes ${ratio.toFixed(3)} of causal's time and ${work.toFixed(3)} of its operations: ${(ratio / work).toFixed(2)} × the ratio of operations.`;
  return Number.isNaN(ratio / work) ? text : `${text}\n\n${verdict}`;
}

/** The rows of one of two images. */
function visualRows(which: number): ReturnType<typeof floats> {
  const data = normals(rows.visual * sizes.width, 100 + which, 1);
  return floats(data, [rows.visual, sizes.width]);
}

function prompt(which: number): readonly number[] {
  return Array.from({ length: rows.text }, (_, index) => 1 + ((index * 37 + which * 11) % 4000));
}

/** Weights by their names, of the spread that keeps activations of size one. */
function randomWeights(): ReadonlyMap<string, Float32Array> {
  const { width, feed, layers, vocabulary } = sizes;
  const weights = new Map<string, Float32Array>();
  const add = (name: string, count: number, inner: number): void => {
    weights.set(`${name}.weight`, normals(count, weights.size + 1, 1 / Math.sqrt(inner)));
  };
  const ones = (name: string): void => {
    weights.set(`${name}.weight`, new Float32Array(width).fill(1));
  };
  add("embed_tokens", vocabulary * width, 1);
  for (let l = 0; l < layers; l++) {
    ones(`layers.${l}.input_layernorm`);
    for (const each of ["q", "k", "v", "o"])
      add(`layers.${l}.self_attn.${each}_proj`, width * width, width);
    ones(`layers.${l}.post_attention_layernorm`);
    add(`layers.${l}.mlp.gate_proj`, feed * width, width);
    add(`layers.${l}.mlp.up_proj`, feed * width, width);
    add(`layers.${l}.mlp.down_proj`, feed * width, feed);
  }
  ones("norm");
  add("head", vocabulary * width, width);
  return weights;
}

function normals(count: number, seed: number, spread: number): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: count }, () => spread * normal(random));
}
