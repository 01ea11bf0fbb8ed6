/** WebAssembly functions as text close to the text format, for golden files and for reading. */

import { codeOf, type Instruction, type WasmFunction } from "./instructions.ts";
import { shortest } from "../../kernel/print.ts";

/** `wasm` as text, one instruction a line. */
export function printWasm(wasm: WasmFunction): string {
  const names = [
    ...wasm.parameters,
    ...wasm.locals.map((type, index) => `${type}_${wasm.parameters.length + index}`),
  ];
  const lines: string[] = [`func ${wasm.name}(${wasm.parameters.join(", ")})`];
  let depth = 1;
  for (const each of wasm.body) {
    if (each.name === "end" || each.name === "else") depth--;
    lines.push(`${"  ".repeat(depth)}${instruction(each, names)}`);
    if (["block", "loop", "if", "else"].includes(each.name)) depth++;
  }
  return `${lines.join("\n")}\n`;
}

function instruction({ name, immediates }: Instruction, names: readonly string[]): string {
  const { immediate } = codeOf(name);
  const [first = 0] = immediates;
  switch (immediate) {
    case "none":
    case "block":
      return name;
    case "local":
      return `${name} ${names[first]}`;
    case "memory":
      return first === 0 ? name : `${name} offset=${first}`;
    case "f32":
      return `${name} ${shortest(first)}`;
    default:
      return `${name} ${immediates.join(" ")}`;
  }
}
