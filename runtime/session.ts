/**
 * A model on a device: runs its phases, and runs none whose inputs have not changed.
 *
 * Everything a phase depends on has a version: inputs by content, states by computation. A phase is
 * current while the versions that it was run for hold; running a phase first brings those up to
 * date whose states it reads. So a second question about an image costs no second look at the
 * image.
 */

import { ahead, Arena } from "./arena.ts";
import type { Backend } from "./backend.ts";
import type { CompiledModel, PhaseKind, Plan, PlanPhase } from "./contract.ts";
import { BraidError } from "./errors.ts";
import { blocksOf } from "./blocks.ts";
import { checkTarget } from "./check-target.ts";
import { checkCaches } from "./cache-basis.ts";
import { type Inputs, InputStore } from "./inputs.ts";
import { type LoadProgress, loadResidents, residentOf, type Residents } from "./load.ts";
import { OutputStore, type OutputTensor } from "./outputs.ts";
import type { Conversations } from "./paged-caches.ts";
import { linkOf, linksOf, type PhaseLinks } from "./phase-links.ts";
import { PhaseProgram } from "./program.ts";
import { Repetition } from "./repetition.ts";
import type { SymbolValues } from "./size.ts";
import { appends, StateStore } from "./states.ts";
import { kernelsOf, usualKernels } from "./steps.ts";
import { bindSymbols } from "./symbols.ts";
import { type PhaseTiming, Timings } from "./timings.ts";
import type { Trace } from "./trace.ts";
import { verifyPlan } from "./verify.ts";
import { Versions } from "./versions.ts";
import type { WeightSource } from "./weight-source.ts";
import type { QuantizationLoss } from "./weights/quantize.ts";

/** What a session is made of. It owns the backend from then on and closes it. */
export interface SessionOptions {
  readonly model: CompiledModel;
  readonly backend: Backend;
  readonly weights: WeightSource;
  readonly progress?: (event: LoadProgress) => void;
  /** Told of each quantised weight what that lost. */
  readonly quantized?: (weight: string, loss: QuantizationLoss) => void;
  /** Notes what the device does; it then runs one kernel at a time. */
  readonly trace?: Trace;
}

/** The outputs of one run, by name. They can be read until the phase runs again. */
export type Outputs = ReadonlyMap<string, OutputTensor>;

/** Bytes on the device by what they are for. */
export interface MemoryUse {
  readonly weightsAndConstants: number;
  readonly states: number;
  readonly temporaries: number;
}

/** A loaded model and the state of one conversation with it. One call at a time. */
export class Session {
  readonly plan: Plan;
  readonly backend: Backend;
  readonly #model: CompiledModel;
  readonly #trace: Trace | undefined;
  readonly #residents: Residents;
  readonly #inputs: InputStore;
  readonly #states: StateStore;
  readonly #outputs: OutputStore;
  readonly #arena: Arena;
  readonly #programs: Map<string, PhaseProgram> = new Map();
  readonly #links: ReadonlyMap<string, PhaseLinks>;
  /** The phases whose kernels the backend has. */
  readonly #loaded: Set<string> = new Set();
  readonly #versions: Versions;
  readonly #timings: Timings = new Timings();
  /** The call before, if nothing has happened since and it can be made again. */
  #repetition: Repetition | undefined;
  #busy: boolean = false;

  private constructor({ model, trace }: SessionOptions, given: Backend, residents: Residents) {
    this.#trace = trace;
    this.#model = model;
    this.plan = model.plan;
    this.backend = trace?.watch(given) ?? given;
    this.#residents = residents;
    this.#inputs = new InputStore(this.backend, this.plan);
    this.#states = new StateStore(this.backend, this.plan);
    this.#outputs = new OutputStore(this.backend);
    this.#versions = new Versions(this.plan, this.#inputs, this.#states);
    this.#links = linksOf(this.plan);
    this.#arena = new Arena(this.backend, this.plan.kernels);
  }

  /** Compiles the kernels and loads the weights. If that fails the backend is closed. */
  static async open(options: SessionOptions): Promise<Session> {
    const { model, backend, weights, quantized, progress = () => undefined } = options;
    try {
      checkTarget(model.plan, backend);
      verifyPlan(model.plan);
      const kernels = usualKernels(model.plan);
      const count = (done: number, total: number): void =>
        progress({ stage: "kernels", done, total });
      // Devices compile elsewhere, so both go on at once; a failure waits for the other to end.
      const [loaded, resident] = await Promise.allSettled([
        backend.load(model, kernels, count),
        loadResidents(model.plan, backend, weights, progress, quantized),
      ]);
      if (loaded.status === "rejected") throw loaded.reason;
      if (resident.status === "rejected") throw resident.reason;
      return new Session(options, backend, resident.value);
    } catch (error) {
      backend.close();
      throw error;
    }
  }

  /** The rows that the caches hold. */
  get past(): number {
    return this.#states.past;
  }

