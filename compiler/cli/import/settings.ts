/** What a checkpoint's `config.json` says, by dotted keys at any depth. */

import { isRecord, type JsonRecord } from "../../../runtime/json.ts";
import type { TensorInfo } from "../../../runtime/weights/safetensors.ts";

/** The settings of one checkpoint folder. */
export class CheckpointSettings {
  readonly #config: JsonRecord;
  readonly #tensors: ReadonlyMap<string, TensorInfo>;

  constructor(config: JsonRecord, tensors: ReadonlyMap<string, TensorInfo>) {
    this.#config = config;
    this.#tensors = tensors;
  }

  /** The member at a path from the top. */
  at(path: string): unknown {
    let value: unknown = this.#config;
    for (const key of path.split(".")) value = isRecord(value) ? value[key] : undefined;
    return value ?? undefined;
  }

  /** The first member, at any depth, whose path ends in `key`. */
  find(key: string): unknown {
    return findIn(this.#config, key, "");
  }

  /** A number at any depth, or undefined. */
  number(key: string): number | undefined {
    const value = this.find(key);
    return typeof value === "number" ? value : undefined;
  }

  /** The sizes of a stored tensor, or undefined where there is none. */
  shape(tensor: string): readonly number[] | undefined {
    return this.#tensors.get(tensor)?.shape;
  }
}

function findIn(record: JsonRecord, key: string, prefix: string): unknown {
  const entries = Object.entries(record);
  for (const [name, value] of entries) {
    const path = `${prefix}${name}`;
    if (value !== null && !isRecord(value) && (path === key || path.endsWith(`.${key}`)))
      return value;
  }
  for (const [name, value] of entries) {
    const found = isRecord(value) ? findIn(value, key, `${prefix}${name}.`) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
