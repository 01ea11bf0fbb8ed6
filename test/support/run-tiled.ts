/** Runs a graph by the definition of its kernels, attentions in tiles of any size. */

import type { Environment } from "../../compiler/graph/evaluate.ts";
import { type Graph, nodeAt, sizeOf, type ValueId } from "../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import { evaluateKernel } from "../../compiler/kernel/evaluate.ts";
import { lowerRegion } from "../../compiler/kernel/lower/lower.ts";
import {
  generalSchedule,
  type Lowered,
  type Schedule,
} from "../../compiler/kernel/lower/schedule.ts";
import { type Family, targets } from "../../compiler/kernel/target.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import type { BufferSource } from "../../compiler/fusion/region.ts";
import type { AxisName } from "../../compiler/op/axis.ts";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import type { Phase } from "../../compiler/phase/phase.ts";
import { preparePhase } from "../../compiler/plan/prepare.ts";

/** Query rows, of packed heads together, and keys of a tile. */
export interface TileSize {
  readonly queries: number;
  readonly keys: number;
}

/**
 * How kernels of `family` compute attention in such tiles. CPUs multiply four keys at a time: there
 * `keys` is rounded up. `split` are groups of a GPU that take one query row and a share of its keys.
 */
export function tiledSchedule(
  family: Exclude<Family, "cuda"> | "software" | "split",
  { queries, keys }: TileSize,
): Schedule {
  if (family === "split") {
    const target = { ...targets.gpu, splitKeys: keys, processors: queries };
    const schedule = generalSchedule(target);
    return { ...schedule, invocations: keys, rows: 1, queries: 4, singleQuery: true };
  }
  const schedule = generalSchedule(targets[family]);
  const whole = family === "cpu" ? 4 * Math.ceil(keys / 4) : keys;
  const together = family === "gpu" ? { invocations: queries } : {};
  return { ...schedule, ...together, queries, keys: whole };
}

/** The outputs of a phase that reads no states and no weights. */
export function runTiled(
  phase: Phase,
  schedule: Schedule,
  environment: Environment,
): ReadonlyMap<string, NamedTensor> {
  const prepared = preparePhase(phase);
  const { graph } = prepared.phase;
  const memory = new Memory(graph, environment);
  const setting = {
    graph,
    stored: (value: ValueId) => prepared.stored.has(value),
    dimension: <T>(size: T): T => size,
    layouts: new Map(),
    packs: new Map(),
    storage: () => "f32" as const,
  };
  for (const { region } of prepared.regions)
    for (const lowered of lowerRegion(setting, region, [schedule])) memory.run(lowered);
  return new Map(graph.outputs.map(({ name, value }) => [name, memory.tensor(value)]));
}

type Numbers = Float32Array | Int32Array;

class Memory {
  readonly #graph: Graph;
  readonly #environment: Environment;
  readonly #stored: Map<string, Numbers> = new Map();
  #partial: Float32Array = new Float32Array();

  constructor(graph: Graph, environment: Environment) {
    this.#graph = graph;
    this.#environment = environment;
  }

  run({ kernel, bindings, scalars, groups, combine }: Lowered): void {
    verifyKernel(kernel);
    const { sizes } = this.#environment;
    const handed = combine === undefined ? 0 : evaluateDimension(combine.partial, sizes);
    // What no share writes must not be read.
    if (handed > 0) this.#partial = new Float32Array(handed).fill(Number.NaN);
    const numbers = scalars.map((size) => evaluateDimension(size, sizes));
    evaluateKernel(kernel, {
      groups: evaluateDimension(groups, sizes),
      buffers: Object.fromEntries(
        bindings.map(({ parameter, source }) => [parameter.name, this.#at(source)]),
      ),
      scalars: Object.fromEntries(
        kernel.scalars.map((name, i) => [name, numbers[i] ?? Number.NaN]),
      ),
    });
    if (combine === undefined) return;
    const { lowered, unless } = combine;
    if (evaluateDimension(unless.size, sizes) > unless.atMost) this.run(lowered);
  }

  tensor(value: ValueId): NamedTensor {
    const { element, axes } = nodeAt(this.#graph, value).type;
    const data = Float64Array.from(this.#at({ kind: "value", value }));
    return { element, axes, shape: this.#shape(axes), data };
  }

  #at(source: BufferSource): Numbers {
    if (source.kind === "partial") return this.#partial;
    const key = JSON.stringify(source);
    const found = this.#stored.get(key) ?? this.#make(source);
    this.#stored.set(key, found);
    return found;
  }

  #make(source: BufferSource): Numbers {
    switch (source.kind) {
      case "value": {
        const { element, axes } = nodeAt(this.#graph, source.value).type;
        const count = this.#shape(axes).reduce((product, size) => product * size, 1);
        return element === "float" ? new Float32Array(count) : new Int32Array(count);
      }
      case "input": {
        const tensor = this.#environment.inputs.get(source.name);
        if (tensor === undefined) throw new RangeError(`no input ${source.name}`);
        const data = Array.from(tensor.data);
        return tensor.element === "float" ? Float32Array.from(data) : Int32Array.from(data);
      }
      default:
        throw new RangeError(`a tiled run has no ${source.kind}`);
    }
  }

  #shape(axes: readonly AxisName[]): readonly number[] {
    return axes.map((axis) =>
      evaluateDimension(sizeOf(this.#graph, axis), this.#environment.sizes),
    );
  }
}
