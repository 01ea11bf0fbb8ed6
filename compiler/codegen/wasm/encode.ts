/**
 * A WebAssembly module from functions: it imports `env.memory`, which is shared, and exports every
 * function by name.
 * If some need scratch memory it imports its address as the global `env.scratch`, too, and a custom
 * section `scratch` holds the number of bytes in decimal; each thread needs its own. An empty one,
 * `fused`, says that functions multiply and add in one instruction.
 * Sections and encodings are those of the core specification, section 5.5.
 */

import { unreachable } from "../../../grammar/invariant.ts";
import type { MultiplyAdd } from "../../../runtime/contract.ts";
import { Bytes } from "./bytes.ts";
import { codeOf, type Instruction, type WasmFunction, type WasmType } from "./instructions.ts";

/** The pages of 64 KiB that an i32 addresses. */
const mostPages = 65536;

const typeCodes: Readonly<Record<WasmType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** The bytes of the module, of functions that multiply and add so. */
export function encodeModule(
  functions: readonly WasmFunction[],
  multiplyAdd: MultiplyAdd,
): Uint8Array<ArrayBuffer> {
  const counts = [...new Set(functions.map((each) => each.parameters.length))];
  const out = new Bytes();
  out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  section(out, 1, counts, (bytes, count) => {
    bytes.byte(0x60);
    bytes.sized(new Uint8Array(count).fill(typeCodes.i32));
    bytes.unsigned(0);
  });
  const scratch = functions.reduce((most, each) => Math.max(most, each.scratchBytes), 0);
  section(out, 2, scratch === 0 ? ["memory"] : ["memory", "scratch"], (bytes, name) => {
    bytes.text("env");
    bytes.text(name);
    // A memory that threads may share has an upper limit.
    if (name === "memory") bytes.raw([0x02, 0x03, 0x00]);
    if (name === "memory") bytes.unsigned(mostPages);
    else bytes.raw([0x03, typeCodes.i32, 0x00]);
  });
  section(out, 3, functions, (bytes, each) => {
    bytes.unsigned(counts.indexOf(each.parameters.length));
  });
  section(out, 7, functions, (bytes, each, index) => {
    bytes.text(each.name);
    bytes.byte(0x00);
    bytes.unsigned(index);
  });
  section(out, 10, functions, (bytes, each) => bytes.sized(code(each)));
  if (scratch > 0) custom(out, "scratch", String(scratch));
  if (multiplyAdd === "fused") custom(out, "fused", "");
  return out.done();
}

function custom(out: Bytes, name: string, content: string): void {
  const bytes = new Bytes();
  bytes.text(name);
  bytes.raw(new TextEncoder().encode(content));
  out.byte(0);
  out.sized(bytes.done());
}

function section<Item>(
  out: Bytes,
  id: number,
  items: readonly Item[],
  write: (bytes: Bytes, item: Item, index: number) => void,
): void {
  const content = new Bytes();
  content.unsigned(items.length);
  for (const [index, item] of items.entries()) write(content, item, index);
  out.byte(id);
  out.sized(content.done());
}

function code({ locals, body }: WasmFunction): Uint8Array {
  const bytes = new Bytes();
  bytes.unsigned(locals.length);
  for (const type of locals) bytes.raw([1, typeCodes[type]]);
  for (const each of body) instruction(bytes, each);
  bytes.raw(codeOf("end").bytes);
  return bytes.done();
}

function instruction(bytes: Bytes, { name, immediates }: Instruction): void {
  const { bytes: opcode, immediate } = codeOf(name);
  bytes.raw(opcode);
  const first = immediates[0] ?? 0;
  switch (immediate) {
    case "none":
      return;
    case "local":
    case "label":
      bytes.unsigned(first);
      return;
    case "memory":
      // Elements of four bytes are all that is certain about the alignment.
      bytes.byte(2);
      bytes.unsigned(first);
      return;
    case "lane":
      bytes.byte(first);
      return;
    case "i32":
      bytes.signed(first);
      return;
    case "f32":
      bytes.float(first);
      return;
    case "v128":
      for (const word of immediates) bytes.word(word);
      return;
    case "block":
      bytes.byte(0x40);
      return;
    case "shuffle":
      bytes.raw(immediates);
      return;
    default:
      unreachable(immediate);
  }
}
