/**
 * A product of known matrices, computed by a device in the way that kernels would: what an adapter says
 * of its matrices is believed only after that. The kernels are printed as all are, and kept as texts
 * (`matrix-trial-texts.ts`).
 *
 * All numbers are whole, and so small that f32 adds them up without an error in any order; but so long
 * that factors in fewer bits than asked for, or sums in f16, give others.
 */

import { matrixName, type MatrixShape } from "../contract.ts";
import { reasonOf } from "../errors.ts";
import { floatToHalf } from "../weights/half.ts";
import { type FoundAdapter, openDevice } from "./device.ts";
import { bufferUsage, mapForReading } from "./flags.ts";
import { withSubgroupSize } from "./matrices.ts";
import { trialTexts } from "./matrix-trial-texts.ts";

/** Rows, columns and inner elements of the product. */
export const trial = { rows: 32, columns: 32, inner: 64 } as const;

/** What came of trying what an adapter lists. */
export interface TriedMatrices {
  /** What gives the right product. */
  readonly matrices: readonly MatrixShape[];
  /** For people: what was listed and does not; absent if all does. */
  readonly refused?: string;
}

/** Tries each shape that `found` lists on a device of its own. */
export async function tryMatrices(found: FoundAdapter): Promise<TriedMatrices> {
  if (found.matrices.length === 0) return { matrices: [] };
  const faults = new Map<MatrixShape, string>();
  const device = await openDevice(found);
  try {
    for (const shape of found.matrices) {
      const fault = await faultOf(device, shape);
      if (fault !== undefined) faults.set(shape, fault);
    }
  } finally {
    device.destroy();
  }
  const matrices = found.matrices.filter((shape) => !faults.has(shape));
  const [first] = faults;
  if (first === undefined) return { matrices };
  const [shape, fault] = first;
  return { matrices, refused: `its matrices ${matrixName(shape)} are not used: ${fault}` };
}

/** What is wrong with the product; undefined if nothing. */
async function faultOf(device: GPUDevice, shape: MatrixShape): Promise<string | undefined> {
  try {
    const product = await compute(device, shape);
    const wrong = expectedProduct(shape).findIndex((value, index) => product[index] !== value);
    return wrong < 0 ? undefined : "they multiply wrongly";
  } catch (error) {
    return reasonOf(error).split("\n")[0];
  }
}

/** The left and right factors, row by row and column by column. */
export function trialFactors({ element }: MatrixShape): readonly [Float32Array, Float32Array] {
  // One bit more than TF32 has, and all that f16 has.
  const most = element === "f16" ? 2048 : 4096;
  const long = (line: number, k: number): number => ((line * 37 + k * 101) % most) * 2 + 1 - most;
  const short = (line: number, k: number): number => ((line + k * 3) % 7) - 3;
  const factor = (lines: number, isLong: (k: number) => boolean): Float32Array =>
    Float32Array.from({ length: lines * trial.inner }, (_, index) => {
      const [line, k] = [Math.floor(index / trial.inner), index % trial.inner];
      return isLong(k) ? long(line, k) : short(line, k);
    });
  return [factor(trial.rows, (k) => k % 2 === 0), factor(trial.columns, (k) => k % 2 === 1)];
}

/** Their product, row by row. */
export function expectedProduct(shape: MatrixShape): Float32Array {
  const [left, right] = trialFactors(shape);
  return Float32Array.from({ length: trial.rows * trial.columns }, (_, index) => {
    const [row, column] = [Math.floor(index / trial.columns), index % trial.columns];
    const a = left.subarray(row * trial.inner, (row + 1) * trial.inner);
    return a.reduce((sum, value, k) => sum + value * (right[column * trial.inner + k] ?? 0), 0);
  });
}

async function compute(device: GPUDevice, shape: MatrixShape): Promise<Float32Array> {
  const text = trialTexts[matrixName(shape)];
  if (text === undefined) throw new RangeError(`no trial of ${matrixName(shape)}`);
  const bytes = trial.rows * trial.columns * 4;
  const { storage, uniform, copySource, copyTarget, mapRead } = bufferUsage;
  const made: GPUBuffer[] = [];
  const buffer = (size: number, usage: number): GPUBuffer => {
    const one = device.createBuffer({ label: "trial of matrices", size, usage });
    made.push(one);
    return one;
  };
  const filled = (data: Float32Array | Uint16Array | Int32Array, usage: number): GPUBuffer => {
    const one = buffer(data.byteLength, usage | copyTarget);
    device.queue.writeBuffer(one, 0, data.buffer, data.byteOffset, data.byteLength);
    return one;
  };
  device.pushErrorScope("validation");
  try {
    const module = device.createShaderModule({ code: withSubgroupSize(device, text) });
    const pipeline = await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module },
    });
    const factors = trialFactors(shape).map((each) =>
      filled(shape.element === "f16" ? Uint16Array.from(each, floatToHalf) : each, storage),
    );
    const product = buffer(bytes, storage | copySource);
    const groups = filled(Int32Array.of(1), uniform);
    const entries = [...factors, product, groups].map((each, binding) => ({
      ...{ binding, resource: { buffer: each } },
    }));
    const layout = pipeline.getBindGroupLayout(0);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    const reader = buffer(bytes, mapRead | copyTarget);
    encoder.copyBufferToBuffer(product, 0, reader, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await reader.mapAsync(mapForReading);
    return new Float32Array(reader.getMappedRange().slice(0));
  } finally {
    await device.popErrorScope();
    for (const each of made) each.destroy();
  }
}
