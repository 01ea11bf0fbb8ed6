/**
 * Text to token ids and back, as the checkpoint's `tokenizer.json` says.
 *
 * The work is done by @huggingface/tokenizers; this file gives it a checked face. An id that comes
 * out is a whole number of the vocabulary, and a prompt never begins with two beginning-of-sequence
 * tokens. Text is decoded as it is: the historical "clean-up" that removes spaces before
 * punctuation is not applied, since it damages text and cannot be streamed.
 */

import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { BraidError, reasonOf } from "../errors.ts";
import { booleanAt, type JsonRecord } from "../json.ts";
import { type SpecialTokens, specialTokens } from "./special.ts";
import { streamText, type TextStream } from "./stream.ts";

/** A tokenizer that has been read. It keeps no state between calls. */
export interface Tokenizer {
  readonly special: SpecialTokens;
  /**
   * The id of a token's text, such as `<image>`, or undefined where the vocabulary has no such
   * token.
   */
  idOf(token: string): number | undefined;
  /**
   * The ids of `text` alone, or with what the post-processor adds around it. `<s>` and the like are
   * recognised in `text`.
   */
  encode(text: string, options: { readonly addSpecial: boolean }): Int32Array;
  /**
   * The ids of a whole prompt: a beginning-of-sequence token stands at its start exactly once if
   * the tokenizer wants one, whether or not the text (a chat template's, say) already begins with
   * it.
   */
  encodePrompt(text: string): Int32Array;
  /**
   * The text of `ids` without special tokens. An id that the vocabulary lacks has no text; broken
   * UTF-8 becomes U+FFFD.
   */
  decode(ids: ArrayLike<number>): string;
  /**
   * A decoder for ids that come one by one. The pieces that it gives join to what `decode` gives
   * for all.
   */
  stream(): TextStream;
}

/**
 * What is used of the library, with the types that hold in practice: an unknown token has no id.
 */
interface Library {
  encode(
    text: string,
    options: { readonly add_special_tokens: boolean },
  ): { readonly ids: readonly (number | null | undefined)[]; readonly tokens: readonly string[] };
  decode(ids: number[], options: Readonly<Record<string, boolean>>): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_added_tokens_decoder(): ReadonlyMap<number, { readonly special: boolean }>;
}

/** What `tokenizerOf` reads: the parsed files, and the folder that errors name. */
export interface TokenizerFiles {
  readonly folder: string;
  /** `tokenizer.json` */
  readonly tokenizer: JsonRecord;
  /** `tokenizer_config.json`, empty where there is none. */
  readonly config: JsonRecord;
}

/**
 * The tokenizer in `files`. `text/tokenizer` where the file is of a kind that the library does not
 * know.
 */
export function tokenizerOf(files: TokenizerFiles): Tokenizer {
  const library = openLibrary(files);
  const configFile = `${files.folder}/tokenizer_config.json`;
  const special = specialTokens(files.config, configFile);
  const addBos = booleanAt(files.config, "add_bos_token", configFile) ?? false;
  const hidden = new Set(
    [...library.get_added_tokens_decoder()].filter(([, token]) => token.special).map(([id]) => id),
  );
  const encode = (text: string, addSpecial: boolean): Int32Array =>
    checkedIds(library.encode(text, { add_special_tokens: addSpecial }), files.folder);
  const visible = (id: number): boolean => !hidden.has(id) && library.id_to_token(id) !== undefined;
  const decode = (ids: readonly number[]): string =>
    ids.length === 0 ? "" : library.decode([...ids], { clean_up_tokenization_spaces: false });

  return {
    special,
    idOf: (token) => library.token_to_id(token),
    encode: (text, { addSpecial }) => encode(text, addSpecial),
    encodePrompt(text) {
      const bos =
        special.bos_token === undefined ? undefined : library.token_to_id(special.bos_token);
      return oneBeginning(encode(text, true), bos, addBos);
    },
    decode: (ids) => decode(Array.from(ids).filter(visible)),
    stream: () => streamText(decode, visible),
  };
}

function openLibrary(files: TokenizerFiles): Library {
  try {
    return new HuggingFaceTokenizer(files.tokenizer, files.config);
  } catch (error) {
    const message = `${files.folder}/tokenizer.json cannot be used: ${reasonOf(error)}`;
    throw new BraidError("text/tokenizer", message, {
      hint: "save it again with a recent transformers (tokenizer.save_pretrained)",
      cause: error,
    });
  }
}

function checkedIds(encoding: ReturnType<Library["encode"]>, folder: string): Int32Array {
  const wrong = encoding.ids.findIndex((id) => !Number.isInteger(id));
  if (wrong === -1) return Int32Array.from(encoding.ids, (id) => id ?? 0);
  const token = JSON.stringify(encoding.tokens[wrong]);
  throw new BraidError("text/unknown", `the vocabulary of ${folder} has no token for ${token}`, {
    hint: "leave that character out of the prompt",
  });
}

/**
 * `ids` with one `bos` at their start where they begin with several, or with none though one is
 * wanted.
 */
function oneBeginning(ids: Int32Array, bos: number | undefined, wanted: boolean): Int32Array {
  if (bos === undefined) return ids;
  const first = ids.findIndex((id) => id !== bos);
  const count = first === -1 ? ids.length : first;
  if (count > 1) return ids.slice(count - 1);
  return count === 0 && wanted ? Int32Array.of(bos, ...ids) : ids;
}
