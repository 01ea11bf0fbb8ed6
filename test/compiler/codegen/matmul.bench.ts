/**
 * Speed of matrix products as WebAssembly on one thread: `npx vitest bench test/compiler/codegen`.
 * A product of the size below has 31.5 million multiply-adds, so 1 Hz is 0.063 GFLOP/s.
 */

import { bench } from "vitest";
import { encodeWasm } from "../../../compiler/codegen/index.ts";
import { matmulTile } from "../kernel/samples.ts";

const [m, k, n] = [128, 512, 480];

for (const [rows, columns] of [
  [1, 4],
  [1, 8],
  [2, 4],
  [4, 2],
  [4, 3],
  [4, 4],
] as const) {
  const kernel = matmulTile(rows, columns, k, n);
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
  const module = new WebAssembly.Module(encodeWasm([kernel], "separate"));
  const run = new WebAssembly.Instance(module, { env: { memory } }).exports[kernel.name];
  const [a, w] = [1024, 1024 + m * k * 4];
  const y = w + n * k * 4;
  new Float32Array(memory.buffer, a, (m + n) * k).fill(0.5);
  bench(`tiles of ${rows}x${columns}`, () => {
    if (typeof run === "function") run(0, (m / rows) * (n / columns), a, w, y, m);
  });
}
