/**
 * Finding a WebGPU adapter and opening a device with as much room as it gives.
 */

import type { MatrixShape, SubgroupRange } from "../contract.ts";
import { BraidError, reasonOf } from "../errors.ts";
import { listedMatrices, matrixFeatures } from "./matrices.ts";

/** An adapter and what people call it. */
export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  /** E.g. `NVIDIA H100`, `SwiftShader Device (Subzero)`. */
  readonly name: string;
  /** Whether it computes on the CPU, which Braid's own CPU kernels do faster. */
  readonly software: boolean;
  /** The sizes that its subgroups may have, where kernels may use them. */
  readonly subgroups?: SubgroupRange;
  /** What it says its subgroups multiply at once, of what kernels have a form for. */
  readonly matrices: readonly MatrixShape[];
}

/**
 * The limits that Braid wants as high as the adapter has them; the defaults are for small pages.
 */
const wanted = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** The features that Braid uses where an adapter has them. */
const useful: ReadonlySet<string> = new Set([
  "shader-f16",
  "subgroups",
  "timestamp-query",
  ...matrixFeatures,
]);

function isUseful(feature: string): feature is GPUFeatureName {
  return useful.has(feature);
}

/**
 * The limits of a tensor's memory: some adapters claim more than they give, so they are asked for
 * less.
 */
const memoryLimits: ReadonlySet<string> = new Set(["maxBufferSize", "maxStorageBufferBindingSize"]);

/** The adapter that `gpu` offers, or undefined if it has none. */
export async function findAdapter(gpu: GPU | undefined): Promise<FoundAdapter | undefined> {
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === undefined || adapter === null) return undefined;
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  const words = [vendor, architecture, device, description].filter((word) => word !== "");
  // Dawn's device is a name and its description the driver's version; Chrome's device is a number.
  const isNamed = device !== "" && !/^0x[0-9a-f]+$/i.test(device);
  const name = isNamed ? device : description === "" ? words.join(" ") : description;
  const renderers = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;
  const software = isFallbackAdapter === true || renderers.test(words.join(" "));
  const subgroups = subgroupsOf(gpu, adapter);
  const matrices = listedMatrices(adapter, subgroups);
  return {
    ...{ adapter, name: name === "" ? "an adapter without a name" : name, software, matrices },
    ...(subgroups !== undefined && { subgroups }),
  };
}

/**
 * The sizes of the adapter's subgroups, which it may choose from for each kernel. Kernels number
 * invocations along subgroups, for which the language must know the number of a subgroup.
 */
function subgroupsOf(
  gpu: GPU | undefined,
  { features, info }: GPUAdapter,
): SubgroupRange | undefined {
  const isNumbered = gpu?.wgslLanguageFeatures?.has("subgroup_id") === true;
  if (!features.has("subgroups") || !isNumbered) return undefined;
  const { subgroupMinSize: min, subgroupMaxSize: max } = info;
  // Some know no range: nothing may be assumed then.
  return min > 0 && max >= min ? { min, max } : undefined;
}

/** The error where there is no adapter. */
export function noAdapter(): BraidError {
  const node = "Node the package `webgpu` and a Vulkan, Metal or D3D12 driver";
  return new BraidError("webgpu/adapter", "there is no WebGPU adapter here", {
    hint: `use \`--backend cpu\`; WebGPU needs, in ${node}; in Deno \`--unstable-webgpu\``,
  });
}

/**
 * Opens a device: with all that the adapter claims; if it refuses its own claims, with at most 1
 * GiB per buffer; then with the limits that every device has.
 */
export async function openDevice({ adapter, name }: FoundAdapter): Promise<GPUDevice> {
  const claimed = Object.fromEntries(wanted.map((limit) => [limit, adapter.limits[limit]]));
  const modest = Object.fromEntries(
    Object.entries(claimed).map(([limit, value]) => [
      limit,
      memoryLimits.has(limit) ? Math.min(value, 2 ** 30) : value,
    ]),
  );
  const requiredFeatures = [...adapter.features].filter(isUseful);
  const refusals: string[] = [];
  for (const requiredLimits of [claimed, modest, {}]) {
    try {
      return await adapter.requestDevice({ label: "braid", requiredLimits, requiredFeatures });
    } catch (error) {
      refusals.push(reasonOf(error));
    }
  }
  const message = `the adapter ${name} gives no device: ${[...new Set(refusals)].join("; ")}`;
  throw new BraidError("webgpu/device", message, {
    hint: "close other programs that use the GPU, update its driver, or use `--backend cpu`",
  });
}
