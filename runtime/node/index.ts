/**
 * What the runtime can do in Node beyond what it does everywhere: read folders, and reach a GPU.
 */

export { nodeCuda } from "./cuda.ts";
export { diskFolder, fileReader, readBytes } from "./files.ts";
export { nodeGpu } from "./gpu.ts";
export { onDisk } from "./on-disk.ts";
export { quietGpu } from "./probe.ts";
