/** What is computed on an NVIDIA device, how far it may be off, and the same for PyTorch. */

import { floats, type HostTensor, integers } from "../../runtime/tensor.ts";
import { normal, seeded } from "../support/random.ts";
import { unitRoundoff } from "../support/tolerance.ts";

/** How operands are rounded. */
type Arithmetic = "f16" | "bf16" | "tf32" | "f32";

export interface DeviceCase {
  readonly name: string;
  readonly text: string;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly output: string;
  readonly flops: number;
  /** What is wrong with a result whose operands were rounded, by elements that are looked at. */
  readonly fault: (found: ArrayLike<number>, math: Arithmetic) => string | undefined;
  /** For `peers/pytorch_times.py`. */
  readonly torch: Readonly<Record<string, string | number>>;
}

/** Elements of a result that are computed again in float64. */
const looks = 64;

/** Rows times a constant matrix. */
export function product(rows: number, inner: number, columns: number): DeviceCase {
  const [a, b] = [numbers(rows * inner, 1), numbers(inner * columns, 2)];
  return {
    name: `${rows} × ${inner} × ${columns}`,
    text: `model Product[K = ${inner}, N = ${columns}] {
  input x: [R, K]
  weight w: [N, K]
  output y = x @ w
}
`,
    weights: new Map([["w", b]]),
    inputs: { x: floats(a, [rows, inner]) },
    output: "y",
    flops: 2 * rows * inner * columns,
    fault: (found, math) => {
      if (found.length !== rows * columns) return `${found.length} numbers`;
      const random = seeded(3);
      for (let look = 0; look < looks; look++) {
        const [row, column] = [pick(random, rows), pick(random, columns)];
        let [sum, sizes] = [0, 0];
        for (let k = 0; k < inner; k++) {
          const term = (a[row * inner + k] ?? 0) * (b[column * inner + k] ?? 0);
          sum += term;
          sizes += Math.abs(term);
        }
        const bound = sizes * (2.01 * unitRoundoff[math] + inner * unitRoundoff.f32);
        const value = found[row * columns + column] ?? Number.NaN;
        if (!(Math.abs(value - sum) <= bound)) return `[${row}, ${column}] is ${value}, not ${sum}`;
      }
      return undefined;
    },
    torch: { kind: "product", rows, inner, columns },
  };
}

const [heads, width] = [32, 128];

/** Rows of text after `visual` rows of an image, as queries: what an EE-MLLM or a LLaVA layer attends to. */
export function attention(mask: "causal" | "composite", visual: number, text: number): DeviceCase {
  const keys = visual + text;
  const [q, k, v] = [text, keys, keys].map((rows, seed) => numbers(rows * heads * width, seed));
  if (q === undefined || k === undefined || v === undefined) throw new Error("three tensors");
  const row = heads * width;
  const part = (data: Float32Array, from: number, to: number): HostTensor =>
    floats(data.slice(from * row, to * row), [to - from, heads, width]);
  const count = (from: number, to: number): number[] =>
    Array.from({ length: to - from }, (_, i) => from + i);
  const pairs = text * visual + (text * (text + 1)) / 2;
  const images = visual > 0;
  return {
    name: `${mask}, ${text} text rows${images ? ` over ${visual} visual rows` : ""}, ${heads} × ${width}`,
    text: images ? joined(mask) : alone(mask),
    weights: new Map(),
    inputs: images
      ? {
          q: part(q, 0, text),
          k_visual: part(k, 0, visual),
          k_text: part(k, visual, keys),
          v_visual: part(v, 0, visual),
          v_text: part(v, visual, keys),
          "position.visual": integers(count(0, visual)),
          "position.text": integers(count(visual, keys)),
        }
      : { q: part(q, 0, text), k: part(k, 0, keys), v: part(v, 0, keys) },
    output: "seen",
    flops: 4 * heads * width * pairs,
    fault: (found, math) => attentionFault({ q, k, v, visual, text }, found, math),
    torch: { kind: "attention", heads, width, visual, text },
  };
}

function joined(mask: string): string {
  return `import { ${mask} } from "std/attention"
model Attention[H = ${heads}, E = ${width}] {
  input q: [T, H, E]
  input k_visual: [V, H, E]
  input k_text: [T, H, E]
  input v_visual: [V, H, E]
  input v_text: [T, H, E]
  sequence S = visual: V, text: T
  k = join S(visual = k_visual, text = k_text)
  v = join S(visual = v_visual, text = v_text)
  output seen = attend(q, k[S as K], v[S as K] over K; mask = ${mask})
}
`;
}

function alone(mask: string): string {
  return `import { ${mask} } from "std/attention"
model Attention[H = ${heads}, E = ${width}] {
  input q: [S, H, E]
  input k: [S, H, E]
  input v: [S, H, E]
  output seen = attend(q, k[S as K], v[S as K] over K; mask = ${mask})
}
`;
}

interface Operands {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly visual: number;
  readonly text: number;
}

/**
 * Elements of some rows in float64. A logit is off by d = (2 u + E 2⁻²⁴) Σ |q k|; so a weight by
 * e^(2 d) - 1 of itself, then by u where it is rounded as an operand, as a value is.
 */
function attentionFault(
  { q, k, v, visual, text }: Operands,
  found: ArrayLike<number>,
  math: Arithmetic,
): string | undefined {
  if (found.length !== text * heads * width) return `${found.length} numbers`;
  const unit = unitRoundoff[math];
  const random = seeded(5);
  for (let look = 0; look < looks; look++) {
    const [row, head, element] = [pick(random, text), pick(random, heads), pick(random, width)];
    const seen = visual + row + 1;
    let largest = Number.NEGATIVE_INFINITY;
    let [off, total, sum, sizes] = [0, 0, 0, 0];
    const logits = Array.from({ length: seen }, (_, key) => {
      let [logit, terms] = [0, 0];
      for (let i = 0; i < width; i++) {
        const term =
          (q[(row * heads + head) * width + i] ?? 0) * (k[(key * heads + head) * width + i] ?? 0);
        logit += term;
        terms += Math.abs(term);
      }
      off = Math.max(off, ((2.01 * unit + width * unitRoundoff.f32) * terms) / Math.sqrt(width));
      largest = Math.max(largest, logit);
      return logit;
    });
    for (const [key, logit] of logits.entries()) {
      const weight = Math.exp((logit - largest) / Math.sqrt(width));
      const value = v[(key * heads + head) * width + element] ?? 0;
      total += weight;
      sum += weight * value;
      sizes += weight * Math.abs(value);
    }
    const relative = Math.expm1(2 * off) + 2.01 * unit + 2 * seen * unitRoundoff.f32;
    const value = found[(row * heads + head) * width + element] ?? Number.NaN;
    if (!(Math.abs(value - sum / total) <= (relative * sizes) / total))
      return `row ${row}, head ${head}, element ${element} is ${value}, not ${sum / total}`;
  }
  return undefined;
}

function pick(random: () => number, count: number): number {
  return Math.floor(random() * count);
}

function numbers(count: number, seed: number): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: count }, () => normal(random));
}
