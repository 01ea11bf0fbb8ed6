/**
 * A sequence of kernels as a CUDA graph: a decode step is the same kernels each time, and launching
 * them as one costs a fraction of launching them one by one. Only nodes whose arguments changed since
 * the last time are told.
 */

import { invariant } from "../errors.ts";
import { type CudaDriver, type CudaLaunch, packArguments } from "./driver.ts";

interface Node {
  readonly handle: bigint;
  /** What it was told last, and the memory that the driver read it from. */
  key: string;
  held: Uint8Array;
}

/** Kernels that run one after another. */
export class KernelGraph {
  readonly #driver: CudaDriver;
  readonly #graph: bigint;
  readonly #executable: bigint;
  readonly #nodes: Node[] = [];

  constructor(driver: CudaDriver, launches: readonly CudaLaunch[]) {
    this.#driver = driver;
    this.#graph = driver.make("cuGraphCreate", 0);
    for (const launch of launches) {
      const before = this.#nodes.at(-1);
      const dependencies = new BigUint64Array(before === undefined ? [0n] : [before.handle]);
      const { parameters, held } = nodeParameters(driver, launch);
      const handle = driver.make(
        "cuGraphAddKernelNode",
        this.#graph,
        new Uint8Array(dependencies.buffer),
        before === undefined ? 0n : 1n,
        parameters,
      );
      this.#nodes.push({ handle, key: keyOf(launch), held });
    }
    this.#executable = driver.make("cuGraphInstantiateWithFlags", this.#graph, 0n);
  }

  /** Queues the kernels with these arguments; the same kernels as before, in the same order. */
  launch(launches: readonly CudaLaunch[]): void {
    invariant(launches.length === this.#nodes.length, "a graph has as many kernels as before");
    for (const [index, launch] of launches.entries()) {
      const node = this.#nodes[index];
      const key = keyOf(launch);
      if (node === undefined || node.key === key) continue;
      const { parameters, held } = nodeParameters(this.#driver, launch);
      node.held = held;
      node.key = key;
      this.#driver.call(
        "cuGraphExecKernelNodeSetParams",
        this.#executable,
        node.handle,
        parameters,
      );
    }
    this.#driver.call("cuGraphLaunch", this.#executable, this.#driver.stream);
  }

  close(): void {
    this.#driver.try("cuGraphExecDestroy", this.#executable);
    this.#driver.try("cuGraphDestroy", this.#graph);
  }
}

function keyOf({ groups, buffers, scalars }: CudaLaunch): string {
  return `${groups};${buffers.join()};${scalars.join()}`;
}

/** `CUDA_KERNEL_NODE_PARAMS` as CUDA 11 defined it; `held` is what it points to. */
function nodeParameters(
  { library }: CudaDriver,
  launch: CudaLaunch,
): { readonly parameters: Uint8Array; readonly held: Uint8Array } {
  const { values, pointers } = packArguments(library, launch);
  const parameters = new Uint8Array(new ArrayBuffer(56));
  const view = new DataView(parameters.buffer);
  view.setBigUint64(0, launch.function, true);
  const numbers = [launch.groups, 1, 1, launch.threads, 1, 1, launch.sharedBytes];
  for (const [index, value] of numbers.entries()) view.setUint32(8 + index * 4, value, true);
  view.setBigUint64(40, library.address(pointers), true);
  return { parameters, held: values };
}
