/** ONNX Runtime: its native build, its WebAssembly and its WebGPU are one interface. */

import type { Contestant } from "../bench.ts";
import { onnxModel } from "./onnx-model.ts";
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
        onnxModel({
          type: "MultiHeadAttention",
          domain: "com.microsoft",
          inputs: ["q", "k", "v", "", "", "bias"],
          outputs: ["output"],
          attributes: { num_heads: heads },
          ranks: { q: 3, k: 3, v: 3, bias: 4, output: 3 },
        }),
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
          type: "MatMul",
          inputs: ["a", "b"],
          outputs: ["output"],
          ranks: { a: 2, b: 2, output: 2 },
        }),
        {
          a: new Tensor("float32", a, [rows, inner]),
          b: new Tensor("float32", b, [inner, columns]),
        },
      ),
  };
}