  /** What phases have taken since the session began or `clearTimings`, in order. */
  get timings(): readonly PhaseTiming[] {
    return this.#timings.all;
  }

  /** What lies on the device now. */
  get memory(): MemoryUse {
    return {
      weightsAndConstants: [...this.#residents.values()].reduce((sum, each) => sum + each.bytes, 0),
      states: this.#states.bytes,
      temporaries: this.#arena.bytes,
    };
  }

  /**
   * Runs the phase `name`, after the static ones whose states it reads and that are out of date.
   * `inputs` are kept: what was given before need not be given again.
   */
  run(name: string, inputs: Inputs = {}): Promise<Outputs> {
    const before = this.#repetition;
    if (!this.#busy && before?.takes(name, inputs) === true) return this.#repeat(before, inputs);
    return this.#alone(async () => {
      await this.#inputs.accept(inputs);
      const phase = this.#phase(name);
      const most = this.#states.block(phase);
      // Most models take any number of rows at once.
      if (most === Number.POSITIVE_INFINITY) return this.#run(phase);
      const given = this.#inputs.given(phase);
      const blocks = blocksOf(this.plan, given, most);
      if (blocks.length === 1) return this.#run(phase);
      // Caches that forget take only so many rows at once.
      let last: Outputs = new Map();
      for (const rows of blocks) {
        await this.#inputs.accept(rows);
        last = await this.#run(phase);
      }
      await this.#inputs.accept(given);
      return last;
    });
  }

