/** What a bench asks of a peer: the same problem, with what the mask hides as a dense bias. */

import type { Contestant } from "../bench.ts";

/** `output = softmax(q kᵀ / √width + bias) v`, head by head. Arrays are row-major. */
export interface AttentionProblem {
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  /** [queries, heads, width] */
  readonly q: Float32Array;
  /** [keys, heads, width] */
  readonly k: Float32Array;
  /** [keys, heads, width] */
  readonly v: Float32Array;
  /** [queries, keys]: 0 where the query sees the key, else far below every logit. */
  readonly bias: Float32Array;
}

/** `output = a b`. Arrays are row-major. */
export interface ProductProblem {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** [rows, inner] */
  readonly a: Float32Array;
  /** [inner, columns] */
  readonly b: Float32Array;
}

/** A library that solves the same problems, opened on one device. */
export interface Peer {
  /** With its version and device. */
  readonly name: string;
  /** The output is [queries, heads, width]. */
  readonly attention: (problem: AttentionProblem) => Promise<Contestant>;
  /** The output is [rows, columns]. */
  readonly product: (problem: ProductProblem) => Promise<Contestant>;
}

/** `x` [rows, heads, width] with the heads first, or back where `back` is set. */
export function headsFirst(
  x: ArrayLike<number>,
  { rows, heads, width }: { readonly rows: number; readonly heads: number; readonly width: number },
  back = false,
): Float32Array {
  const moved = new Float32Array(x.length);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const [near, far] = [(row * heads + head) * width, (head * rows + row) * width];
      const [from, to] = back ? [far, near] : [near, far];
      for (let i = 0; i < width; i++) moved[to + i] = x[from + i] ?? 0;
    }
  }
  return moved;
}
