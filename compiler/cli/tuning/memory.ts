/**
 * The memory that one kernel is timed on: random numbers where it reads floats, and where it reads
 * whole numbers what positions and masks are for the lengths that were asked for.
 */

import type { DeviceData } from "../../../runtime/backend.ts";
import type { Plan } from "../../../runtime/contract.ts";
import { pageTable, scalesOf } from "../../../runtime/contract.ts";
import { seededRandom } from "../../../runtime/random.ts";
import { storedElements } from "../../../runtime/weights/pack.ts";
import { quantizedElements } from "../../../runtime/weights/quantize.ts";
import { type BufferSource, resultsOf, sourceKey } from "../../fusion/region.ts";
import { nodeAt, sizeOf, type ValueId, valueId } from "../../graph/graph.ts";
import { halfBits } from "../../kernel/half.ts";
import type { BufferParameter } from "../../kernel/kernel.ts";
import { evaluateDimension, productOf } from "../../op/dimension.ts";
import type { RowNumbers } from "../../report/row-numbers.ts";
import type { KernelShape } from "./shapes.ts";

/** Numbers away from 0, so that logarithms and roots of them are numbers, too. */
const [least, span] = [0.0625, 0.9375];

/** A sequence of such numbers. */
export function randomNumbers(): () => number {
  const random = seededRandom(1);
  return () => least + span * random();
}

/** What lies at `source`, as the kernel's parameter says; `rows` knows positions. */
export function contentOf(
  shape: KernelShape,
  plan: Plan,
  rows: RowNumbers,
  source: BufferSource,
  { element }: BufferParameter,
): DeviceData {
  const count = countOf(shape, plan, source);
  const known = valueAt(shape, source);
  if (element === "i32") {
    if (source.kind === "state" && source.name === pageTable)
      return Int32Array.from({ length: count }, (_, page) => page);
    const data = known === undefined ? undefined : wholeNumbers(shape, rows, known);
    // Words of quantised weights are any bits; other numbers may be indices, and 0 is always one.
    if (source.kind === "weight") return words(count);
    return Int32Array.from({ length: count }, (_, at) => data?.[at] ?? 0);
  }
  const next = randomNumbers();
  if (element === "f32") return Float32Array.from({ length: count }, next);
  return Uint16Array.from({ length: count }, () => halfBits(next(), element));
}

/** The value of the graph that a source is; undefined for memory that no value stands for. */
export function valueAt(
  { prepared, region }: KernelShape,
  source: BufferSource,
): ValueId | undefined {
  const { graph } = prepared.phase;
  switch (source.kind) {
    case "value":
    case "table":
      return source.value;
    case "partial":
      return undefined;
    case "weight":
    case "input":
    case "state": {
      const stored = resultsOf(region).find(({ store }) => sameMemory(store.target, source));
      if (stored !== undefined) return stored.store.value;
      const index = graph.nodes.findIndex(
        ({ op }) =>
          (op.kind === source.kind && op.name === source.name) ||
          (op.kind === "append" && source.kind === "state" && op.state === source.name),
      );
      return index < 0 ? undefined : valueId(index);
    }
  }
}

function sameMemory(a: BufferSource, b: BufferSource): boolean {
  return sourceKey(a) === sourceKey(b);
}

function wholeNumbers(
  { prepared }: KernelShape,
  rows: RowNumbers,
  id: ValueId,
): ArrayLike<number> | undefined {
  const { op } = nodeAt(prepared.phase.graph, id);
  return op.kind === "table" ? op.data : rows.of(id)?.data;
}

function words(count: number): Int32Array {
  const random = seededRandom(1);
  return Int32Array.from({ length: count }, () => Math.floor(random() * 2 ** 32) | 0);
}

/** The elements that lie at `source`. */
function countOf(shape: KernelShape, plan: Plan, source: BufferSource): number {
  const { prepared, values } = shape;
  if (source.kind === "weight") return weightElements(plan, source.name);
  if (source.kind === "state" && source.name === pageTable) return pagesOf(shape, plan);
  const id = valueAt(shape, source);
  if (id === undefined) return 0;
  const { graph } = prepared.phase;
  const { op, type } = nodeAt(graph, id);
  const [rows = 1, ...rest] = type.axes.map((axis) =>
    evaluateDimension(sizeOf(graph, axis), values),
  );
  const ring = op.kind === "append" ? (op.ring ?? 0) : 0;
  const pages = plan.pages ?? 1;
  const held = source.kind === "state" ? Math.max(ring, Math.ceil(rows / pages) * pages) : rows;
  return rest.reduce((product, each) => product * each, held);
}

/** Pages of the longest cache that a kernel may read. */
function pagesOf({ prepared, values }: KernelShape, plan: Plan): number {
  const { graph } = prepared.phase;
  const rows = graph.nodes.flatMap(({ op }) =>
    op.kind === "append" ? [evaluateDimension(productOf([sizeOf(graph, op.into)]), values)] : [],
  );
  return Math.ceil(Math.max(1, ...rows) / (plan.pages ?? 1));
}

function weightElements({ weights }: Plan, name: string): number {
  const packed = weights.filter(({ pack }) => pack?.buffer === name);
  if (packed.length > 0)
    return Math.max(...packed.map((each) => (each.pack?.offset ?? 0) + storedElements(each)));
  const own = weights.find((each) => each.name === name);
  if (own !== undefined) return storedElements(own);
  const scaled = weights.find((each) => scalesOf(each.name) === name);
  const { layout } = scaled ?? {};
  return layout?.quantized === undefined ? 0 : quantizedElements(layout, layout.quantized).scales;
}
