/**
 * What a device can do for the executor: hold memory and run kernels.
 *
 * A backend is one device with the kernels of one model. It knows nothing of plans beyond how
 * kernels are called (`contract.ts`, `abi`). Sizes and offsets are in bytes.
 */

import type { CompiledModel, ElementType, Plan } from "./contract.ts";

/** A float of 16 bits: memory holds its pattern. */
export type HalfElement = Exclude<ElementType, "f32" | "i32">;

/** Elements as a device stores them; those of 16 bits as patterns. */
export type DeviceData = Float32Array | Int32Array | Uint16Array;

/** What is to be copied to `offset` bytes into a buffer. */
export interface Upload {
  readonly buffer: DeviceBuffer;
  readonly offset: number;
  readonly data: DeviceData;
}

/** Memory on the device. Only the backend that made it knows what it is. */
export interface DeviceBuffer {
  /** What errors call it: the tensor that it holds. */
  readonly label: string;
  readonly bytes: number;
}

/** A part of a buffer; `offset` is a multiple of `bufferAlignment`. */
export interface Slice {
  readonly buffer: DeviceBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** All of a buffer. */
export function wholeOf(buffer: DeviceBuffer): Slice {
  return { buffer, offset: 0, bytes: buffer.bytes };
}

/** One thing that the device does, with every size a number. */
export type Command =
  | {
      readonly kind: "dispatch";
      /** For people: the value that is computed. */
      readonly label: string;
      readonly kernel: string;
      /** At least 1. */
      readonly groups: number;
      readonly buffers: readonly Slice[];
      readonly scalars: readonly number[];
      /** Floating-point operations, where they are known. */
      readonly flops?: number;
    }
  | {
      readonly kind: "copy";
      readonly label: string;
      readonly from: Slice;
      readonly to: Slice;
      /**
       * A multiple of 4, as `toOffset` is; from the start of `from` to `toOffset` bytes into `to`.
       */
      readonly bytes: number;
      readonly toOffset: number;
    };

/** A device that runs the kernels of one model. After `close` it is not used. */
export interface Backend {
  readonly kind: "cpu" | "webgpu" | "cuda";
  /** For people: which device, e.g. `WebGPU (NVIDIA H100)`. */
  readonly description: string;
  /** The family of kernels that it runs. */
  readonly target: Plan["target"];
  /** Whether one buffer may not be bound for reading and for writing in one dispatch. */
  readonly separatesReadsFromWrites: boolean;
  /** The floats of 16 bits that its kernels can load and store. */
  readonly halves: readonly HalfElement[];
  /** All that it can ever hold, where that is known. */
  readonly capacity: number | undefined;
  /** The most bytes of one tensor, where there is such a limit. */
  readonly largestTensor: number | undefined;
  /**
   * Compiles the kernels called `names`, of the same model each time, before `run` needs them.
   * `progress` counts kernels.
   */
  load(model: CompiledModel, names: ReadonlySet<string>, progress?: Progress): Promise<void>;
  /** Memory with undefined content. Throws a named error if there is not enough. */
  allocate(bytes: number, label: string): Promise<DeviceBuffer>;
  free(buffer: DeviceBuffer): void;
  /**
   * Copies `data` to `offset` bytes into `buffer`, both multiples of 4. `data` may be changed once
   * this resolves, or at once where there is nothing to wait for.
   */
  upload(buffer: DeviceBuffer, offset: number, data: DeviceData): Promise<void> | undefined;
  /**
   * The memory of `buffer` itself, good until it is freed, where the host can look at it: what was
   * uploaded there need not be kept twice.
   */
  view?(buffer: DeviceBuffer): Uint8Array;
  /** The `bytes` bytes from `offset` on, after all that was run before, in memory of their own. */
  download(buffer: DeviceBuffer, offset: number, bytes: number): Promise<ArrayBuffer> | ArrayBuffer;
  /**
   * Runs commands in order, each seeing what those before it wrote. Resolves once the device has
   * accepted them; it may still be busy (see `finish`). Undefined where they were run already.
   */
  run(commands: readonly Command[]): Promise<void> | undefined;
  /**
   * As `upload`, and then `run`, where a device copies while it runs. `data` may be changed as soon as
   * this returns.
   */
  runWith?(arriving: Upload, commands: readonly Command[]): Promise<void> | undefined;
  /**
   * Runs commands and gives the milliseconds that they took by a clock of the device, once they are
   * done; undefined, and nothing was run, where it has none.
   */
  measure?(commands: readonly Command[]): Promise<number | undefined>;
  /** Resolves once the device has done all that it was asked to. */
  finish(): Promise<void>;
  /** Frees everything. */
  close(): void;
}

/** Told after each step of something long: `done` of `total`. */
export type Progress = (done: number, total: number) => void;

/** Offsets of slices: WebGPU's largest `minStorageBufferOffsetAlignment`. */
export const bufferAlignment: number = 256;

/** `bytes` rounded up to whole multiples of `bufferAlignment`. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / bufferAlignment) * bufferAlignment;
}

/** Bytes of one element. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  f32: 4,
  i32: 4,
  f16: 2,
  bf16: 2,
};

/**
 * The bytes that a tensor of so many elements takes on a device: whole groups of four elements, since
 * kernels read vectors, in pieces of 16 bytes, and never none, since WebGPU has no empty bindings.
 */
export function tensorBytes(elements: number, element: ElementType = "f32"): number {
  return Math.max(1, Math.ceil((elements * elementBytes[element]) / 16)) * 16;
}
