/** Small tokenizers for tests: byte-level as GPT-2 writes them, byte-fallback as Llama does. */

import type { JsonRecord } from "../../../runtime/json.ts";
import { type Tokenizer, tokenizerOf } from "../../../runtime/text/tokenizer.ts";

const special = (id: number, content: string): JsonRecord => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

const specials = [
  special(0, "<unk>"),
  special(1, "<s>"),
  special(2, "</s>"),
  special(3, "<image>"),
];

const beginning = {
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [],
  special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
};

function vocabulary(tokens: readonly string[]): JsonRecord {
  const all = [...specials.map((token) => String(token["content"])), ...tokens];
  return Object.fromEntries(all.map((token, id) => [token, id]));
}

/**
 * Llama's form: `▁` for spaces, one token for each byte that has no other, a beginning token from
 * the post-processor.
 */
export function byteFallback(config: JsonRecord = {}): Tokenizer {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  const letters = ["▁", "a", "b", "c", "é", "▁a", "bc"];
  return tokenizerOf({
    folder: "weights",
    tokenizer: {
      added_tokens: specials,
      normalizer: {
        type: "Sequence",
        normalizers: [
          { type: "Prepend", prepend: "▁" },
          { type: "Replace", pattern: { String: " " }, content: "▁" },
        ],
      },
      pre_tokenizer: null,
      post_processor: beginning,
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: "▁" }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          { type: "Strip", content: " ", start: 1, stop: 0 },
        ],
      },
      model: {
        type: "BPE",
        unk_token: "<unk>",
        byte_fallback: true,
        vocab: vocabulary([...bytes, ...letters]),
        merges: [
          ["▁", "a"],
          ["b", "c"],
        ],
      },
    },
    config: { bos_token: "<s>", eos_token: { content: "</s>" }, ...config },
  });
}

/**
 * GPT-2's form: a printable character for each byte. `letters` are those that have a token,
 * `unknown` the token of all others.
 */
export function byteLevel(
  letters: readonly string[],
  config: JsonRecord = {},
  unknown: string | null = null,
): Tokenizer {
  return tokenizerOf({
    folder: "weights",
    tokenizer: {
      added_tokens: specials,
      normalizer: null,
      pre_tokenizer: {
        type: "ByteLevel",
        add_prefix_space: false,
        trim_offsets: true,
        use_regex: true,
      },
      post_processor: null,
      decoder: { type: "ByteLevel" },
      model: { type: "BPE", unk_token: unknown, vocab: vocabulary(letters), merges: [] },
    },
    config: { bos_token: "<s>", ...config },
  });
}
