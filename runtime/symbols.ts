/**
 * The values of size symbols for one call of a phase, and the check that all shapes agree on them.
 *
 * A symbol gets its value from the shape of an input of the phase, from the states that the phase
 * reads (which were computed for some sizes), or from the rows that caches hold.
 */

import type { Plan, PlanInput } from "./contract.ts";
import { BraidError } from "./errors.ts";
import { showInput } from "./inputs.ts";
import { evaluateSize, type SymbolValues, showSize, symbolsOf } from "./size.ts";

/** An input of the phase and the shape that was given. */
export interface GivenShape {
  readonly input: PlanInput;
  readonly shape: readonly number[];
}

/** Where symbols get their values from, weakest first. */
export interface SymbolSources {
  /** Values at which the states that the phase reads were computed. */
  readonly inherited: SymbolValues;
  readonly shapes: readonly GivenShape[];
  /** The rows that caches hold before the call. */
  readonly past: number;
}

/** The values for one call. Throws `input/shape` where a shape does not agree. */
export function bindSymbols(plan: Plan, sources: SymbolSources): SymbolValues {
  const { inherited, shapes, past } = sources;
  const values = new Map(inherited);
  for (const { input, shape } of shapes) {
    for (const [index, { size }] of input.axes.entries()) {
      if (typeof size !== "string" || firstSource(shapes, size)?.input !== input) continue;
      values.set(size, shape[index] ?? 0);
    }
  }
  for (const { name, source } of plan.symbols) if (source.kind === "past") values.set(name, past);
  for (const given of shapes) checkShape(given, values);
  return values;
}

/** The first input of the call that has `symbol` itself as an axis: the one whose word counts. */
function firstSource(shapes: readonly GivenShape[], symbol: string): GivenShape | undefined {
  return shapes.find(({ input }) => input.axes.some(({ size }) => size === symbol));
}

function checkShape({ input, shape }: GivenShape, values: SymbolValues): void {
  for (const [index, { label, size }] of input.axes.entries()) {
    const [wanted, actual] = [evaluateSize(size, values), shape[index]];
    if (wanted === actual) continue;
    const symbols = [...symbolsOf(size)];
    const where = symbols.map((symbol) => `${symbol} = ${values.get(symbol)}`).join(", ");
    const why = symbols.length === 0 ? "" : ` (${showSize(size)}, where ${where})`;
    const message = `\`${input.name}\` has ${actual} along ${label}, but needs ${wanted}${why}`;
    throw new BraidError("input/shape", message, {
      hint: `give \`${input.name}\` as ${showInput(input)}; its shape is [${shape.join(", ")}]`,
    });
  }
}
