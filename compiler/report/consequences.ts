/**
 * What a model's masks imply, in the order in which it is applied. The figure of each step is the
 * difference that the step makes, so that the figures add up.
 */

import { type Graph, sizeOf } from "../graph/graph.ts";
import { nodeFlops } from "../graph/flops.ts";
import { type Dimension, evaluateDimension, productOf, sumOf } from "../op/dimension.ts";
import type { Phase, Phases } from "../phase/phase.ts";
import { growthOf } from "../phase/growth.ts";
import { afterwards, type Lengths } from "./lengths.ts";
import { type DecoderFlops, decoderFlops, type PaperFlops, totalOf } from "./papers.ts";

/** One step: what follows, and what it saves. */
export interface Consequence {
  readonly name:
    | "unread rows"
    | "verdicts"
    | "queries"
    | "last layer"
    | "last row"
    | "once per image"
    | "caches";
  readonly flops: number;
  /** Numbers that are not computed, or for the last two not computed again, in bytes of float32. */
  readonly bytes: number;
}

/** The steps for one prompt, and the figures that they lead from and to. */
export interface Consequences {
  /** Every row of the decoder as the text has it, scores dense. */
  readonly written: number;
  /** After the verdicts and the queries: as papers count. */
  readonly papers: number;
  /** After the rows of the last layer: products and attentions of the decoder that are computed. */
  readonly computed: number;
  readonly steps: readonly Consequence[];
}

/** A model and its phases as they were checked. */
export interface ExplainedModel {
  readonly graph: Graph;
  readonly optimized: Graph;
  readonly phases: Phases;
}

/** The phases that run for the first question, in order; `later` are those for each new token. */
export interface Running {
  readonly once: readonly Phase[];
  readonly first: Phase | undefined;
  readonly later: Phase | undefined;
}

/** Which of the phases run when. */
export function runningPhases({ phases }: Phases): Running {
  const of = (kind: Phase["kind"]): Phase | undefined =>
    phases.find((phase) => phase.kind === kind);
  const extend = of("extend");
  return {
    once: phases.filter((phase) => phase.kind === "static"),
    first: of("prompt") ?? extend ?? of("forward"),
    later: extend,
  };
}

/** The steps of a model that generates, as polynomials: made once, for any lengths. */
export class ConsequenceTable {
  readonly #model: ExplainedModel;
  readonly #papers: PaperFlops;
  readonly #forward: DecoderFlops;
  readonly #first: readonly DecoderFlops[];
  readonly #running: Running;

  /** `papers` are those of the same model. */
  constructor(model: ExplainedModel, papers: PaperFlops) {
    const { decoder } = papers;
    this.#model = model;
    this.#papers = papers;
    this.#running = runningPhases(model.phases);
    this.#forward = decoderFlops(decoder, model.optimized);
    const { once, first } = this.#running;
    const phases = first === undefined ? once : [...once, first];
    this.#first = phases.map(({ graph }) => decoderFlops(decoder, graph));
  }

  /** The steps for one prompt. */
  at(lengths: Lengths): Consequences {
    const { written, read, counted } = this.#papers;
    const at = (size: Dimension): number => evaluateDimension(size, lengths.values);
    const total = (work: DecoderFlops): number => at(totalOf(work));
    const numbers = (work: DecoderFlops): number => at(sumOf([work.attended, work.produced]));
    const computed = this.#first.reduce((sum, work) => sum + total(work), 0);
    const given = this.#first.reduce((sum, work) => sum + numbers(work), 0);
    const step = (name: Consequence["name"], flops: number, elements: number): Consequence => ({
      name,
      flops,
      bytes: 4 * elements,
    });
    const between = (
      name: Consequence["name"],
      from: DecoderFlops,
      to: DecoderFlops,
    ): Consequence => step(name, total(from) - total(to), numbers(from) - numbers(to));
    const verdicts = at(read.attention) - at(counted.attention);
    const queries = at(read.products) - at(counted.products);
    return {
      written: total(written),
      papers: total(counted),
      computed,
      steps: [
        between("unread rows", written, read),
        step("verdicts", verdicts, at(read.attended) - at(counted.attended)),
        step("queries", queries, at(read.produced) - at(counted.produced)),
        between("last layer", counted, this.#forward),
        step("last row", total(this.#forward) - computed, numbers(this.#forward) - given),
        step("once per image", this.#onceFlops(lengths), this.#kept(true, lengths)),
        step("caches", this.#cacheFlops(lengths), this.#kept(false, lengths)),
      ],
    };
  }

  /** What a second question about the same images need not compute again. */
  #onceFlops({ values }: Lengths): number {
    return this.#running.once.reduce((sum, { graph }) => sum + work(graph, values), 0);
  }

  /** What one more token would cost more without caches: the prompt again, longer by one. */
  #cacheFlops(lengths: Lengths): number {
    const { first, later } = this.#running;
    if (first === undefined || later === undefined) return 0;
    const growing = growthOf(this.#model.graph).symbols;
    const longer = new Map(
      [...lengths.values].map(([name, size]) => [
        name,
        growing.has(name) || name === "T.given" ? size + 1 : size,
      ]),
    );
    const one = afterwards(this.#model.graph, lengths, 1);
    return work(first.graph, longer) - work(later.graph, one.values);
  }

  /** The numbers that states of static phases, or of all others, hold after the prompt. */
  #kept(fixed: boolean, { values }: Lengths): number {
    const once = new Set(this.#running.once.map(({ name }) => name));
    return this.#model.phases.states
      .filter((state) => once.has(state.phase) === fixed)
      .reduce((sum, { type, phase }) => {
        const graph = this.#model.phases.phases.find((each) => each.name === phase)?.graph;
        const axes = graph === undefined ? [] : type.axes.map((axis) => sizeOf(graph, axis));
        return sum + evaluateDimension(productOf(axes), values);
      }, 0);
  }
}

/** The products and attentions of a graph for some sizes. */
function work(graph: Graph, sizes: ReadonlyMap<string, number>): number {
  return graph.nodes.reduce((sum, node) => {
    const counts = node.op.kind === "contract" || node.op.kind === "attend";
    return counts ? sum + evaluateDimension(nodeFlops(graph, node), sizes) : sum;
  }, 0);
}
