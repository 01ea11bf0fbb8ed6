/**
 * Which token ids end an answer: `generation_config.json` says, else `config.json`, else the
 * tokenizer.
 */

import { BraidError } from "../errors.ts";
import { describe, type JsonRecord, member, recordAt } from "../json.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The ids that end an answer, and the file that said so. */
export interface StopIds {
  readonly ids: ReadonlySet<number>;
  /**
   * For people; undefined where nothing names an end and only a limit or `--stop` can end an
   * answer.
   */
  readonly source: string | undefined;
}

/** The files that may name an end; absent where the folder lacks them. */
export interface StopFiles {
  /** `generation_config.json` */
  readonly generation: JsonRecord | undefined;
  /** `config.json`, whose `text_config` is asked too. */
  readonly config: JsonRecord | undefined;
}

/** The first of the three places that names an end. */
export function stopIds(files: StopFiles, tokenizer: Tokenizer): StopIds {
  const text = files.config && recordAt(files.config, "text_config", "config.json");
  const places: readonly (readonly [string, JsonRecord | undefined])[] = [
    ["generation_config.json", files.generation],
    ["config.json", files.config],
    ["text_config of config.json", text],
  ];
  for (const [source, settings] of places) {
    const ids = settings === undefined ? [] : idsAt(settings, source);
    if (ids.length > 0) return { ids: new Set(ids), source };
  }
  const token = tokenizer.special.eos_token;
  const id = token === undefined ? undefined : tokenizer.idOf(token);
  if (id === undefined) return { ids: new Set(), source: undefined };
  return { ids: new Set([id]), source: "tokenizer_config.json" };
}

/** `eos_token_id` is an id, a list of ids, or null. */
function idsAt(settings: JsonRecord, file: string): readonly number[] {
  const value = member(settings, "eos_token_id") ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((id) => {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0) return id;
    throw new BraidError("json/type", `\`eos_token_id\` in ${file} is ${describe(id)}, not an id`);
  });
}
