import fc from "fast-check";
import { expect, test } from "vitest";
import type { WeightLayout } from "../../../runtime/contract.ts";
import { Packer, storedElements } from "../../../runtime/weights/pack.ts";

/** What `contract.ts` says of panels, element by element. */
function packed(values: Float32Array, layout: WeightLayout): Float32Array {
  const { batch, columns, inner, innerFirst, width } = layout;
  const panels = Math.ceil(columns / width);
  const result = new Float32Array(batch * panels * inner * width);
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < columns; c++) {
      for (let k = 0; k < inner; k++) {
        const inBatch = innerFirst ? k * columns + c : c * inner + k;
        const line = (b * panels + Math.floor(c / width)) * inner + k;
        result[line * width + (c % width)] = values[b * columns * inner + inBatch] ?? 0;
      }
    }
  }
  return result;
}

const layouts = fc.record({
  kind: fc.constant("panels" as const),
  batch: fc.integer({ min: 1, max: 3 }),
  columns: fc.integer({ min: 1, max: 20 }),
  inner: fc.integer({ min: 1, max: 600 }),
  innerFirst: fc.boolean(),
  width: fc.constantFrom(4, 8),
});

test("values packed in pieces of any size lie where the layout says", async () => {
  const property = fc.asyncProperty(
    layouts,
    fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
    async (layout, pieces) => {
      const { batch, columns, inner } = layout;
      const values = Float32Array.from({ length: batch * columns * inner }, (_, i) => i + 1);
      const weight = {
        name: "w",
        alternatives: [],
        shape: [values.length],
        stacked: false,
        layout,
      };
      const found = new Float32Array(storedElements(weight)).fill(Number.NaN);
      const packer = new Packer(layout, async (run, offset) => found.set(run, offset));
      for (let start = 0, piece = 0; start < values.length; piece++) {
        const length = pieces[piece % pieces.length] ?? 1;
        await packer.push(values.subarray(start, start + length));
        start += length;
      }
      expect(found).toEqual(packed(values, layout));
    },
  );
  await fc.assert(property, { seed: 1, numRuns: 60 });
});
