/** What an emitted model needs in Node: `EeMllm.load({ ...onDisk("weights") })`. */

import { fileURLToPath } from "node:url";
import { fetchFile } from "../kernel-files.ts";
import type { LoadOptions } from "../open-model.ts";
import type { Folder } from "../weights/folder.ts";
import { nodeCuda } from "./cuda.ts";
import { diskFolder, readBytes } from "./files.ts";
import { nodeGpu } from "./gpu.ts";

/**
 * The checkpoint in the folder at `path`, kernels from disk, WebGPU through the package `webgpu` and
 * CUDA through `koffi`.
 */
export function onDisk(
  path: string,
): Required<Pick<LoadOptions, "gpu" | "cuda" | "read">> & { readonly weights: Folder } {
  return {
    weights: diskFolder(path),
    gpu: nodeGpu,
    cuda: nodeCuda,
    read: (address) =>
      address.protocol === "file:" ? readBytes(fileURLToPath(address)) : fetchFile(address),
  };
}
