/** The tokens with a meaning of their own, as `tokenizer_config.json` names them. */

import { BraidError } from "../errors.ts";
import { describe, isRecord, type JsonRecord, member } from "../json.ts";

/**
 * Token texts such as `<s>`; absent where the tokenizer has none. Chat templates see them under
 * these names.
 */
export interface SpecialTokens {
  readonly bos_token?: string;
  readonly eos_token?: string;
  readonly pad_token?: string;
  readonly unk_token?: string;
}

/**
 * The special tokens of `settings`; `file` is what errors call it. A token is a text or an object
 * with its `content`.
 */
export function specialTokens(settings: JsonRecord, file: string): SpecialTokens {
  const names = ["bos_token", "eos_token", "pad_token", "unk_token"] as const;
  const tokens: { -readonly [Name in keyof SpecialTokens]: SpecialTokens[Name] } = {};
  for (const name of names) {
    const text = tokenAt(settings, name, file);
    if (text !== undefined) tokens[name] = text;
  }
  return tokens;
}

function tokenAt(settings: JsonRecord, name: string, file: string): string | undefined {
  const value = member(settings, name) ?? undefined;
  const text = isRecord(value) ? member(value, "content") : value;
  if (text === undefined || typeof text === "string") return text;
  throw new BraidError("json/type", `\`${name}\` in ${file} is ${describe(value)}, not a token`);
}
