/**
 * What the benches use of each peer, so that types are checked where none is installed. A function
 * that is missing from the real package shows when it is called, and the peer is then left out.
 */

declare module "onnxruntime-web" {
  export * from "onnxruntime-common";
}
declare module "onnxruntime-web/webgpu" {
  export * from "onnxruntime-common";
}
declare module "onnxruntime-node" {
  export * from "onnxruntime-common";
}
declare module "onnxruntime-common" {
  export const env: {
    logLevel: string;
    wasm: { numThreads: number; wasmPaths?: string };
    versions: { common: string };
  };
  export class Tensor {
    constructor(type: "float32", data: Float32Array, dims: readonly number[]);
    constructor(type: "int32", data: Int32Array, dims: readonly number[]);
    constructor(type: "int64", data: BigInt64Array, dims: readonly number[]);
    readonly data: Float32Array;
  }
  export class InferenceSession {
    static create(
      model: Uint8Array,
      options: {
        executionProviders: readonly string[];
        intraOpNumThreads?: number;
        logSeverityLevel?: number;
      },
    ): Promise<InferenceSession>;
    run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
    release(): Promise<void>;
  }
}
declare module "@tensorflow/tfjs-core" {
  export interface Tensor {
    data(): Promise<Float32Array>;
    dispose(): void;
  }
  export const version_core: string;
  export function setBackend(name: string): Promise<boolean>;
  export function ready(): Promise<void>;
  export function tensor(data: Float32Array, shape: readonly number[]): Tensor;
  export function tidy(body: () => Tensor): Tensor;
  export function matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  export function mul(a: Tensor, b: number): Tensor;
  export function add(a: Tensor, b: Tensor): Tensor;
  export function softmax(a: Tensor): Tensor;
}
declare module "@tensorflow/tfjs-backend-wasm" {
  export function setWasmPaths(folder: string): void;
  export function setThreadsCount(count: number): void;
}
declare module "@tensorflow/tfjs-backend-webgpu" {}
declare module "@jax-js/jax" {
  export interface Array {
    /** Uses count, as in Rust: an array that is used once is gone unless `ref` was taken. */
    readonly ref: Array;
    reshape(shape: readonly number[]): Array;
    data(): Promise<Float32Array>;
    dispose(): void;
  }
  export type Device = "wasm" | "webgpu" | "cpu" | "webgl";
  export function init(...devices: readonly Device[]): Promise<readonly Device[]>;
  export function defaultDevice(device: Device): Device;
  export function jit<F>(body: F): F;
  export const numpy: {
    array(data: Float32Array, options: { readonly shape: readonly number[] }): Array;
    matmul(a: Array, b: Array): Array;
  };
  export const nn: {
    dotProductAttention(q: Array, k: Array, v: Array, options: { readonly bias: Array }): Array;
  };
}
