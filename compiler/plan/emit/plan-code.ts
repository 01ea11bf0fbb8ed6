/**
 * A plan as two modules of TypeScript that make an equal plan when they are evaluated: how each kernel is
 * called, and everything else.
 */

import type { Plan, Size } from "../../../runtime/contract.ts";
import { Calls } from "./calls.ts";
import { array, type Code, layOut, lines, literal, object, sequence, withoutText } from "./code.ts";
import { constantCode, inputCode, stateCode, symbolsCode, weightsCode } from "./declarations.ts";
import { gather } from "./layers.ts";
import { Names } from "./names.ts";
import { phaseCode, type PhaseWords } from "./phases.ts";
import { labelled, Sizes } from "./sizes.ts";

/** Statements, and the builders of `braid/runtime` that they use, sorted. */
export interface Statements {
  readonly text: string;
  readonly builders: readonly string[];
}

/** The modules of a plan. */
export interface PlanCode {
  /** `export const q_proj: Call = kernel(…);` and so on, and `kernels`, the list of them all. */
  readonly kernels: Statements;
  /** `const plan: Plan = { … };`, where `calls` is the module of the kernels. */
  readonly plan: Statements;
  /** Sizes as the plan's module writes them. */
  readonly size: (size: Size) => string;
}

/** Every builder that the code may call; see `runtime/plan-builder.ts`. */
const builders: readonly string[] = [
  ..."plus times ceil floor larger smaller layers alternate range fill i32 f32".split(" "),
  ..."sizeOfInput stored under table tensor tokens positions value cache result".split(" "),
  ..."temporaries weight constant input state output layer read write update upTo".split(" "),
  ..."otherwise kernel declare schedule kernelsOf step copy repeat".split(" "),
];

/** The code of a plan. `taken` are names that the plan's module uses otherwise. */
export function planCode(plan: Plan, taken: readonly string[]): PlanCode {
  const calls = new Calls(plan, new Names([...builders, "Call", "PlanKernel", "kernels"]));
  const names = new Names([...builders, ...taken]);
  const sizes = new Sizes(names, [...labelled(plan), ...calls.wishes], (size) => {
    planObject(plan, { size, calls });
  });
  const size = (each: Size): string => sizes.code(each);
  const declared = planObject(plan, { size, calls });
  return {
    kernels: kernelStatements(plan, calls),
    plan: statements([
      sizeStatement(sizes),
      `${planDoc(plan)}\n${layOut(sequence("export const plan: Plan = ", declared, ";"))}`,
    ]),
    size,
  };
}

function kernelStatements(plan: Plan, calls: Calls): Statements {
  const names = new Names([...builders, ...calls.names, "Call", "PlanKernel", "kernels"]);
  const sizes = new Sizes(names, [...calls.wishes, ...labelled(plan)], (size) => {
    calls.declarations(size);
  });
  const declarations = calls
    .declarations((size) => sizes.code(size))
    .map(([name, code]) => layOut(sequence(`export const ${name}: Call = `, code, ";")));
  const list = layOut(
    sequence("export const kernels: readonly PlanKernel[] = ", calls.kernels(), ";"),
  );
  const doc = "/** All kernels of the plan, in the order in which they are first needed. */";
  return statements([sizeStatement(sizes), ...declarations, `${doc}\n${list}`]);
}

/** Says how to read the plan, to those who have not read its contract. */
function planDoc({ target }: Plan): string {
  const device = target === "gpu" ? "a GPU" : "the CPU";
  return `/** What runs on ${device}: what is loaded, and the steps of each phase in order. */`;
}

/** `const T = "T", V = times(576, Image);` */
function sizeStatement(sizes: Sizes): string {
  const items = sizes.constants.map(([name, value]) => `${name} = ${value}`);
  if (items.length === 0) return "";
  return layOut({ kind: "list", open: "const ", items, close: ";", layout: "hang" });
}

function statements(parts: readonly string[]): Statements {
  const text = parts.filter((part) => part !== "").join("\n\n");
  // Words before a bracket that are not members; a spread's three dots come before what is called.
  const used = new Set(withoutText(text).match(/(?<!\w|(?<!\.\.)\.)\w+(?=\()/g));
  return { text, builders: builders.filter((name) => used.has(name)).sort() };
}

function planObject(plan: Plan, words: PhaseWords): Code {
  const { size } = words;
  const { generation } = plan;
  return object([
    ["version", `${plan.version}`],
    ["model", literal(plan.model)],
    ["target", literal(plan.target)],
    ["symbols", array(symbolsCode(plan))],
    ["weights", array(weightsCode(plan.weights))],
    ["constants", lines(plan.constants.map(constantCode))],
    ["inputs", lines(plan.inputs.map((each) => inputCode(each, size)))],
    ["segments", lines(plan.segments.map((each) => segmentCode(each, size)))],
    ["states", array(gather(plan.states.map((each) => stateCode(each, size))))],
    ["phases", lines(plan.phases.map((each) => phaseCode(each, words)))],
    ["kernels", "calls.kernels"],
    ...(generation === undefined ? [] : [["generation", literal(generation)] as const]),
    ["configChecks", array(plan.configChecks.map(literal))],
  ]);
}

function segmentCode(segment: Plan["segments"][number], size: PhaseWords["size"]): Code {
  const { name, positions, placeholder } = segment;
  return object([
    ["name", literal(name)],
    ["positions", literal(positions)],
    ...(placeholder === undefined ? [] : [["placeholder", literal(placeholder)] as const]),
    ["size", size(segment.size)],
  ]);
}
