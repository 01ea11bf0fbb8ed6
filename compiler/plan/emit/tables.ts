/**
 * The numbers of tables that the compiler computed. Those that are neither short nor regular have a
 * module of their own: nobody reads them, and plans for different targets share them.
 */

import type { PlanConstant } from "../../../runtime/contract.ts";
import { call, type Code, literal, numberText } from "./code.ts";
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

interface Table {
  readonly name: string;
  readonly constant: PlanConstant;
}

/** Tables by content, over all plans of a model. */
export class Tables {
  private readonly names = new Names([]);
  private readonly byContent = new Map<string, Table>();

  /** Whether any table needs the module. */
  get used(): boolean {
    return this.byContent.size > 0;
  }

  /** What the module calls the data of `constant`. */
  nameOf(constant: PlanConstant): string {
    const content = rowsOf(constant).join("\n");
    const before = this.byContent.get(content);
    if (before !== undefined) return before.name;
    const name = this.names.take(constant.name);
    this.byContent.set(content, { name, constant });
    return name;
  }

  /** The statements of the module; with `type`, as TypeScript. */
  statements(type: string): string {
    const all = [...this.byContent].map(
      ([rows, { name }]) => `export const ${name}${type} = [\n${rows}\n];`,
    );
    return all.join("\n\n");
  }

  /** The declarations of the module. */
  declarations(type: string): string {
    const all = [...this.byContent.values()].map(
      ({ name }) => `export declare const ${name}${type};`,
    );
    return all.join("\n");
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
