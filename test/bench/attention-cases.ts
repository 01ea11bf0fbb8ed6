/** The attentions that are timed. */

/** One attention: a spec, its inputs, and its mask by definition. */
export interface AttentionCase {
  readonly name: string;
  readonly text: string;
  readonly heads: number;
  readonly width: number;
  readonly queries: number;
  readonly keys: number;
  /** The spec's inputs as rows of q, k or v. */
  readonly inputs: readonly {
    readonly name: string;
    readonly of: "q" | "k" | "v";
    readonly from: number;
    readonly rows: number;
  }[];
  /** Token data and positions. */
  readonly data: Readonly<Record<string, readonly number[]>>;
  /** The input that changes from call to call. */
  readonly changing: string;
  /** Whether a query row sees a key row, both counted in storage order. */
  readonly visible: (query: number, key: number) => boolean;
}

const visual = 576;
const text = 256;

function count(from: number, rows: number): readonly number[] {
  return Array.from({ length: rows }, (_, row) => from + row);
}

/** Text over an image and itself, as in `design/peers`: EE-MLLM's decoder, 8 heads of 64. */
const composite: AttentionCase = {
  name: "composite, 256 text rows over 576 visual and 256 text keys, 8 × 64",
  text: `import { composite } from "std/attention"
model Composite[H = 8, E = 64] {
  input q: [T, H, E]
  input k_visual: [V, H, E]
  input k_text: [T, H, E]
  input v_visual: [V, H, E]
  input v_text: [T, H, E]
  sequence S = visual: V, text: T
  k = join S(visual = k_visual, text = k_text)
  v = join S(visual = v_visual, text = v_text)
  output seen = attend(q, k[S as K], v[S as K] over K; mask = composite)
}
`,
  heads: 8,
  width: 64,
  queries: text,
  keys: visual + text,
  inputs: [
    { name: "q", of: "q", from: 0, rows: text },
    { name: "k_visual", of: "k", from: 0, rows: visual },
    { name: "k_text", of: "k", from: visual, rows: text },
    { name: "v_visual", of: "v", from: 0, rows: visual },
    { name: "v_text", of: "v", from: visual, rows: text },
  ],
  data: { "position.visual": count(0, visual), "position.text": count(visual, text) },
  changing: "q",
  visible: (query, key) => key <= visual + query,
};

export const attentionCases: readonly AttentionCase[] = [composite];
