/** The decoder of `examples/ee-mllm` on text alone: ours, and exported to ONNX. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import { checkModel, compileFor } from "../../compiler/compile.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { diskFolder } from "../../runtime/node/index.ts";
import { Session } from "../../runtime/session.ts";
import { floats, integers } from "../../runtime/tensor.ts";
import { checkpointWeights } from "../../runtime/weight-source.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { matchWeights } from "../../runtime/weights/match.ts";
import { readFloats } from "../../runtime/weights/read.ts";
import { standardDeviations, unitRoundoff } from "../support/tolerance.ts";
import type { Decoder } from "./decode.ts";
import { root } from "./decode-stories.ts";
import { onnxDecoder } from "./peers/onnx-decoder.ts";
import { onnxModel } from "./peers/onnx-model.ts";

const example = join(root, "examples/ee-mllm");
const weights = join(example, "weights");
const sizes = {
  ...{ width: 128, heads: 4, groups: 2, head: 32, feed: 384 },
  ...{ layers: 4, vocabulary: 384, longest: 512 },
};
/** Given tokens, so that all decode the same whatever their roundings. */
const prompt = Array.from({ length: 32 }, (_, index) => 10 + ((index * 37) % 300));
const steps = Array.from({ length: 64 }, (_, index) => 10 + ((index * 53) % 300));

/** Ours; the logits after the last token are what others are compared with. */
export async function openShapes(threads: number): Promise<{
  readonly decoder: Decoder;
  readonly tokens: number;
  readonly wanted: ArrayLike<number>;
  readonly tolerance: number;
}> {
  const file = join(example, "ee-mllm.braid");
  const { value } = checkModel({ file, text: readFileSync(file, "utf8") });
  if (value === undefined) throw new Error("the example has mistakes");
  const { plan, kernels } = compileFor(value, targets.cpu);
  const checkpoint = await openCheckpoint(diskFolder(weights));
  const session = await Session.open({
    model: { plan, wasm: encodeWasm(kernels, platformMultiplyAdd()) },
    backend: createCpuBackend({ threads }),
    weights: checkpointWeights(matchWeights(plan.weights, checkpoint.tensors, weights)),
  });
  await checkpoint.close();
  await session.prepare({ image: floats([], [0, 3, 64, 64]), "position.visual": integers([]) });
  const extend = async (tokens: readonly number[], past: number): Promise<Float32Array> => {
    const outputs = await session.run("extend", {
      prompt: integers(tokens),
      "position.text": integers(tokens.map((_, index) => past + index)),
    });
    const last = await outputs.get("logits")?.readLast(sizes.vocabulary);
    return last?.element === "f32" ? last.data : new Float32Array();
  };
  const decoder: Decoder = {
    name: "Braid",
    decode: async () => {
      session.reset();
      session.reserve(prompt.length + steps.length);
      let result = await extend(prompt, 0);
      const start = performance.now();
      for (const [index, token] of steps.entries()) {
        result = await extend([token], prompt.length + index);
      }
      return { ms: performance.now() - start, result };
    },
    close: () => session.close(),
  };
  const { result: wanted } = await decoder.decode();
  const largest = Math.max(...Array.from(wanted, Math.abs));
  // Two float32 runs of four layers: each residual sum of up to `feed` products rounds.
  const roundings = sizes.layers * Math.sqrt(sizes.feed) * Math.sqrt(2);
  const tolerance = standardDeviations * unitRoundoff.f32 * roundings * largest;
  return { decoder, tokens: steps.length, wanted, tolerance };
}

/** The same in ONNX Runtime's WebAssembly; a text if it is not installed. */
export async function shapesOnOnnx(threads: number): Promise<Decoder | string> {
  try {
    const runtime = await import("onnxruntime-web");
    runtime.env.logLevel = "error";
    runtime.env.wasm.numThreads = threads;
    const model = onnxModel(onnxDecoder(sizes, await decoderWeights()));
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: ["wasm"],
      intraOpNumThreads: threads,
    });
    return onnxContestant(runtime, session);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return `onnxruntime-web: ${text.split("\n")[0]}`;
  }
}

type Runtime = typeof import("onnxruntime-common");
type Feeds = Record<string, InstanceType<Runtime["Tensor"]>>;

function onnxContestant(
  { Tensor }: Runtime,
  session: Awaited<ReturnType<Runtime["InferenceSession"]["create"]>>,
): Decoder {
  const { groups, head, layers } = sizes;
  const states = Array.from({ length: layers }, (_, l) => [`key.${l}`, `value.${l}`]).flat();
  let past: Feeds = {};
  const extend = async (tokens: readonly number[], held: number): Promise<Float32Array> => {
    const all = held + tokens.length;
    const found = await session.run({
      ids: new Tensor("int64", BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
      last: new Tensor("int32", Int32Array.of(all - 1), [1]),
      total: new Tensor("int32", Int32Array.of(all), []),
      ...past,
    });
    past = Object.fromEntries(
      states.flatMap((name) => {
        const state = found[name];
        return state === undefined ? [] : [[`past.${name}`, state]];
      }),
    );
    const logits = found["logits"]?.data;
    return logits instanceof Float32Array ? logits.slice(-sizes.vocabulary) : new Float32Array();
  };
  return {
    name: "onnxruntime-web, wasm",
    decode: async () => {
      const empty = new Tensor("float32", new Float32Array(), [1, groups, 0, head]);
      past = Object.fromEntries(states.map((name) => [`past.${name}`, empty]));
      let result = await extend(prompt, 0);
      const start = performance.now();
      for (const [index, token] of steps.entries()) {
        result = await extend([token], prompt.length + index);
      }
      return { ms: performance.now() - start, result };
    },
    close: () => void session.release(),
  };
}

async function decoderWeights(): Promise<(name: string) => Float32Array> {
  const checkpoint = await openCheckpoint(diskFolder(weights));
  const found = new Map<string, Float32Array>();
  for (const [name, tensor] of checkpoint.tensors) {
    if (!name.startsWith("language_model.")) continue;
    found.set(shortName(name), await readFloats(tensor));
  }
  await checkpoint.close();
  return (name) => {
    const weight = found.get(name);
    if (weight === undefined) throw new Error(`the checkpoint has no ${name}`);
    return weight;
  };
}

/** `language_model.model.layers.0.mlp.up_proj.weight` is `layers.0.mlp.up_proj`; `lm_head` is `head`. */
function shortName(name: string): string {
  return name
    .replace(/^language_model\.(model\.)?/, "")
    .replace(/\.weight$/, "")
    .replace(/^lm_head$/, "head");
}
