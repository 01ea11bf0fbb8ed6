/** jax-js on WebAssembly or WebGPU. */

import type { Array as JaxArray } from "@jax-js/jax";
import type { Contestant } from "../bench.ts";
import type { Peer } from "./peer.ts";

type Jax = typeof import("@jax-js/jax");

/** The peer on the device that `jax` has chosen. */
export function openJax(jax: Jax, name: string): Peer {
  const { nn, numpy, jit } = jax;
  const contestant = (compute: () => JaxArray, held: readonly JaxArray[]): Contestant => ({
    name,
    run: () => compute().data(),
    close: () => {
      for (const each of held) each.dispose();
    },
  });
  return {
    name,
    attention: async ({ heads, queries, keys, width, q, k, v, bias }) => {
      const a = numpy.array(q, { shape: [1, queries, heads, width] });
      const b = numpy.array(k, { shape: [1, keys, heads, width] });
      const c = numpy.array(v, { shape: [1, keys, heads, width] });
      const d = numpy.array(bias, { shape: [1, 1, queries, keys] });
      const attend = jit((w: JaxArray, x: JaxArray, y: JaxArray, z: JaxArray) =>
        nn.dotProductAttention(w, x, y, { bias: z }),
      );
      return contestant(() => attend(a.ref, b.ref, c.ref, d.ref), [a, b, c, d]);
    },
    product: async ({ rows, inner, columns, a, b }) => {
      const left = numpy.array(a, { shape: [rows, inner] });
      const right = numpy.array(b, { shape: [inner, columns] });
      const multiply = jit((x: JaxArray, y: JaxArray) => numpy.matmul(x, y));
      return contestant(() => multiply(left.ref, right.ref), [left, right]);
    },
  };
}
