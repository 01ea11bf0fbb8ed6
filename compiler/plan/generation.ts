/** What the plan says about generating tokens. */

import type { PlanGeneration } from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import { type Graph, nodeAt, sizeOf } from "../graph/graph.ts";
import { evaluateDimension } from "../op/dimension.ts";
import type { Phases } from "../phase/phase.ts";

/** The generation of a model, if it has one. */
export function planGeneration(graph: Graph, split: Phases): PlanGeneration | undefined {
  const { generation } = graph;
  if (generation === undefined) return undefined;
  const extend = split.phases.find((phase) => phase.kind === "extend");
  const [output, token] = extend?.graph.outputs ?? [];
  invariant(output !== undefined && token !== undefined, "plan: `extend` gives logits and a token");
  const { axes } = nodeAt(graph, generation.logits).type;
  const vocabulary = axes.at(-1);
  invariant(vocabulary !== undefined, "plan: logits have a vocabulary axis");
  const segment = graph.sequences
    .flatMap(({ axis }) => graph.axes.get(axis)?.segments ?? [])
    .find((each) => each.axis === generation.axis);
  return {
    tokens: generation.tokens,
    logits: output.name,
    token: token.name,
    positions: `position.${segment?.name ?? generation.axis}`,
    vocabulary: evaluateDimension(sizeOf(graph, vocabulary), new Map()),
  };
}
