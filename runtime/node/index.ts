/** What the runtime can do in Node beyond what it does everywhere: read folders, and reach a GPU. */

export { nodeGpu } from "./gpu.ts";