  /** Brings every static phase up to date: what depends on images, not on text. */
  async prepare(inputs: Inputs = {}): Promise<void> {
    await this.#alone(async () => {
      await this.#inputs.accept(inputs);
      for (const phase of this.#phases("static")) await this.#run(phase);
    });
  }

  /** Everything the model gives for `inputs`, with nothing cached before. */
  async forward(inputs: Inputs): Promise<Outputs> {
    const before = this.#repetition;
    const isSame = before?.isWhole === true && before.takes(before.phase.name, inputs);
    if (isSame && this.past === 0 && !this.#busy) return this.#repeat(before, inputs);
    return this.#alone(async () => {
      await this.#inputs.accept(inputs);
      this.#states.truncate(0);
      const all = new Map<string, OutputTensor>();
      const [last] = [
        ...this.#phases("forward"),
        ...this.#phases("prompt"),
        ...this.#phases("extend"),
      ];
      for (const phase of [...this.#phases("static"), ...(last === undefined ? [] : [last])]) {
        for (const [name, output] of await this.#run(phase)) all.set(name, output);
      }
      return all;
    });
  }

  /**
   * Whether the cached rows were computed for the inputs given now, those that grow row by row
   * aside. False after another image was given: then the conversation has to begin anew (`reset`).
   */
  get cachesCurrent(): boolean {
    return this.past === 0 || this.#states.basis === this.#versions.ofCaches;
  }

  /**
   * Lets caches have room for `rows` rows, so that they need not grow one doubling after another.
   */
  reserve(rows: number): void {
    this.#states.reserve(rows);
  }

  /** Whether `truncate(rows)` can be done: caches that forget hold the last rows only. */
  canTruncate(rows: number): boolean {
    return this.#states.canTruncate(rows);
  }

  /** Forgets all cached rows but the first `rows`; throws `session/truncate` if it cannot. */
  truncate(rows: number): void {
    this.#repetition = undefined;
    this.#states.truncate(rows);
  }

  /**
   * Conversations that share the rows they have in common: `fork` one, then `use` it. Throws
   * `session/pages` where caches are not in pages.
   */
  get conversations(): Conversations {
    return this.#states.conversations;
  }

  /** Forgets all cached rows. What was computed from images stays. */
  reset(): void {
    this.truncate(0);
  }

  /** Begins a new list of timings. */
  clearTimings(): void {
    this.#timings.clear();
  }

  /** Frees everything on the device, the backend included. */
  close(): void {
    this.backend.close();
  }

  async #run(phase: PlanPhase): Promise<Outputs> {
    await this.#updateSources(phase);
    if (!appends(phase) && this.#versions.isCurrent(phase)) {
      this.#timings.skipped(phase.name);
      return this.#outputs.of(phase);
    }
    if (appends(phase)) checkCaches(phase, this.past, this.cachesCurrent);
    if (!this.#loaded.has(phase.name)) {
      await this.backend.load(this.#model, kernelsOf([phase]));
      this.#loaded.add(phase.name);
    }
    const start = performance.now();
    this.#versions.begin(phase);
    const execute = (): Promise<SymbolValues> => this.#execute(phase);
    const sizes = await (this.#trace?.phase(phase.name, execute) ?? execute());
    const rows = -this.past;
    this.#states.commit(phase, sizes);
    this.#repetition = this.#repetitionOf(phase, sizes, rows + this.past);
    if (!appends(phase)) return this.#done(phase, start);
    this.#states.basis = this.#versions.ofCaches;
    return this.#outputs.of(phase, this.#timings.untilRead(phase.name, start));
  }

  /** A phase that appends nothing is current; who reads its outputs waits for it, else this does. */
  async #done(phase: PlanPhase, start: number): Promise<Outputs> {
    this.#versions.end(phase);
    // On the host it is done already, and to copy what it gave is no part of it.
    const isElsewhere = this.backend.view === undefined;
    if (isElsewhere && phase.outputs.length > 0)
      return this.#outputs.of(phase, this.#timings.untilRead(phase.name, start));
    await this.backend.finish();
    this.#timings.ran(phase.name, start);
    return this.#outputs.of(phase);
  }

  /** How to make the call again that was made for `values` and appended so many rows. */
  #repetitionOf(phase: PlanPhase, values: SymbolValues, rows: number): Repetition | undefined {
    const [trace, program] = [this.#trace, this.#programs.get(phase.name)];
    if (trace !== undefined || program === undefined) return undefined;
    const given = { plan: this.plan, inputs: this.#inputs, states: this.#states };
    return Repetition.of(
      { ...given, phase, program, values, basis: this.#versions.basis.inputs },
      rows,
    );
  }

  /** Makes a call that differs by its inputs from the one before. */
  async #repeat(call: Repetition, inputs: Inputs): Promise<Outputs> {
    const { phase } = call;
    this.#busy = true;
    this.#repetition = undefined;
    try {
      // To wait for nothing takes its time, too.
      const uploads = this.#inputs.replace(inputs);
      const late = this.#inputs.takeLate();
      if (uploads !== undefined) await uploads;
      const start = performance.now();
      const stays = late === undefined && !appends(phase) && this.#versions.isCurrent(phase);
      if (stays) this.#timings.skipped(phase.name);
      else {
        this.#versions.begin(phase);
        const running = call.run(this.backend, late);
        if (running !== undefined) await running;
        this.#outputs.again(phase);
      }
      this.#repetition = call;
      if (stays) return this.#outputs.of(phase);
      if (!appends(phase)) return await this.#done(phase, start);
      this.#states.append(call.rows);
      return this.#outputs.of(phase, this.#timings.untilRead(phase.name, start));
    } finally {
      this.#busy = false;
    }
  }

  /** Runs the static phases whose values `phase` reads, where they are out of date. */
  async #updateSources(phase: PlanPhase): Promise<void> {
    for (const maker of linkOf(this.#links, phase).makers) {
      await this.#updateSources(maker);
      if (!this.#versions.isCurrent(maker)) await this.#run(maker);
    }
  }

  /** Runs a phase for the inputs given; the sizes that it ran for. */
  async #execute(phase: PlanPhase): Promise<SymbolValues> {
    const program = this.#programs.get(phase.name) ?? new PhaseProgram(phase);
    this.#programs.set(phase.name, program);
    const values = this.#symbols(phase, this.past);
    const most = program.atMost(values);
    await this.#states.prepare(phase, most);
    const outputs = await this.#outputs.prepare(phase, most);
    const temporary = await this.#arena.prepare(phase, most, () =>
      program.atMost(this.#symbols(phase, ahead(this.past))),
    );
    const found = await program.run(this.backend, values, (reference) => {
      switch (reference.kind) {
        case "buffer":
          return temporary(reference.name);
        case "state":
          return this.#states.slice(reference.name);
        case "output":
          return outputs(reference.name);
        case "input":
          return this.#inputs.get(reference.name, phase.name).slice;
        case "weight":
        case "constant":
          return residentOf(this.#residents, reference);
      }
    });
    if (!program.isSettled) this.#outputs.settle(phase, found);
    return found;
  }

  #symbols(phase: PlanPhase, past: number): SymbolValues {
    const shapes = linkOf(this.#links, phase).inputs.map((input) => ({
      input,
      shape: this.#inputs.get(input.name, phase.name).tensor.shape,
    }));
    return bindSymbols(this.plan, { inherited: this.#states.inherited(phase), shapes, past });
  }

  #phases(kind: PhaseKind): readonly PlanPhase[] {
    return this.plan.phases.filter((phase) => phase.kind === kind);
  }

  #phase(name: string): PlanPhase {
    const phase = this.plan.phases.find((each) => each.name === name);
    if (phase !== undefined) return phase;
    throw new BraidError("session/phase", `${this.plan.model} has no phase \`${name}\``, {
      hint: `its phases are ${this.plan.phases.map((each) => `\`${each.name}\``).join(", ")}`,
    });
  }

  /** Runs `work` unless another call is under way: they would overwrite each other's memory. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) {
      throw new BraidError("session/busy", "the session is still running an earlier call", {
        hint: "await it first; a session holds one conversation",
      });
    }
    this.#busy = true;
    this.#repetition = undefined;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }
}
