/** ONNX Runtime: its native build, its WebAssembly and its WebGPU are one interface. */

import type { Contestant } from "../bench.ts";
import { type OnnxValue, onnxModel } from "./onnx-model.ts";
import type { AttentionProblem, Peer, ProductProblem } from "./peer.ts";

type Runtime = typeof import("onnxruntime-common");

/** A build of ONNX Runtime on one of its providers. */
export async function openOnnx(
  runtime: Runtime,
  name: string,
  provider: string,
  threads: number,
): Promise<Peer> {
  runtime.env.logLevel = "error";
  const open = (model: Uint8Array): ReturnType<typeof runtime.InferenceSession.create> =>
    runtime.InferenceSession.create(model, {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    });
  const { Tensor } = runtime;
  const contestant = async (
    model: Uint8Array,
    feeds: Readonly<Record<string, InstanceType<Runtime["Tensor"]>>>,
  ): Promise<Contestant> => {
    const session = await open(model);
    return {
      name,
      run: async () => (await session.run(feeds))["output"]?.data ?? [],
      close: () => void session.release(),
    };
  };
  return {
    name,
    attention: ({ heads, queries, keys, width, q, k, v, bias }: AttentionProblem) =>
      contestant(
        oneNode(
          "MultiHeadAttention",
          { q: 3, k: 3, v: 3, bias: 4 },
          3,
          ["q", "k", "v", "", "", "bias"],
          { num_heads: heads },
        ),
        {
          q: new Tensor("float32", q, [1, queries, heads * width]),
          k: new Tensor("float32", k, [1, keys, heads * width]),
          v: new Tensor("float32", v, [1, keys, heads * width]),
          bias: new Tensor("float32", bias, [1, 1, queries, keys]),
        },
      ),
    product: ({ rows, inner, columns, a, b }: ProductProblem) =>
      contestant(
        onnxModel({
          nodes: [{ type: "MatMul", inputs: ["a", "b"], outputs: ["output"] }],
          inputs: [floats("a", 2)],
          outputs: [floats("output", 2)],
          // A constant, as the weights of a model are: it may be packed once.
          constants: [{ name: "b", shape: [inner, columns], data: b }],
        }),
        { a: new Tensor("float32", a, [rows, inner]) },
      ),
  };
}

/** A model that is one operation of `com.microsoft`, its inputs of these ranks. */
function oneNode(
  type: string,
  ranks: Readonly<Record<string, number>>,
  rank: number,
  inputs: readonly string[],
  attributes: Readonly<Record<string, number>>,
): Uint8Array {
  return onnxModel({
    nodes: [{ type, domain: "com.microsoft", inputs, outputs: ["output"], attributes }],
    inputs: Object.entries(ranks).map(([name, axes]) => floats(name, axes)),
    outputs: [floats("output", rank)],
    constants: [],
  });
}

function floats(name: string, rank: number): OnnxValue {
  const axes = Array.from({ length: rank }, (_, axis) => `${name}_${axis}`);
  return { name, element: "float32", axes };
}
