/** Everything that `braid explain` says, as data: made once for a model, evaluated for any lengths. */

import type { Plan, PlanPhase } from "../../runtime/contract.ts";
import { growthOf } from "../phase/growth.ts";
import { past, type Phase } from "../phase/phase.ts";
import {
  type Consequences,
  ConsequenceTable,
  type ExplainedModel,
  type Running,
  runningPhases,
} from "./consequences.ts";
import { dispatchCount, type Measure } from "./executed.ts";
import { afterwards, type Lengths } from "./lengths.ts";
import { type MaskTable, maskTables } from "./mask-tables.ts";
import { type ArenaBytes, type MemoryUse, memoryUse } from "./memory.ts";
import { type PaperFlops, paperFlops } from "./papers.ts";
import { addWork, type PhaseWork, phaseWork, type WorkFacts } from "./phase-work.ts";
import { type Reconciliation, reconcile } from "./reconcile.ts";

/** How the runtime reads a plan, which this layer may not know by itself. */
export interface PlanReader {
  /** The sizes of a plan for values of its symbols. */
  readonly measure: (values: ReadonlyMap<string, number>) => Measure;
  readonly arena: ArenaBytes;
}

/** One call of a phase. */
export interface PhaseCall {
  readonly name: string;
  readonly inputs: readonly string[];
  /** The phases whose states it reads. */
  readonly after: readonly string[];
  readonly dispatches: number;
  readonly work: PhaseWork;
  /** The bytes of what it leaves for others. */
  readonly keeps: number;
}

/** What holds of a model for one prompt. */
export interface LengthsReport {
  readonly lengths: Lengths;
  /** Absent where nothing is generated. */
  readonly consequences?: Consequences;
  readonly reconciliation?: Reconciliation;
  /** The calls of a first question, in order. */
  readonly first: readonly PhaseCall[];
  /** A further question of as many tokens, and a single token; absent where nothing is generated. */
  readonly again?: PhaseCall;
  readonly token?: PhaseCall;
  readonly memory: MemoryUse;
}

/** What a model is, whatever the lengths. */
export interface ModelReport {
  readonly model: string;
  readonly target: Plan["target"];
  readonly masks: readonly MaskTable[];
  /** Whether it generates from caches; a model that must not is refused before. */
  readonly generates: boolean;
}

/** Explains one model with one plan. */
export class Explainer {
  readonly #model: ExplainedModel;
  readonly #plan: Plan;
  readonly #reader: PlanReader;
  readonly #papers: PaperFlops | undefined;
  readonly #consequences: ConsequenceTable | undefined;
  readonly #running: Running;
  readonly #facts: WorkFacts;

  /** `plan` is the plan of `model`. */
  constructor(model: ExplainedModel, plan: Plan, reader: PlanReader) {
    this.#model = model;
    this.#plan = plan;
    this.#reader = reader;
    this.#papers = paperFlops(model.graph);
    this.#consequences =
      this.#papers === undefined ? undefined : new ConsequenceTable(model, this.#papers);
    this.#running = runningPhases(model.phases);
    const { symbols } = growthOf(model.graph);
    const decoder = this.#papers?.decoder;
    this.#facts = { plan, decoder, growing: symbols };
  }

  /** What does not depend on lengths. */
  model(): ModelReport {
    return {
      model: this.#model.graph.name,
      target: this.#plan.target,
      masks: maskTables(this.#model.graph),
      generates: this.#plan.generation !== undefined,
    };
  }

  /** What depends on lengths; nothing is built again. */
  at(lengths: Lengths): LengthsReport {
    const { once, first, later } = this.#running;
    const calls = [...once, ...(first === undefined ? [] : [first])].map((phase) =>
      this.#call(phase, lengths),
    );
    const consequences = this.#consequences?.at(lengths);
    const work = addWork(calls.map((call) => call.work));
    const one = afterwards(this.#model.graph, lengths, 1);
    const memory = memoryUse(
      this.#plan,
      this.#reader.measure(lengths.values),
      this.#reader.measure(one.values),
      (phase, measure) => this.#reader.arena(phase, this.#blockOf(phase, lengths) ?? measure),
    );
    const same = afterwards(this.#model.graph, lengths, one.values.get("past") ?? 0);
    return {
      lengths,
      ...(consequences === undefined
        ? {}
        : { consequences, reconciliation: reconcile(consequences, work) }),
      first: calls,
      ...(later === undefined
        ? {}
        : { again: this.#call(later, same), token: this.#call(later, one) }),
      memory,
    };
  }

  /** The sizes of the last call, where caches that forget take a prompt in several. */
  #blockOf({ kind }: PlanPhase, { values }: Lengths): Measure | undefined {
    const rings = this.#plan.states.flatMap(({ ring }) => ring ?? []);
    const most = Math.min(...rings.map(({ slots, window }) => slots - window + 1));
    const rows = Math.max(0, ...[...this.#facts.growing].map((name) => values.get(name) ?? 0));
    if (kind !== "extend" || rows <= most) return undefined;
    const last = [...values].map(([name, size]): [string, number] => [
      name,
      this.#facts.growing.has(name) ? most : size,
    ]);
    return this.#reader.measure(new Map([...last, [past, rows - most]]));
  }

  #call(phase: Phase, { values }: Lengths): PhaseCall {
    const measure = this.#reader.measure(values);
    const planned = this.#plan.phases.find((each) => each.name === phase.name);
    const makers = this.#plan.states
      .filter((state) => phase.reads.includes(state.name) && state.phase !== phase.name)
      .map((state) => state.phase);
    const left = this.#plan.states.filter(
      (state) => state.phase === phase.name || planned?.writes.includes(state.name) === true,
    );
    const keeps = left.reduce(
      (sum, { axes }) => sum + axes.reduce((product, { size }) => product * measure(size), 4),
      0,
    );
    return {
      name: phase.name,
      inputs: phase.inputs,
      after: [...new Set(makers)],
      dispatches: planned === undefined ? 0 : dispatchCount(planned, measure),
      work: phaseWork(this.#facts, phase, values, measure),
      keeps,
    };
  }
}
