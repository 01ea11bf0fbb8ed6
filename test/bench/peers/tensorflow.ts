/** TensorFlow.js on WebAssembly or WebGPU. */

import type { Tensor } from "@tensorflow/tfjs-core";
import type { Contestant } from "../bench.ts";
import { headsFirst, type Peer } from "./peer.ts";

type Tensorflow = typeof import("@tensorflow/tfjs-core");

/** The peer on the backend that `tf` has chosen. */
export function openTensorflow(tf: Tensorflow, name: string): Peer {
  const contestant = (compute: () => Tensor, held: readonly Tensor[]): Contestant => ({
    name,
    run: async () => {
      const output = tf.tidy(compute);
      const numbers = await output.data();
      output.dispose();
      return numbers;
    },
    close: () => {
      for (const each of held) each.dispose();
    },
  });
  return {
    name,
    attention: async ({ heads, queries, keys, width, q, k, v, bias }) => {
      const byHead = (x: Float32Array, rows: number): Tensor =>
        tf.tensor(headsFirst(x, { rows, heads, width }), [heads, rows, width]);
      const [a, b, c] = [byHead(q, queries), byHead(k, keys), byHead(v, keys)];
      const d = tf.tensor(bias, [1, queries, keys]);
      const compute = (): Tensor => {
        const logits = tf.add(tf.mul(tf.matMul(a, b, false, true), 1 / Math.sqrt(width)), d);
        return tf.matMul(tf.softmax(logits), c);
      };
      const plain = contestant(compute, [a, b, c, d]);
      return { ...plain, arrange: (x) => headsFirst(x, { rows: queries, heads, width }, true) };
    },
    product: async ({ rows, inner, columns, a, b }) => {
      const [left, right] = [tf.tensor(a, [rows, inner]), tf.tensor(b, [inner, columns])];
      return contestant(() => tf.matMul(left, right), [left, right]);
    },
  };
}
