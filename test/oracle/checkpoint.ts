/** The tensors of the oracles: the case's inputs and outputs, and the checkpoint that it was made with. */

import { fileURLToPath } from "node:url";
import type { Graph } from "../../compiler/graph/graph.ts";
import { asConstant } from "../../compiler/op/dimension.ts";
import type { Tensor } from "../../compiler/graph/tensor.ts";
import { diskFolder, fileReader } from "../../runtime/node/index.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { readFloats, readIntegers } from "../../runtime/weights/read.ts";
import { openSafetensors, type TensorInfo } from "../../runtime/weights/safetensors.ts";

/** A tensor by its name. */
export type Lookup = (name: string) => Tensor;

function folderOf(name: string): string {
  return fileURLToPath(new URL(`data/${name}`, import.meta.url));
}

async function read(info: TensorInfo): Promise<Tensor> {
  const isInt = info.dtype.startsWith("I");
  const data = isInt ? await readIntegers(info) : await readFloats(info);
  return { element: isInt ? "int" : "float", shape: info.shape, data };
}

async function readAll(tensors: ReadonlyMap<string, TensorInfo>): Promise<Lookup> {
  const all = new Map<string, Tensor>();
  for (const [name, info] of tensors) all.set(name, await read(info));
  return (name) => {
    const found = all.get(name);
    if (found === undefined) throw new RangeError(`there is no tensor ${name}`);
    return found;
  };
}

/** The inputs and outputs of the case `name`. */
export async function readCase(name: string): Promise<Lookup> {
  const reader = await fileReader(`${folderOf(name)}/case.safetensors`);
  if (reader === undefined) throw new RangeError(`there is no case ${name}`);
  const { tensors } = await openSafetensors(reader);
  const found = await readAll(tensors);
  await reader.close();
  return found;
}

/** The tensors of the checkpoint of the case `name`, by the names that they have there. */
export function readCheckpoint(name: string): Promise<Lookup> {
  return readFolder(folderOf(name));
}

/** The tensors of the checkpoint that an example ships. */
export function readExample(name: string): Promise<Lookup> {
  return readFolder(fileURLToPath(new URL(`../../examples/${name}/weights`, import.meta.url)));
}

async function readFolder(folder: string): Promise<Lookup> {
  const checkpoint = await openCheckpoint(diskFolder(folder));
  const found = await readAll(checkpoint.tensors);
  await checkpoint.close();
  return found;
}

/** The weights of `graph` by the graph's names, in the sizes that it declares. */
export function weightsOf(graph: Graph, checkpoint: Lookup): Lookup {
  return (name) => {
    const weight = graph.weights.get(name);
    const stored = (weight?.alternatives[0] ?? []).map(checkpoint);
    const [first] = stored;
    if (weight === undefined || first === undefined) throw new RangeError(`no weight ${name}`);
    const shape = weight.axes.map((axis) => {
      const size = graph.axes.get(axis)?.size;
      return (size === undefined ? undefined : asConstant(size)) ?? 0;
    });
    if (stored.length === 1) return { ...first, shape };
    // One tensor a row of the first axis.
    return { ...first, shape, data: stored.flatMap(({ data }) => Array.from(data)) };
  };
}
