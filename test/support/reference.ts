/**
 * Transformers in plain float64, written from their formulas: rows are lists of numbers, masks are
 * functions of two row numbers, and nothing of the compiler is used. What specs without an oracle are
 * compared with.
 */

/** Rows of numbers. */
export type Rows = readonly (readonly number[])[];

/** A stored tensor by its name. */
export type Stored = (name: string) => {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
};

/** What is added to the projection `name` of row `row`, whose input is `x`; nothing for most. */
export type Adaptation = (
  name: string,
  row: number,
  x: readonly number[],
) => readonly number[] | undefined;

/** Whether query row `q` sees key row `k`, both counted in storage order. */
export type Sees = (q: number, k: number) => boolean;

export function add(a: readonly number[], b: readonly number[]): readonly number[] {
  return a.map((x, i) => x + (b[i] ?? 0));
}

export function addRows(a: Rows, b: Rows): Rows {
  return a.map((row, i) => add(row, b[i] ?? []));
}

function mean(row: readonly number[]): number {
  return row.reduce((sum, x) => sum + x, 0) / row.length;
}

export function softmax(row: readonly number[]): readonly number[] {
  const most = Math.max(...row);
  const powers = row.map((x) => Math.exp(x - most));
  const total = powers.reduce((sum, x) => sum + x, 0);
  return powers.map((x) => x / total);
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
export const silu = (x: number): number => x * sigmoid(x);
export const quickGelu = (x: number): number => x * sigmoid(1.702 * x);
export const relu = (x: number): number => Math.max(0, x);

/** The exact GELU. */
export function gelu(x: number): number {
  return (x / 2) * (1 + erf(x / Math.SQRT2));
}

/** By its series near 0, by the continued fraction of its complement elsewhere. */
function erf(z: number): number {
  if (z < 0) return -erf(-z);
  if (z > 2) {
    let fraction = z;
    for (let n = 80; n > 0; n--) fraction = z + n / 2 / fraction;
    return 1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * fraction);
  }
  let term = z;
  let sum = z;
  for (let n = 1; n < 60; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** The blocks of transformers over the tensors of one checkpoint. */
export class Reference {
  readonly #stored: Stored;
  readonly #adapt: Adaptation;

  constructor(stored: Stored, adapt: Adaptation = () => undefined) {
    this.#stored = stored;
    this.#adapt = adapt;
  }

  /** The numbers of a tensor. */
  vector(name: string): readonly number[] {
    return Array.from(this.#stored(name).data);
  }

  /** A tensor as rows of `width` numbers, its last axis if absent. */
  matrix(name: string, width: number = this.#stored(name).shape.at(-1) ?? 1): Rows {
    const data = this.vector(name);
    return Array.from({ length: data.length / width }, (_, i) =>
      data.slice(i * width, (i + 1) * width),
    );
  }

  /** `x W^T`, with the bias of the same name if `biased`. */
  linear(x: Rows, name: string, biased: boolean = false): Rows {
    const width = x[0]?.length ?? 1;
    const weight = this.matrix(`${name}.weight`, width);
    const bias = biased ? this.vector(`${name}.bias`) : [];
    return x.map((row, at) => {
      const y = weight.map(
        (column, i) => column.reduce((sum, w, j) => sum + w * (row[j] ?? 0), 0) + (bias[i] ?? 0),
      );
      return add(y, this.#adapt(name, at, row) ?? []);
    });
  }

  rmsNorm(x: Rows, name: string): Rows {
    const weight = this.vector(`${name}.weight`);
    return x.map((row) => {
      const scale = 1 / Math.sqrt(mean(row.map((each) => each * each)) + 1e-5);
      return row.map((each, i) => each * scale * (weight[i] ?? 0));
    });
  }

  layerNorm(x: Rows, name: string, eps: number = 1e-5): Rows {
    const [weight, bias] = [this.vector(`${name}.weight`), this.vector(`${name}.bias`)];
    return x.map((row) => {
      const middle = mean(row);
      const scale = 1 / Math.sqrt(mean(row.map((each) => (each - middle) ** 2)) + eps);
      return row.map((each, i) => (each - middle) * scale * (weight[i] ?? 0) + (bias[i] ?? 0));
    });
  }

  embed(tokens: readonly number[], name: string): Rows {
    const table = this.matrix(`${name}.weight`);
    return tokens.map((token) => table[token] ?? []);
  }

  /** A decoder layer as in Llama: RMS norms, rotary positions in halves, SwiGLU. */
  decoderLayer(x: Rows, name: string, about: DecoderFacts): Rows {
    const normed = this.rmsNorm(x, `${name}.input_layernorm`);
    const changed = addRows(x, this.selfAttention(normed, `${name}.self_attn`, about));
    return addRows(
      changed,
      this.swiglu(this.rmsNorm(changed, `${name}.post_attention_layernorm`), `${name}.mlp`),
    );
  }

  selfAttention(
    x: Rows,
    name: string,
    { heads, groups, positions, sees, theta = 10000 }: DecoderFacts,
  ): Rows {
    const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((each) =>
      this.linear(x, `${name}.${each}`),
    );
    const width = (q?.[0]?.length ?? 0) / heads;
    const turned = (rows: Rows | undefined, count: number): Rows =>
      (rows ?? []).map((row, at) =>
        headsOf(row, count).flatMap((head) => rotate(head, positions[at] ?? 0, theta)),
      );
    const seen = attend(turned(q, heads), turned(k, groups), v ?? [], {
      heads,
      groups,
      width,
      sees,
    });
    return this.linear(seen, `${name}.o_proj`);
  }

  swiglu(x: Rows, name: string): Rows {
    const [gate, up] = [this.linear(x, `${name}.gate_proj`), this.linear(x, `${name}.up_proj`)];
    const hidden = gate.map((row, i) => row.map((each, j) => silu(each) * (up[i]?.[j] ?? 0)));
    return this.linear(hidden, `${name}.down_proj`);
  }

  /** Two linear maps with biases and GELU between. */
  projector(x: Rows, name: string): Rows {
    const hidden = this.linear(x, `${name}.linear_1`, true).map((row) => row.map(gelu));
    return this.linear(hidden, `${name}.linear_2`, true);
  }

  /** CLIP's tower over one image `[3, size, size]`: a row for each patch. */
  tower(pixels: ArrayLike<number>, name: string, about: TowerFacts): Rows {
    const { size, patch, heads, layers } = about;
    const weight = this.matrix(`${name}.embeddings.patch_embedding.weight`, 3 * patch * patch);
    const grid = size / patch;
    const patches = Array.from({ length: grid * grid }, (_, at) => {
      const [top, left] = [Math.floor(at / grid) * patch, (at % grid) * patch];
      const values = Array.from({ length: 3 * patch * patch }, (_, i) => {
        const channel = Math.floor(i / (patch * patch));
        const [row, column] = [Math.floor(i / patch) % patch, i % patch];
        return pixels[(channel * size + top + row) * size + left + column] ?? 0;
      });
      return weight.map((each) => each.reduce((sum, w, i) => sum + w * (values[i] ?? 0), 0));
    });
    const first = this.vector(`${name}.embeddings.class_embedding`);
    const placed = addRows(
      [first, ...patches],
      this.matrix(`${name}.embeddings.position_embedding.weight`, first.length),
    );
    let x = this.layerNorm(placed, `${name}.pre_layrnorm`);
    for (let l = 0; l < layers; l++) {
      const layer = `${name}.encoder.layers.${l}`;
      const normed = this.layerNorm(x, `${layer}.layer_norm1`);
      x = addRows(x, this.biasedAttention(normed, `${layer}.self_attn`, heads));
      const wide = this.linear(this.layerNorm(x, `${layer}.layer_norm2`), `${layer}.mlp.fc1`, true);
      x = addRows(
        x,
        this.linear(
          wide.map((row) => row.map(quickGelu)),
          `${layer}.mlp.fc2`,
          true,
        ),
      );
    }
    return x.slice(1);
  }

  biasedAttention(x: Rows, name: string, heads: number): Rows {
    const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((each) =>
      this.linear(x, `${name}.${each}`, true),
    );
    const width = (q?.[0]?.length ?? 0) / heads;
    const seen = attend(q ?? [], k ?? [], v ?? [], {
      heads,
      groups: heads,
      width,
      sees: () => true,
    });
    return this.linear(seen, `${name}.out_proj`, true);
  }
}

/** What a decoder layer needs to know beside its weights. */
export interface DecoderFacts {
  readonly heads: number;
  readonly groups: number;
  readonly positions: readonly number[];
  readonly sees: Sees;
  readonly theta?: number;
}

export interface TowerFacts {
  readonly size: number;
  readonly patch: number;
  readonly heads: number;
  readonly layers: number;
}

/** Attention with a boolean mask; query head `h` reads key head `h / (heads / groups)`. */
export function attend(
  q: Rows,
  k: Rows,
  v: Rows,
  about: {
    readonly heads: number;
    readonly groups: number;
    readonly width: number;
    readonly sees: Sees;
  },
): Rows {
  const { heads, groups, width, sees } = about;
  return q.map((query, at) =>
    headsOf(query, heads).flatMap((head, h) => {
      const group = Math.floor(h / (heads / groups));
      const seen = k.flatMap((_, row) => (sees(at, row) ? [row] : []));
      const scores = seen.map((row) => {
        const key = headsOf(k[row] ?? [], groups)[group] ?? [];
        return head.reduce((sum, x, i) => sum + x * (key[i] ?? 0), 0) / Math.sqrt(width);
      });
      const shares = seen.length === 0 ? [] : softmax(scores);
      return head.map((_, i) =>
        seen.reduce((sum, row, n) => {
          const value = headsOf(v[row] ?? [], groups)[group] ?? [];
          return sum + (shares[n] ?? 0) * (value[i] ?? 0);
        }, 0),
      );
    }),
  );
}

function headsOf(row: readonly number[], count: number): Rows {
  const width = row.length / count;
  return Array.from({ length: count }, (_, h) => row.slice(h * width, (h + 1) * width));
}

/** Element `i` turns with element `i + width / 2`. */
function rotate(head: readonly number[], position: number, theta: number): readonly number[] {
  const half = head.length / 2;
  return head.map((x, i) => {
    const angle = position * theta ** (-(i % half) / half);
    const partner = i < half ? -(head[i + half] ?? 0) : (head[i - half] ?? 0);
    return x * Math.cos(angle) + partner * Math.sin(angle);
  });
}
