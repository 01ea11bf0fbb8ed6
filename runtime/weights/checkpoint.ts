/**
 * The tensors of a Hugging Face folder, under the names they have there.
 *
 * Either `model.safetensors` or the shards of `model.safetensors.index.json`; a folder with both
 * means the former, as transformers reads it. Names are raw: which prefix a library version wrote
 * is the model text's business (`path p = "a" or "b"`).
 */

import { BraidError } from "../errors.ts";
import { describe, type JsonRecord, recordAt } from "../json.ts";
import { type Folder, found, pathIn, readSettings } from "./folder.ts";
import { openSafetensors, type SafetensorsFile, type TensorInfo } from "./safetensors.ts";

const single = "model.safetensors";
const index = "model.safetensors.index.json";

/** An open checkpoint. Its files stay open until `close`. */
export interface Checkpoint {
  /** The folder's name, for errors. */
  readonly name: string;
  /** Every tensor, by its name in the checkpoint. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  close(): Promise<void>;
}

/** Opens the weights in `folder`, reading headers only. */
export async function openCheckpoint(folder: Folder): Promise<Checkpoint> {
  const whole = await openShard(folder, single);
  if (whole !== undefined) return checkpointOf(folder, [whole], whole.tensors);
  const listing = await readSettings(folder, index);
  if (listing === undefined) throw await noWeights(folder);
  return openShards(folder, listing);
}

async function openShards(folder: Folder, listing: JsonRecord): Promise<Checkpoint> {
  const placed = placements(folder, listing);
  const opened = new Map<string, SafetensorsFile>();
  try {
    for (const file of new Set(placed.values())) {
      const shard = await openShard(folder, file);
      if (shard === undefined) throw await noShard(folder, file, placed);
      opened.set(file, shard);
    }
    return checkpointOf(folder, [...opened.values()], gather(folder, placed, opened));
  } catch (error) {
    await closeAll([...opened.values()]);
    throw error;
  }
}

async function openShard(folder: Folder, file: string): Promise<SafetensorsFile | undefined> {
  const reader = await folder.open(file);
  if (reader === undefined) return undefined;
  try {
    return await openSafetensors(reader);
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** The index's tensor → file, each file a plain name in the same folder. */
function placements(folder: Folder, listing: JsonRecord): ReadonlyMap<string, string> {
  const path = pathIn(folder, index);
  const placed = recordAt(listing, "weight_map", path);
  if (placed === undefined) {
    throw new BraidError("weights/index", `${path} has no \`weight_map\``, {
      hint: "fetch the file again, or save the checkpoint again with transformers",
    });
  }
  return new Map(
    Object.entries(placed).map(([tensor, file]) => {
      // The name of a file elsewhere would let a checkpoint read what lies beside it.
      if (typeof file === "string" && /^[^/\\]+\.safetensors$/.test(file)) return [tensor, file];
      throw new BraidError("weights/index", `${path} puts \`${tensor}\` into ${describe(file)}`, {
        hint: "a shard is a .safetensors file in the same folder",
      });
    }),
  );
}

/** The tensors where the index puts them, and those that shards hold beyond it. */
function gather(
  folder: Folder,
  placed: ReadonlyMap<string, string>,
  opened: ReadonlyMap<string, SafetensorsFile>,
): ReadonlyMap<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, file] of placed) {
    const tensor = opened.get(file)?.tensors.get(name);
    if (tensor === undefined) {
      const message = `${pathIn(folder, file)} lacks tensor \`${name}\`, which ${index} puts there`;
      throw new BraidError("weights/index", message, {
        hint: "the shards and the index are of different versions: fetch all of them again",
      });
    }
    tensors.set(name, tensor);
  }
  for (const shard of opened.values()) {
    for (const [name, tensor] of shard.tensors) {
      if (!tensors.has(name)) tensors.set(name, tensor);
    }
  }
  return tensors;
}

function checkpointOf(
  folder: Folder,
  files: readonly SafetensorsFile[],
  tensors: ReadonlyMap<string, TensorInfo>,
): Checkpoint {
  return { name: folder.name, tensors, close: () => closeAll(files) };
}

async function closeAll(files: readonly SafetensorsFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.reader.close()));
}

async function noWeights(folder: Folder): Promise<BraidError> {
  const files = (await folder.list?.()) ?? [];
  const pickled = files.find((file) => /\.(bin|pt|pth|ckpt)$/.test(file));
  const convert = `convert ${pickled} to safetensors (save_pretrained in transformers writes it)`;
  const put = `put ${single}, or ${index} and its shards, into that folder`;
  return new BraidError("weights/no-file", `${folder.name} holds no weights (${single})`, {
    hint: (pickled === undefined ? put : convert) + (await found(folder)),
  });
}

async function noShard(
  folder: Folder,
  file: string,
  placed: ReadonlyMap<string, string>,
): Promise<BraidError> {
  const lost = [...placed.values()].filter((each) => each === file).length;
  const message = `${folder.name} has no ${file}, the shard with ${lost} of its tensors`;
  return new BraidError("weights/no-file", message, {
    hint: `fetch ${file} into that folder${await found(folder)}`,
  });
}
