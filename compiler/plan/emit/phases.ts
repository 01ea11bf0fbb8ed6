/** The phases of a plan as code: a line for each step, equal layers as `repeat`. */

import type {
  BufferReference,
  PlanBuffer,
  PlanPhase,
  PlanStep,
  Size,
} from "../../../runtime/contract.ts";
import { unreachable } from "../../../grammar/invariant.ts";
import { keysInOrder, type Calls } from "./calls.ts";
import {
  array,
  type Code,
  call,
  hangingCall,
  lines,
  literal,
  object,
  sequence,
  text,
} from "./code.ts";
import { namesCode, outputCode } from "./declarations.ts";
import { byLayer, gather, mentions } from "./layers.ts";

/** How the parts of a phase that other parts of the file name are written. */
export interface PhaseWords {
  readonly size: (size: Size) => string;
  readonly calls: Calls;
}

/** A phase. */
export function phaseCode(phase: PlanPhase, words: PhaseWords): Code {
  const { name, kind, doc, inputs, reads, writes, outputs, buffers, steps } = phase;
  return object([
    ["name", text(name)],
    ["kind", text(kind)],
    ["doc", text(doc)],
    ["inputs", namesCode(inputs)],
    ["reads", namesCode(reads)],
    ["writes", namesCode(writes)],
    ["outputs", array(gather(outputs.map((each) => outputCode(each, words.size))))],
    ["buffers", buffersCode(buffers, words.size)],
    ["steps", lines(steps.map((each) => stepCode(each, words)))],
  ]);
}

function buffersCode(buffers: readonly PlanBuffer[], write: PhaseWords["size"]): Code {
  if (buffers.length === 0) return "[]";
  if (!keysInOrder(buffers.map((each) => each.name))) return array(buffers.map(literal));
  const entries = buffers.map(({ name, element, size, first, last }): readonly [string, Code] => {
    const lives = [write(size), `${first}`, `${last}`];
    return [name, array(element === "f32" ? lives : [...lives, text(element)])];
  });
  return sequence("temporaries(", object(entries), ")");
}

function stepCode(step: PlanStep, words: PhaseWords): Code {
  switch (step.kind) {
    case "dispatch": {
      const { label, buffers } = step;
      return hangingCall(
        "step",
        text(label),
        words.calls.reference(step),
        array(buffers.map(argumentCode)),
      );
    }
    case "copy": {
      const { label, from, to, size, toOffset, element } = step;
      const offset = toOffset === 0 && element === undefined ? [] : [words.size(toOffset)];
      return hangingCall(
        "copy",
        text(label),
        argumentCode(from),
        argumentCode(to),
        words.size(size),
        ...offset,
        ...(element === undefined ? [] : [text(element)]),
      );
    }
    case "measure": {
      const { label, symbol, most, from } = step;
      return hangingCall(
        "measure",
        text(label),
        text(symbol),
        words.size(most),
        argumentCode(from),
      );
    }
    case "repeat":
      return repeatCode(step, words);
    default:
      return unreachable(step);
  }
}

function repeatCode(step: Extract<PlanStep, { kind: "repeat" }>, words: PhaseWords): Code {
  const { count, tables, steps } = step;
  const body = lines(steps.map((each) => stepCode(each, words)));
  const columns = Object.entries(tables);
  const whole = columns.every(([, entries]) => entries.length === count);
  if (!whole || count === 0 || !keysInOrder(columns.map(([name]) => name)))
    return object([
      ["kind", text("repeat")],
      ["count", `${count}`],
      ["tables", tablesCode(columns)],
      ["steps", body],
    ]);
  const entries = columns.map(([name, column]): readonly [string, Code] => [
    name,
    byLayer(column.map(argumentCode), "l"),
  ]);
  const variable = entries.some(([, each]) => mentions(each, "l")) ? "l" : "";
  const row = entries.length === 0 ? "{}" : object(entries);
  return sequence(`repeat(${count}, (${variable}) => (`, row, "), ", body, ")");
}

/** Tables that are not one entry a layer, as data. */
function tablesCode(columns: readonly (readonly [string, readonly BufferReference[]])[]): Code {
  const entries = columns.map(([name, column]): readonly [string, Code] => [
    name,
    array(
      column.map((each) =>
        object([
          ["kind", text(each.kind)],
          ["name", text(each.name)],
        ]),
      ),
    ),
  ]);
  return object(entries);
}

/** A reference; a temporary is its name alone. */
function argumentCode(reference: BufferReference): Code {
  switch (reference.kind) {
    case "buffer":
      return text(reference.name);
    case "table":
      return call("layer", text(reference.name));
    case "weight":
    case "constant":
    case "input":
    case "state":
    case "output":
      return call(reference.kind, text(reference.name));
  }
}
