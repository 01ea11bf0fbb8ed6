/** A whole prompt in ONNX Runtime's WebAssembly. */

import { type OnnxGraph, onnxModel } from "./onnx-model.ts";

/** A session that takes a prompt. */
export interface PrefillSession {
  /** The logits of the last row; `bias` is added to the logits of all pairs of rows. */
  readonly logits: (prompt: {
    readonly visual: Float32Array;
    readonly tokens: readonly number[];
    readonly bias: Float32Array;
  }) => Promise<ArrayLike<number>>;
  readonly close: () => void;
}

/** Opens a decoder of `width` columns (`prefillOf`); a text if ONNX Runtime is not installed. */
export async function onnxDecoderSession(
  graph: OnnxGraph,
  width: number,
  threads: number,
): Promise<PrefillSession | string> {
  try {
    const runtime = await import("onnxruntime-web");
    runtime.env.logLevel = "error";
    runtime.env.wasm.numThreads = threads;
    const session = await runtime.InferenceSession.create(onnxModel(graph), {
      executionProviders: ["wasm"],
      intraOpNumThreads: threads,
    });
    const { Tensor } = runtime;
    return {
      logits: async ({ visual, tokens, bias }) => {
        const visualRows = visual.length / width;
        const all = visualRows + tokens.length;
        const positions = BigInt64Array.from({ length: all }, (_, index) => BigInt(index));
        const found = await session.run({
          visual: new Tensor("float32", visual, [1, visualRows, width]),
          ids: new Tensor("int64", BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
          positions: new Tensor("int64", positions, [1, all]),
          bias: new Tensor("float32", bias, [1, 1, all, all]),
          last: new Tensor("int64", BigInt64Array.of(BigInt(all - 1)), [1]),
        });
        const logits = found["logits"]?.data;
        return logits instanceof Float32Array ? logits : [];
      },
      close: () => void session.release(),
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return `onnxruntime-web: ${text.split("\n")[0]}`;
  }
}
