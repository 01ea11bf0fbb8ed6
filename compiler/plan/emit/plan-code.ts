/**
 * A plan as TypeScript that makes an equal plan when it is evaluated: how each kernel is called, each
 * phase, and everything else.
 */

import type { Plan, PlanPhase, Size } from "../../../runtime/contract.ts";
import type { Calls } from "./calls.ts";
import { array, type Code, layOut, lines, literal, object, sequence } from "./code.ts";
import { constantCode, inputCode, stateCode, symbolsCode, weightsCode } from "./declarations.ts";
import { gather } from "./layers.ts";
import { Names } from "./names.ts";
import { phaseCode } from "./phases.ts";
import { labelled, Sizes } from "./sizes.ts";
import type { Tables } from "./tables.ts";

/** Every builder that the code may call; see `runtime/plan-builder.ts`. */
export const builders: readonly string[] = [
  ..."plus times ceil floor larger smaller layers alternate range fill i32 f32".split(" "),
  ..."sizeOfInput stored under table tensor tokens positions value cache result".split(" "),
  ..."temporaries weight constant input state output layer read write update upTo".split(" "),
  ..."otherwise kernel declare schedule kernelsOf step copy repeat".split(" "),
];

/** Names of modules and of what they export, which nothing else in a module may have. */
const modules: readonly string[] = ["calls", "tables", "plan", "phase", "kernels", "Call"];

/** A plan being written. */
export interface Writing {
  readonly plan: Plan;
  readonly calls: Calls;
  readonly tables: Tables;
}

/** Statements, and the sizes as they write them. */
export interface Written {
  readonly statements: readonly string[];
  readonly size: (size: Size) => string;
}

type SizeCode = (size: Size) => string;

/** `export const q_proj: Call = kernel(…);` and so on, and `kernels`, the list of them all. */
export function writeKernels({ plan, calls }: Writing): Written {
  const wishes = [...calls.wishes, ...labelled(plan)];
  return withSizes(wishes, calls.names, (size) => {
    const doc = "/** All kernels of the plan, in the order in which they are first needed. */";
    const list = sequence("export const kernels: readonly PlanKernel[] = ", calls.kernels(), ";");
    return [
      ...calls
        .declarations(size)
        .map(([name, code]) => layOut(sequence(`export const ${name}: Call = `, code, ";"))),
      `${doc}\n${layOut(list)}`,
    ];
  });
}

/** `export const phase: PlanPhase = { name: "image", … };` */
export function writePhase({ plan, calls }: Writing, phase: PlanPhase): Written {
  const wishes = [...labelled(plan), ...calls.wishes];
  return withSizes(wishes, [], (size) => [
    layOut(sequence("export const phase: PlanPhase = ", phaseCode(phase, { size, calls }), ";")),
  ]);
}

/**
 * `export const plan: Plan = { … };` where `phases` are the names of its phases; without, the phases are
 * written inside. `taken` are names that the module has for something else.
 */
export function writePlan(
  writing: Writing,
  phases: readonly string[] | undefined,
  taken: readonly string[],
): Written {
  const { plan, calls } = writing;
  const wishes = [...labelled(plan), ...calls.wishes];
  const device = plan.target === "gpu" ? "a GPU" : "the CPU";
  const doc = `/** What runs on ${device}: what is loaded and given, and the phases in order. */`;
  return withSizes(wishes, [...(phases ?? []), ...taken], (size) => {
    const list = phases ?? plan.phases.map((each) => phaseCode(each, { size, calls }));
    const code = sequence("export const plan: Plan = ", planObject(writing, list, size), ";");
    return [`${doc}\n${layOut(code)}`];
  });
}

/** Statements after the declaration of the sizes that they use more than once. */
function withSizes(
  wishes: readonly (readonly [string, Size])[],
  taken: readonly string[],
  write: (size: SizeCode) => readonly string[],
): Written {
  const names = new Names([...builders, ...modules, ...taken]);
  const sizes = new Sizes(names, wishes, write);
  const size = (each: Size): string => sizes.code(each);
  const items = sizes.constants.map(([name, value]) => `${name} = ${value}`);
  const declared = layOut({ kind: "list", open: "const ", items, close: ";", layout: "hang" });
  return { statements: [...(items.length === 0 ? [] : [declared]), ...write(size)], size };
}

function planObject({ plan, tables }: Writing, phases: readonly Code[], size: SizeCode): Code {
  const { generation } = plan;
  return object([
    ["version", `${plan.version}`],
    ["model", literal(plan.model)],
    ["target", literal(plan.target)],
    ["symbols", array(symbolsCode(plan))],
    ["weights", array(weightsCode(plan.weights))],
    ["constants", array(plan.constants.map((each) => constantCode(each, tables)))],
    ["inputs", lines(plan.inputs.map((each) => inputCode(each, size)))],
    ["segments", lines(plan.segments.map((each) => segmentCode(each, size)))],
    ["states", array(gather(plan.states.map((each) => stateCode(each, size))))],
    ["phases", lines(phases)],
    ["kernels", "calls.kernels"],
    ...(generation === undefined ? [] : [["generation", literal(generation)] as const]),
    ["configChecks", array(plan.configChecks.map(literal))],
  ]);
}

function segmentCode(segment: Plan["segments"][number], size: SizeCode): Code {
  const { name, positions, placeholder } = segment;
  return object([
    ["name", literal(name)],
    ["positions", literal(positions)],
    ...(placeholder === undefined ? [] : [["placeholder", literal(placeholder)] as const]),
    ["size", size(segment.size)],
  ]);
}
