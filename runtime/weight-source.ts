/**
 * Where a session gets its weights from, piece by piece, so that no weight needs its size twice.
 */

import type { PlanWeight } from "./contract.ts";
import { BraidError, invariant } from "./errors.ts";
import type { WeightMatch } from "./weights/match.ts";
import { readTensor } from "./weights/read.ts";
import { narrowed, storedValues, type WeightValues } from "./weights/narrow.ts";

/**
 * Takes consecutive values of a weight, as the plan stores them: floats, or patterns of 16 bits.
 * `offset` counts elements from its first. Valid during the call only.
 */
export type WeightSink = (values: WeightValues, offset: number) => Promise<void>;

/** Gives the values of weights. */
export interface WeightSource {
  /**
   * Gives every value of `weight` to `sink`, in row-major order, and resolves when the sink has
   * them all.
   */
  read(weight: PlanWeight, sink: WeightSink): Promise<void>;
}

/** The weights of an open checkpoint, as `matchWeights` found them. */
export function checkpointWeights({ weights }: WeightMatch): WeightSource {
  const matched = new Map(weights.map((each) => [each.weight.name, each.tensors]));
  return {
    async read(weight, sink) {
      const tensors = matched.get(weight.name);
      invariant(tensors !== undefined, `the weight ${weight.name} was not matched`);
      let start = 0;
      for (const tensor of tensors) {
        await readTensor(tensor, async (bytes, offset) => {
          const elementBytes = tensor.bytes / tensor.elements;
          const values = storedValues(tensor.dtype, bytes, weight.element, tensor.name);
          await sink(values, start + offset / elementBytes);
        });
        start += tensor.elements;
      }
    },
  };
}

/**
 * Weights that are in memory, by the name in the plan. Throws `weights/missing` for one that is not
 * there.
 */
export function memoryWeights(values: ReadonlyMap<string, Float32Array>): WeightSource {
  return {
    async read({ name, element }, sink) {
      const data = values.get(name);
      if (data === undefined) {
        throw new BraidError("weights/missing", `there are no values for the weight \`${name}\``, {
          hint: `give an array for \`${name}\``,
        });
      }
      await sink(element === undefined ? data : narrowed(data, element, name), 0);
    },
  };
}
