/**
 * The functions of the CUDA driver API that the runtime calls, as data: whoever binds them (koffi in
 * Node) needs nothing else. All give a `CUresult`; what they make is written to memory that is passed.
 */

/**
 * How an argument is passed: a C int, a 64-bit handle, size or address, or memory of this process.
 */
export type CudaArgument = "int" | "long" | "memory";

const functions = {
  cuInit: ["int"],
  cuDriverGetVersion: ["memory"],
  cuGetErrorString: ["int", "memory"],
  cuDeviceGetCount: ["memory"],
  cuDeviceGet: ["memory", "int"],
  cuDeviceGetName: ["memory", "int", "int"],
  cuDeviceGetAttribute: ["memory", "int", "int"],
  cuDeviceTotalMem_v2: ["memory", "int"],
  cuDevicePrimaryCtxRetain: ["memory", "int"],
  cuDevicePrimaryCtxRelease_v2: ["int"],
  cuCtxSetCurrent: ["long"],
  cuMemAlloc_v2: ["memory", "long"],
  cuMemFree_v2: ["long"],
  cuMemcpyHtoDAsync_v2: ["long", "memory", "long", "long"],
  cuMemcpyDtoHAsync_v2: ["memory", "long", "long", "long"],
  cuMemcpyDtoDAsync_v2: ["long", "long", "long", "long"],
  cuModuleLoadData: ["memory", "memory"],
  cuModuleUnload: ["long"],
  cuModuleGetFunction: ["memory", "long", "memory"],
  cuFuncSetAttribute: ["long", "int", "int"],
  cuStreamCreate: ["memory", "int"],
  cuStreamQuery: ["long"],
  cuStreamSynchronize: ["long"],
  cuStreamDestroy_v2: ["long"],
  // Function; grid, block, shared bytes; stream; arguments; null.
  // biome-ignore format: one line, as in the header
  cuLaunchKernel: ["long", "int", "int", "int", "int", "int", "int", "int", "long", "memory", "long"],
  cuGraphCreate: ["memory", "int"],
  // Node, graph, dependencies and their count, parameters.
  cuGraphAddKernelNode: ["memory", "long", "memory", "long", "memory"],
  cuGraphInstantiateWithFlags: ["memory", "long", "long"],
  cuGraphExecKernelNodeSetParams: ["long", "long", "memory"],
  cuGraphLaunch: ["long", "long"],
  cuGraphExecDestroy: ["long"],
  cuGraphDestroy: ["long"],
  cuEventCreate: ["memory", "int"],
  cuEventRecord: ["long", "long"],
  cuEventSynchronize: ["long"],
  cuEventElapsedTime: ["memory", "long", "long"],
  cuEventDestroy_v2: ["long"],
} as const;

/** A function of the driver. */
export type CudaFunction = keyof typeof functions;

/** Parameters by function, under the names that the library exports (`cuda.h` of CUDA 12 and 13). */
export const cudaFunctions: Readonly<Record<CudaFunction, readonly CudaArgument[]>> = functions;

/** Arguments as `cudaFunctions` has them. */
export type CudaArguments = readonly (number | bigint | Uint8Array)[];

/** The driver's library in this process. */
export interface CudaLibrary {
  /** Calls a function; its `CUresult`. */
  call(name: CudaFunction, ...args: CudaArguments): number;
  /** Where memory of this process lies. It does not move while anyone holds it. */
  address(memory: Uint8Array): bigint;
  /** The C string at an address. */
  text(address: bigint): string;
}

/** Results that mean something to the runtime. */
export const cudaResult = {
  success: 0,
  outOfMemory: 2,
  noDevice: 100,
  invalidImage: 200,
  noBinary: 209,
  unsupportedPtx: 222,
  notFound: 500,
  notReady: 600,
} as const;

/** `CUdevice_attribute` by name. */
export const deviceAttribute = {
  multiprocessors: 16,
  major: 75,
  minor: 76,
  sharedBytes: 97,
} as const;

/** `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`. */
export const dynamicSharedAttribute = 8;
