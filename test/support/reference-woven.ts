/** PathWeave's Q-Former in plain float64: woven projections among queries, cross-attention, BERT's MLP. */

import type { Tensor } from "../../compiler/graph/tensor.ts";
import {
  add,
  addRows,
  attend,
  gelu,
  Reference,
  relu,
  type Rows,
  softmax,
  type Stored,
} from "./reference.ts";

/** The outputs of the small model for the rows `features` of one input. */
export function woven(stored: Stored, features: Tensor): Readonly<Record<string, Rows>> {
  const reference = new Reference(stored);
  const data = Array.from(features.data);
  const width = features.shape[2] ?? 1;
  const seen = Array.from({ length: features.shape[1] ?? 0 }, (_, i) =>
    data.slice(i * width, (i + 1) * width),
  );
  const hidden: Record<string, Rows> = {};
  let x = reference.layerNorm(reference.matrix("query_tokens", 24), "qformer.layernorm", 1e-12);
  for (const l of [0, 1]) {
    const path = `qformer.encoder.layer.${l}`;
    x = attention(reference, x, x, `${path}.attention`, true);
    if (l === 0) x = attention(reference, x, seen, `${path}.crossattention`, false);
    const wide = reference.linear(x, `${path}.intermediate_query.dense`, true);
    const change = reference.linear(
      wide.map((row) => row.map(gelu)),
      `${path}.output_query.dense`,
      true,
    );
    x = reference.layerNorm(addRows(x, change), `${path}.output_query.LayerNorm`, 1e-12);
    hidden[`hidden[${l}]`] = x;
  }
  return { ...hidden, projected: reference.linear(x, "language_projection", true) };
}

function attention(
  reference: Reference,
  x: Rows,
  rows: Rows,
  path: string,
  adapted: boolean,
): Rows {
  const projected = (name: string, of: Rows): Rows => {
    const plain = reference.linear(of, `${path}.attention.${name}`, true);
    if (!adapted) return plain;
    return addRows(
      plain,
      of.map((row) => adapters(reference, row, `${path}.attention.${name}_adapter`)),
    );
  };
  const about = { heads: 3, groups: 3, width: 8, sees: () => true };
  const mixed = attend(
    projected("query", x),
    projected("key", rows),
    projected("value", rows),
    about,
  );
  const change = reference.linear(mixed, `${path}.output.dense`, true);
  return reference.layerNorm(addRows(x, change), `${path}.output.LayerNorm`, 1e-12);
}

/** Two of three adapters, by the gate: two of earlier modalities, turned in the middle, and the own one. */
function adapters(reference: Reference, row: readonly number[], path: string): readonly number[] {
  const times = (name: string, x: readonly number[]): readonly number[] =>
    reference
      .matrix(name, x.length)
      .map((line) => line.reduce((sum, w, i) => sum + w * (x[i] ?? 0), 0));
  const outputs = [0, 1].map((each) => {
    const inside = times(`${path}.earlier.${each}.down.weight`, row).map(relu);
    return times(
      `${path}.earlier.${each}.up.weight`,
      times(`${path}.earlier.${each}.inner.weight`, inside),
    );
  });
  outputs.push(times(`${path}.own.up.weight`, times(`${path}.own.down.weight`, row).map(relu)));
  const logits = times(`${path}.gate.weight`, row);
  const best = [0, 1, 2].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0)).slice(0, 2);
  const shares = softmax(best.map((each) => logits[each] ?? 0));
  const scale = reference.vector(`${path}.scale`);
  return best.reduce(
    (sum: readonly number[], each, i) =>
      add(
        sum,
        (outputs[each] ?? []).map((y) => y * (shares[i] ?? 0) * (scale[each] ?? 0)),
      ),
    (outputs[0] ?? []).map(() => 0),
  );
}
