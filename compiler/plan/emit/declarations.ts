/** What a plan declares besides its phases, as code: weights, tables, inputs, states. */

import type {
  Plan,
  PlanAxis,
  PlanConstant,
  PlanInput,
  PlanOutput,
  PlanState,
  PlanWeight,
  Size,
} from "../../../runtime/contract.ts";
import { keysInOrder } from "./calls.ts";
import { array, type Code, call, literal, object, sequence, text } from "./code.ts";
import { gather } from "./layers.ts";
import { regularData, type Tables } from "./tables.ts";

type SizeCode = (size: Size) => string;

/** The axes of a tensor: `{ T, Vocab: 32000 }`. */
export function axesCode(axes: readonly PlanAxis[], size: SizeCode): Code {
  if (keysInOrder(axes.map((axis) => axis.label)))
    return object(axes.map((axis) => [axis.label, size(axis.size)]));
  return array(axes.map((axis) => array([text(axis.label), size(axis.size)])));
}

/** Names, those of equal layers by a loop. */
export function namesCode(names: readonly string[]): Code {
  return array(gather(names.map(text)));
}

/** The symbols of a plan. */
export function symbolsCode(plan: Plan): readonly Code[] {
  return plan.symbols.map((symbol) => {
    const { name, source } = symbol;
    if (source.kind === "past") return literal(symbol);
    if (source.kind === "measured") return call("measuredSize", text(name));
    return call("sizeOfInput", text(name), text(source.input), `${source.axis}`);
  });
}

/**
 * The weights of a plan: those with the same alternatives together, those of equal layers by a
 * loop.
 */
export function weightsCode(weights: readonly PlanWeight[]): readonly Code[] {
  const items: Code[] = [];
  for (let start = 0; start < weights.length; ) {
    const prefixes = prefixesOf(weights[start]);
    let end = start + 1;
    while (end < weights.length && sameWords(prefixes, prefixesOf(weights[end]))) end++;
    const group = weights.slice(start, end);
    if (prefixes === undefined) items.push(...gather(group.map(weightCode)));
    else items.push(sequence("...", underCode(prefixes, group)));
    start = end;
  }
  return items;
}

function weightCode(weight: PlanWeight): Code {
  const { name, shape, alternatives, stacked } = weight;
  const usual = JSON.stringify(alternatives) === JSON.stringify([[name]]);
  const lists = array(alternatives.map((each) => namesCode(each)));
  const rest = stacked ? [lists, "true"] : usual ? [] : [lists];
  return packedCode(weight, call("stored", text(name), literal(shape), ...rest));
}

/** The code of a weight with how, where and as what it lies around it, where that is particular. */
function packedCode({ layout, pack, element }: PlanWeight, plain: Code): Code {
  const code = element === undefined ? plain : call(element, plain);
  if (pack !== undefined) return call("within", text(pack.buffer), `${pack.offset}`, code);
  if (layout === undefined) return code;
  const { batch, columns, inner, innerFirst, width, quantized } = layout;
  const order = innerFirst || quantized !== undefined ? [`${innerFirst}`] : [];
  const numbers = quantized === undefined ? [] : [literal(quantized)];
  return call("panels", literal([batch, columns, inner]), `${width}`, code, ...order, ...numbers);
}

function underCode(prefixes: readonly string[], weights: readonly PlanWeight[]): Code {
  const [first = ""] = prefixes;
  const inside = weights.map((weight) => {
    const name = text(weight.name.slice(first.length));
    return packedCode(weight, call("stored", name, literal(weight.shape)));
  });
  return sequence("under(", array(prefixes.map(text)), ", ", array(gather(inside)), ")");
}

/**
 * What the alternatives of a weight begin with, if they end alike and the name is the first of
 * them.
 */
function prefixesOf(weight: PlanWeight | undefined): readonly string[] | undefined {
  if (weight === undefined || weight.stacked || weight.alternatives.length < 2) return undefined;
  const names = weight.alternatives.map((each) => (each.length === 1 ? (each[0] ?? "") : ""));
  if (names.includes("") || names[0] !== weight.name) return undefined;
  const shortest = Math.min(...names.map((name) => name.length));
  let shared = 0;
  while (
    shared < shortest &&
    names.every((name) => name.at(-1 - shared) === names[0]?.at(-1 - shared))
  )
    shared++;
  // The shared end begins after a dot, so that weights of one place have the same prefixes.
  const suffix = weight.name.slice(weight.name.length - shared);
  const dot = suffix.indexOf(".");
  if (dot < 0) return undefined;
  return names.map((name) => name.slice(0, name.length - shared + dot + 1));
}

function sameWords(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * A table that the compiler computed; one that is neither short nor regular is a member of
 * `tables`.
 */
export function constantCode(constant: PlanConstant, tables: Tables): Code {
  const { name, element, shape, data } = constant;
  const values = regularData(data) ?? `tables.${tables.nameOf(constant)}`;
  const code = call("table", text(name), literal(shape), values);
  return element === "f32" ? code : call("i32", code);
}

/** An input. */
export function inputCode(input: PlanInput, size: SizeCode): Code {
  const { name, role, element, axes, bound, segment } = input;
  const extra = { tensor: undefined, token: bound, position: segment }[role];
  const spare = role === "token" ? segment : role === "position" ? bound : (bound ?? segment);
  if (spare !== undefined) return literal(input);
  const word = { tensor: "tensor", token: "tokens", position: "positions" }[role];
  const code = call(
    word,
    text(name),
    axesCode(axes, size),
    ...(extra === undefined ? [] : [literal(extra)]),
  );
  const usual = role === "tensor" ? "f32" : "i32";
  return element === usual ? code : call(element, code);
}

/** A state. */
export function stateCode(state: PlanState, size: SizeCode): Code {
  const { name, kind, element, axes, phase, ring } = state;
  const whole = call(kind, text(name), text(phase), axesCode(axes, size));
  const code =
    ring === undefined ? whole : call("ring", literal(ring.slots), literal(ring.window), whole);
  return element === "f32" ? code : call(element, code);
}

/** An output of a phase. */
export function outputCode({ name, element, axes }: PlanOutput, size: SizeCode): Code {
  const code = call("result", text(name), axesCode(axes, size));
  return element === "f32" ? code : call("i32", code);
}
