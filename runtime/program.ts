/**
 * A phase ready to run: its steps in sections, each of which ends where the phase reads a size back
 * from the device, since the commands after it depend on what that is.
 */

import type { Backend, Command } from "./backend.ts";
import type { PlanPhase, PlanStep } from "./contract.ts";
import { invariant } from "./errors.ts";
import { type Locate, PhaseCommands } from "./execute.ts";
import { evaluateSize, type SymbolValues } from "./size.ts";

type Measure = Extract<PlanStep, { kind: "measure" }>;

interface Section {
  readonly commands: PhaseCommands;
  /** What is read back after the commands; absent in the last section. */
  readonly measure?: Measure;
}

/** One phase of a plan, call after call. */
export class PhaseProgram {
  readonly #sections: readonly Section[];
  readonly #measures: readonly Measure[];

  constructor(phase: PlanPhase) {
    this.#sections = sectionsOf(phase);
    this.#measures = this.#sections.flatMap(({ measure }) => measure ?? []);
  }

  /** Whether all sizes are known before it runs. */
  get isSettled(): boolean {
    return this.#measures.length === 0;
  }

  /** `values` with the most that each measured size can be: what memory is made for. */
  atMost(values: SymbolValues): SymbolValues {
    if (this.isSettled) return values;
    const most = new Map(values);
    for (const each of this.#measures) most.set(each.symbol, evaluateSize(each.most, most));
    return most;
  }

  /** Runs all sections; gives the values with what was measured. */
  async run(backend: Backend, values: SymbolValues, locate: Locate): Promise<SymbolValues> {
    let known = values;
    for (const { commands, measure } of this.#sections) {
      await backend.run(commands.at(known, locate));
      if (measure !== undefined) known = await this.#measure(backend, measure, known, locate);
    }
    return known;
  }

  /** The commands of a settled program for `values`, where nothing lies elsewhere than before. */
  again(values: SymbolValues): readonly Command[] {
    const [only] = this.#sections;
    invariant(only !== undefined && this.isSettled, "a program is made again that measures sizes");
    return only.commands.again(values);
  }

  async #measure(
    backend: Backend,
    { symbol, most, from }: Measure,
    values: SymbolValues,
    locate: Locate,
  ): Promise<SymbolValues> {
    invariant(from.kind !== "table", `${symbol} is measured inside a repeat`);
    const { buffer, offset } = locate(from);
    const [count] = new Int32Array(await backend.download(buffer, offset, 4));
    const limit = evaluateSize(most, values);
    const fits = count !== undefined && count >= 0 && count <= limit;
    invariant(fits, `${symbol} is measured as ${count}, which should be 0 to ${limit}`);
    return new Map(values).set(symbol, count);
  }
}

function sectionsOf(phase: PlanPhase): readonly Section[] {
  const sections: Section[] = [];
  let steps: PlanStep[] = [];
  const commands = (): PhaseCommands => new PhaseCommands({ ...phase, steps });
  for (const step of phase.steps) {
    if (step.kind === "measure") {
      sections.push({ commands: commands(), measure: step });
      steps = [];
    } else steps.push(step);
  }
  return [...sections, { commands: commands() }];
}
