/** A plan as TypeScript that makes an equal plan when it is evaluated. */

import type { Plan } from "../../../runtime/contract.ts";
import { Calls } from "./calls.ts";
import { array, type Code, layOut, lines, literal, object } from "./code.ts";
import {
  constantCode,
  inputCode,
  stateCode,
  symbolsCode,
  weightsCode,
} from "./declarations.ts";
import { gather } from "./layers.ts";
import { Names } from "./names.ts";
import { phaseCode, type PhaseWords } from "./phases.ts";
import { labelled, Sizes } from "./sizes.ts";

/** The statements that make a plan, and what they use of `braid/runtime`. */
export interface PlanCode {
  /** The names of sizes. */
  readonly sizes: string;
  /** The calls of kernels. */
  readonly calls: string;
  /** `{ version: 1, … }`. */
  readonly plan: string;
  /** Names of builders, sorted. */
  readonly builders: readonly string[];
}

/** Every builder that the code may call; see `runtime/plan-builder.ts`. */
const builders: readonly string[] = [
  ..."plus times ceil floor larger smaller layers alternate range fill i32 f32".split(" "),
  ..."sizeOfInput stored under table tensor tokens positions value cache result buffer".split(" "),
  ..."weight constant input state output layer read write update upTo otherwise".split(" "),
  ..."kernel declare schedule kernelsOf step copy repeat".split(" "),
];

/** The code of a plan. `taken` are names that the file uses otherwise. */
export function planCode(plan: Plan, taken: readonly string[]): PlanCode {
  const names = new Names([...builders, ...taken]);
  const calls = new Calls(plan, new Names([]));
  const sizes = new Sizes(names, [...labelled(plan), ...calls.wishes], (size) => {
    write(plan, { size, calls });
  });
  const words: PhaseWords = { size: (size) => sizes.code(size), calls };
  const { declared, called } = write(plan, words);
  const constants = sizes.constants.map(([name, value]) => `${name} = ${value}`);
  const sizeCode =
    constants.length === 0
      ? ""
      : layOut({ kind: "list", open: "const ", items: constants, close: ";", layout: "fill" });
  const text = { sizes: sizeCode, calls: layOut(called), plan: layOut(declared) };
  const everything = `${text.sizes}\n${text.calls}\n${text.plan}`;
  const used = builders.filter((name) => new RegExp(`(?<![\\w.])${name}\\(`).test(everything));
  return { ...text, builders: [...used].sort() };
}

function write(plan: Plan, words: PhaseWords): { readonly declared: Code; readonly called: Code } {
  const { size, calls } = words;
  const called = calls.declarations(size);
  const { generation } = plan;
  const declared = object(
    [
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
      ["kernels", calls.kernels()],
      ...(generation === undefined ? [] : [["generation", literal(generation)] as const]),
      ["configChecks", array(plan.configChecks.map(literal))],
    ],
    "lines",
  );
  return { declared, called };
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
