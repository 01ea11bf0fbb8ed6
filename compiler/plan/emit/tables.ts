/**
 * The numbers of tables that the compiler computed. Those that are neither short nor regular have a
 * module of their own: nobody reads them, and plans for different targets share them.
 */

import type { PlanConstant } from "../../../runtime/contract.ts";
import { call, type Code, literal, numberText } from "./code.ts";
import type { Statement } from "./module.ts";
import { Names } from "./names.ts";

/** Longer tables are not written between steps. */
const longestInline = 16;

/** Data that is short, all equal, or counts evenly; undefined for other data. */
export function regularData(data: readonly number[]): Code | undefined {
  const [start, second] = data;
  if (start === undefined || second === undefined || data.length < 4) return literal(data);
  const step = second - start;
  const count = `${data.length}`;
  if (data.every((each) => Object.is(each, start))) return call("fill", count, numberText(start));
  if (data.every((each, index) => Object.is(each, start + index * step))) {
    const from = step !== 1 || start !== 0 ? [numberText(start)] : [];
    return call("range", count, ...from, ...(step === 1 ? [] : [numberText(step)]));
  }
  return data.length <= longestInline ? literal(data) : undefined;
}

/** Tables by content, over all plans of a model. */
export class Tables {
  private readonly names = new Names([]);
  private readonly byContent = new Map<string, string>();
  private readonly known = new Map<PlanConstant, string>();

  /** What the module calls the data of `constant`. */
  nameOf(constant: PlanConstant): string {
    const known = this.known.get(constant);
    if (known !== undefined) return known;
    const content = rowsOf(constant).join("\n");
    const name = this.byContent.get(content) ?? this.names.take(constant.name);
    this.byContent.set(content, name);
    this.known.set(constant, name);
    return name;
  }

  /** The statements of the module. */
  get statements(): readonly Statement[] {
    return [...this.byContent].map(([rows, name]) => ({
      name,
      type: "readonly number[]",
      value: `[\n${rows}\n]`,
    }));
  }
}

/** A line for each row of the last axis. */
function rowsOf({ shape, data }: PlanConstant): readonly string[] {
  const width = Math.max(shape.at(-1) ?? 1, 1);
  return Array.from({ length: Math.ceil(data.length / width) }, (_, row) => {
    const numbers = data.slice(row * width, (row + 1) * width).map(numberText);
    return `  ${numbers.join(", ")},`;
  });
}
