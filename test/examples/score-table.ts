/** How the scores of the gallery are drawn: their logits and data, and what their weights must be. */

/** Rows of a picture, as queries and as keys. */
export const rows = 32;

/** What one block of `scores.braid` computes, for logits that are given. */
export interface ScoreEntry {
  readonly name: string;
  readonly title: string;
  /** The logit of a pair before anything is done to it, and how it is described. */
  readonly logits: { readonly words: string; readonly of: (q: number, k: number) => number };
  /** The block's further arguments: type, and values in row-major order. */
  readonly data: Readonly<Record<string, { readonly type: string; readonly values: number[] }>>;
  /** The query rows that are shown. */
  readonly asked: readonly number[];
  readonly isCausal: boolean;
  /** The logit as the block changes it. */
  readonly changed: (logit: number, q: number, k: number) => number;
  /** Weights of one row from its visible logits. */
  readonly weights: (logits: readonly number[]) => readonly number[];
}

const all = Array.from({ length: rows }, (_, row) => row);

const uniform = (value: number): ScoreEntry["logits"] => ({
  words: `uniform logits of ${value}`,
  of: () => value,
});

/** Some keys stand out, others do not. */
const peaks: ScoreEntry["logits"] = {
  words: "logits of 4 at every eighth key, of 0 elsewhere",
  of: (_, k) => (k % 8 === 3 ? 4 : 0),
};

/** A softmax whose denominator has a term more. */
const softmax =
  (more = 0) =>
  (logits: readonly number[]): readonly number[] => {
    const powers = logits.map(Math.exp);
    const sum = powers.reduce((total, each) => total + each, more);
    return powers.map((each) => each / sum);
  };

function entry(name: string, title: string, rest: Partial<ScoreEntry>): ScoreEntry {
  return {
    ...{ name, title, logits: uniform(0), data: {}, asked: all, isCausal: true },
    changed: (logit) => logit,
    weights: softmax(),
    ...rest,
  };
}

const distanceBias = Array.from({ length: 17 }, (_, at) => 1 - Math.abs(at - 8) / 4);
const pairBias = all.flatMap((q) =>
  all.map((k) => 2 * Math.cos((Math.PI * q) / 8) * Math.cos((Math.PI * k) / 8)),
);
const asked = all.filter((row) => row % 4 === 3);

/** The gallery of scores, in the order of its page. */
export const scoreGallery: readonly ScoreEntry[] = [
  entry("scaled", "Scale", { logits: peaks, changed: (logit) => logit / 2 }),
  entry("capped", "Soft cap", {
    logits: peaks,
    changed: (logit) => 1.5 * Math.tanh(logit / 1.5),
  }),
  entry("biased_linearly", "Linear biases", {
    data: { slope: { type: "[H]", values: [0.25] } },
    changed: (logit, q, k) => logit - 0.25 * (q - k),
  }),
  entry("biased_by_distance", "Relative bias", {
    isCausal: false,
    data: { bias: { type: "[H, Offset = 17]", values: distanceBias } },
    changed: (logit, q, k) => logit + (distanceBias[Math.max(-8, Math.min(8, k - q)) + 8] ?? 0),
  }),
  entry("biased_by_pair", "Bias tensor", {
    isCausal: false,
    data: { bias: { type: "[H, Pair = 1024]", values: pairBias } },
    changed: (logit, q, k) => logit + (pairBias[q * rows + k] ?? 0),
  }),
  entry("decaying", "Distance decay", {
    isCausal: false,
    changed: (logit, q, k) => logit - 0.25 * Math.abs(q - k),
  }),
  entry("by_log_length", "Log-length scaling", {
    logits: peaks,
    changed: (logit, q) => (logit * Math.log(q + 2)) / Math.log(16),
  }),
  entry("with_learned_sink", "Learned sink", {
    data: { sink: { type: "[H]", values: [2] } },
    weights: softmax(Math.exp(2)),
  }),
  entry("with_zero_sink", "Zero sink", { logits: uniform(-1.5), weights: softmax(1) }),
  entry("by_sigmoid", "Sigmoid attention", {
    changed: (logit, q, k) => logit - 0.1 * Math.abs(q - k),
    weights: (logits) => logits.map((each) => 1 / (1 + Math.exp(-each))),
  }),
  entry("by_relu", "ReLU attention", {
    logits: uniform(2),
    changed: (logit, q, k) => logit - 0.25 * Math.abs(q - k),
    weights: (logits) => logits.map((each) => Math.max(0, each)),
  }),
  entry("merged", "Merged partial results", { logits: peaks }),
  entry("weights_of_some", "Weights of chosen rows", {
    logits: peaks,
    asked,
    data: { asked: { type: "int[R = 8]", values: asked } },
  }),
];

/** What the block must give for a query row: the weight of each key. */
export function expectedWeights(entry: ScoreEntry, q: number): readonly number[] {
  const seen = all.filter((k) => !entry.isCausal || k <= q);
  const logits = seen.map((k) => entry.changed(entry.logits.of(q, k), q, k));
  return [...entry.weights(logits), ...Array<number>(rows - seen.length).fill(0)];
}

/** A model that gives the block's weights: its keys and values are the identity, its queries logits. */
export function scoreModel({ name, data }: ScoreEntry): string {
  const inputs = Object.entries(data).map(([each, { type }]) => `  input ${each}: ${type}`);
  const given = ["q", "k[S as K]", "v[S as K]", ...Object.keys(data)];
  return `
model Picture {
  input q: [S = ${rows}, H = 1, E = ${rows}]
  input k: [S, H, E]
  input v: [S, H, W = ${rows}]
${inputs.join("\n")}
  output weights = ${name}(${given.join(", ")})
}
`;
}

/** The numbers of the model's inputs. */
export function scoreInputs({ logits, data }: ScoreEntry): ReadonlyMap<string, readonly number[]> {
  const identity = all.flatMap((row) => all.map((each) => Number(row === each)));
  return new Map<string, readonly number[]>([
    ["q", all.flatMap((q) => all.map((k) => logits.of(q, k)))],
    ["k", identity],
    ["v", identity],
    ...Object.entries(data).map(([each, { values }]) => [each, values] as const),
  ]);
}
