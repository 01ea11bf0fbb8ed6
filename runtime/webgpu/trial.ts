/**
 * What kernels may use of an adapter besides what every device has: what it says, as far as a device
 * proved it. Kernels that use subgroups count on full ones, in groups of a multiple of their size; WGSL
 * promises only that subgroups are numbered densely, so a device is asked.
 */

import { matrixName, type MatrixShape, type SubgroupRange } from "../contract.ts";
import { reasonOf } from "../errors.ts";
import { computeOnce } from "./compute-once.ts";
import { type FoundAdapter, openDevice } from "./device.ts";
import { matrixFault } from "./matrix-trial.ts";

/** What may be used, and for people what may not although the adapter has it. */
export interface TriedAdapter {
  readonly subgroups?: SubgroupRange;
  readonly matrices: readonly MatrixShape[];
  readonly refused?: string;
}

/** Tries what `found` says of itself on a device of its own. */
export async function tryAdapter(found: FoundAdapter): Promise<TriedAdapter> {
  const { subgroups, software } = found;
  // A CPU that computes as WebGPU gains nothing from subgroups.
  if (software || subgroups === undefined) return { matrices: [] };
  const device = await openDevice(found);
  try {
    const unnumbered = await faultOf(() => numberingFault(device));
    if (unnumbered !== undefined)
      return { matrices: [], refused: `its subgroups are not used: ${unnumbered}` };
    const matrices: MatrixShape[] = [];
    let refused: string | undefined;
    for (const shape of found.matrices) {
      const fault = await faultOf(() => matrixFault(device, shape));
      if (fault === undefined) matrices.push(shape);
      else refused ??= `its matrices ${matrixName(shape)} are not used: ${fault}`;
    }
    return { subgroups, matrices, ...(refused !== undefined && { refused }) };
  } finally {
    device.destroy();
  }
}

/** What is wrong, be it that the device refuses the trial. */
async function faultOf(trial: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await trial();
  } catch (error) {
    return reasonOf(error).split("\n")[0];
  }
}

/** Invocations of groups that share numbers. */
const groupSizes = [64, 128, 256];

/** Groups of each trial: more than one runs at a time. */
const groups = 8;

/** Whether the invocations of groups, numbered along subgroups, have each number once. */
async function numberingFault(device: GPUDevice): Promise<string | undefined> {
  for (const size of groupSizes) {
    const bytes = size * groups * 4;
    const computed = await computeOnce(device, numbering(size), { inputs: [], bytes }, groups);
    const numbers = new Uint32Array(computed);
    for (let first = 0; first < numbers.length; first += size) {
      const own = new Set(numbers.subarray(first, first + size));
      if (own.size < size || Math.max(...own) >= size) return "they are not full";
    }
  }
  return undefined;
}

/** As kernels with subgroups number their invocations (`codegen/wgsl.ts`). */
function numbering(size: number): string {
  return `enable subgroups;
requires subgroup_id;
@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;
@compute @workgroup_size(${size})
fn trial(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
  @builtin(subgroup_size) subgroup_lanes: u32,
) {
  numbers[group.x * ${size}u + index] = subgroup * subgroup_lanes + subgroup_lane;
}
`;
}
