/**
 * The C++ of an extension: each function checks its tensors, makes room for what lies between its
 * kernels, and launches them on PyTorch's stream. Plain C++: only the kernels need nvcc.
 */

import type {
  BufferReference,
  ElementType,
  Plan,
  PlanConstant,
  PlanKernel,
  PlanPhase,
  PlanStep,
} from "../../../runtime/contract.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { numberText } from "../emit/code.ts";
import { identifier, Identifiers } from "./identifiers.ts";
import { cppSize } from "./size-text.ts";
import { gatheredWeights, parametersOf, type TorchSignature } from "./signatures.ts";

type Dispatch = Extract<PlanStep, { kind: "dispatch" }>;

/** `binding.cpp`, for functions whose phases `plan` has in their order. */
export function bindingText(
  namespace: string,
  model: string,
  plan: Pick<Plan, "phases" | "kernels" | "constants">,
  signatures: readonly TorchSignature[],
): string {
  const kernels = new Map(plan.kernels.map((each) => [each.name, each]));
  const functions = signatures.map((signature, index) => {
    const phase = plan.phases[index];
    invariant(phase !== undefined, `torch: no phase for ${signature.name}`);
    return new FunctionText(signature, phase, kernels).text();
  });
  return [
    `// The functions of ${model} for PyTorch, made by \`braid build --target torch\`.`,
    "",
    `#include "call.h"`,
    "",
    "using braid::Call, braid::ceil_div, braid::extent, braid::launch;",
    "using at::Tensor;",
    "",
    "// Their parameters are those of kernels/*.cu, where the types of pointers are.",
    `extern "C" {`,
    ...plan.kernels.map(kernelText),
    "}",
    "",
    "namespace {",
    "",
    ...plan.constants.flatMap((each) => [constantText(each), ""]),
    ...functions.flatMap((each) => [each, ""]),
    "}  // namespace",
    "",
    `TORCH_LIBRARY(${namespace}, library) {`,
    ...signatures.map(({ schema }) => `  library.def("${schema}");`),
    "}",
    "",
    `TORCH_LIBRARY_IMPL(${namespace}, CUDA, library) {`,
    ...signatures.map(({ name }) => `  library.impl("${name}", &${name});`),
    "}",
    "",
  ].join("\n");
}

function kernelText({ name, buffers, scalars }: PlanKernel): string {
  const pointers = buffers.map(({ name: buffer, access }) =>
    access === "read" ? `const void* ${identifier(buffer)}` : `void* ${identifier(buffer)}`,
  );
  const numbers = scalars.map((each) => `int ${identifier(each)}`);
  return `void ${name}(${[...pointers, ...numbers].join(", ")});`;
}

function constantText({ name, element, data }: PlanConstant): string {
  const type = element === "f32" ? "float" : "int";
  const numbers = data.map((value) =>
    element === "f32" && Number.isInteger(value) ? `${numberText(value)}.0` : numberText(value),
  );
  const rows: string[] = [];
  for (let at = 0; at < numbers.length; at += 8)
    rows.push(`      ${numbers.slice(at, at + 8).join(", ")},`);
  return [
    `Tensor ${constantName(name)}(at::Device device) {`,
    `  static const ${type} data[] = {`,
    ...rows,
    "  };",
    "  static braid::Constant constant(data, std::size(data));",
    "  return constant.on(device);",
    "}",
  ].join("\n");
}

function constantName(name: string): string {
  return `constant_${identifier(name)}`;
}

const scalarTypes: Readonly<Record<ElementType, string>> = {
  f32: "at::kFloat",
  i32: "at::kInt",
  f16: "at::kHalf",
  bf16: "at::kBFloat16",
};

/** One function. */
class FunctionText {
  readonly #signature: TorchSignature;
  readonly #phase: PlanPhase;
  readonly #kernels: ReadonlyMap<string, PlanKernel>;
  readonly #lines: string[] = [];
  /** C++ names by reference. */
  readonly #names: Map<string, string> = new Map();
  readonly #taken: Identifiers = new Identifiers();

  constructor(
    signature: TorchSignature,
    phase: PlanPhase,
    kernels: ReadonlyMap<string, PlanKernel>,
  ) {
    this.#signature = signature;
    this.#phase = phase;
    this.#kernels = kernels;
  }

  text(): string {
    const { name, doc, tensors, symbols, sizes } = this.#signature;
    for (const each of [...tensors.map((tensor) => tensor.name), ...sizes, "call", "weights", name])
      this.#taken.take(each);
    const parameters = [
      ...parametersOf(this.#signature).map((each) =>
        each === "weights" ? "at::TensorList weights" : `const Tensor& ${each.name}`,
      ),
      ...sizes.map((each) => `int64_t ${each}`),
    ];
    this.#add(`const Call call("${name}", ${tensors[0]?.name});`);
    const gathered = gatheredWeights(this.#signature);
    if (gathered.length > 0) this.#add(`call.count(weights, ${gathered.length});`);
    for (const [index, each] of gathered.entries())
      this.#add(`const Tensor& ${each.name} = weights[${index}];`);
    for (const each of symbols) {
      const tensor = tensors.find((other) => other.name === each.argument);
      const rank = tensor?.shape.length ?? 0;
      const whole = `extent(${each.argument}, "${each.argument}", ${each.axis}, ${rank})`;
      const rest = cppSize(each.rest);
      const left = rest === "0" ? whole : `(${whole} - (${rest}))`;
      this.#add(`const int64_t ${identifier(each.name)} = ${left}${over(each.factor)};`);
    }
    for (const tensor of tensors) this.#addArgument(tensor);
    for (const output of this.#phase.outputs) this.#addOutput(output);
    this.#addSteps(this.#phase.steps);
    const results = this.#phase.outputs.map((each, index) => {
      const type = this.#signature.results[index]?.type;
      const value = this.#nameOf({ kind: "output", name: each.name });
      return type === "bool" ? `${value}.to(at::kBool)` : `call.result(${value})`;
    });
    const isOne = results.length === 1;
    this.#add(isOne ? `return ${results[0]};` : `return {${results.join(", ")}};`);
    const type = isOne ? "Tensor" : `std::tuple<${results.map(() => "Tensor").join(", ")}>`;
    return [
      `// ${doc}`,
      `${type} ${name}(${parameters.join(", ")}) {`,
      ...this.#lines.map((line) => `  ${line}`),
      "}",
    ].join("\n");
  }

  #add(line: string): void {
    this.#lines.push(line);
  }

  #addArgument({ name, source, shape, planName }: TorchSignature["tensors"][number]): void {
    const reference: BufferReference = { kind: source, name: planName };
    const element = this.#elementOf(reference);
    const sizes = `{${shape.map(cppSize).join(", ")}}`;
    if (element === undefined) {
      this.#add(`call.check(${name}, "${name}", ${sizes});`);
      return;
    }
    const own = this.#taken.take(`${name}_ready`);
    this.#names.set(keyOf(reference), own);
    this.#add(
      `const Tensor ${own} = call.argument(${name}, "${name}", ${scalarTypes[element]}, ${sizes});`,
    );
  }

  #addOutput({ name, element, axes }: PlanPhase["outputs"][number]): void {
    const reference: BufferReference = { kind: "output", name };
    const own = this.#taken.take(identifier(name));
    this.#names.set(keyOf(reference), own);
    const type = scalarTypes[this.#elementOf(reference) ?? element];
    const sizes = axes.map(({ size }) => cppSize(size)).join(", ");
    this.#add(`const Tensor ${own} = call.make(${type}, {${sizes}});`);
  }

  #addSteps(steps: readonly PlanStep[]): void {
    for (const step of steps) {
      switch (step.kind) {
        case "dispatch":
          this.#addDispatch(step, {});
          break;
        case "copy":
          this.#add(`${this.#nameOf(step.to)}.copy_(${this.#nameOf(step.from)});`);
          break;
        case "measure":
          invariant(false, "torch: functions measure nothing");
          break;
        case "repeat":
          for (let round = 0; round < step.count; round++) {
            for (const each of step.steps)
              if (each.kind === "dispatch") this.#addDispatch(each, tablesAt(step.tables, round));
          }
          break;
      }
    }
  }

  #addDispatch(
    { label, variants, buffers, scalars }: Dispatch,
    tables: Readonly<Record<string, BufferReference>>,
  ): void {
    const names = buffers.map((each) =>
      this.#nameOf(each.kind === "table" ? (tables[each.name] ?? each) : each),
    );
    const calls = variants.map(({ when, kernel, groups }, index) => {
      const { workgroupSize = 0, sharedBytes = 0 } = this.#kernels.get(kernel) ?? {};
      const pointers = names.map((each) => `${each}.data_ptr()`);
      const numbers = scalars.map((each) => `int(${cppSize(each)})`);
      const sizes = [cppSize(groups), `${workgroupSize}`, `${sharedBytes}`];
      const condition = when === undefined ? "" : `if (${cppSize(when.size)} <= ${when.atMost})`;
      const before = [index === 0 ? "" : "else", condition].filter((each) => each !== "");
      const call = filled("launch(", [kernel, ...sizes, "call.stream", ...pointers, ...numbers]);
      if (before.length === 0) return call;
      return [before.join(" "), ...call.map((line) => `  ${line}`)];
    });
    this.#add(`// ${label}`);
    for (const each of calls.flat()) this.#add(each);
  }

  /** The name of a tensor; a temporary or a constant is declared where it is first met. */
  #nameOf(reference: BufferReference): string {
    const known = this.#names.get(keyOf(reference));
    if (known !== undefined) return known;
    const name = this.#taken.take(identifier(reference.name));
    this.#names.set(keyOf(reference), name);
    const buffer = this.#phase.buffers.find((each) => each.name === reference.name);
    if (reference.kind === "buffer" && buffer !== undefined) {
      const { element, size } = buffer;
      this.#add(`const Tensor ${name} = call.make(${scalarTypes[element]}, {${cppSize(size)}});`);
    } else if (reference.kind === "constant") {
      this.#add(`const Tensor ${name} = ${constantName(reference.name)}(call.device);`);
    } else {
      invariant(false, `torch: nothing gives the ${reference.kind} ${reference.name}`);
    }
    return name;
  }

  /** How the kernels have a tensor in memory; undefined if none reads or writes it. */
  #elementOf(reference: BufferReference): ElementType | undefined {
    const found = (
      steps: readonly PlanStep[],
      tables: Readonly<Record<string, readonly BufferReference[]>>,
    ): ElementType | undefined => {
      for (const step of steps) {
        if (step.kind === "repeat") {
          const inner = found(step.steps, step.tables);
          if (inner !== undefined) return inner;
        }
        if (step.kind !== "dispatch") continue;
        const place = step.buffers.findIndex((each) =>
          (each.kind === "table" ? (tables[each.name] ?? []) : [each]).some(
            (other) => keyOf(other) === keyOf(reference),
          ),
        );
        const kernel = this.#kernels.get(step.variants[0]?.kernel ?? "");
        if (place >= 0) return kernel?.buffers[place]?.element;
      }
      return undefined;
    };
    return found(this.#phase.steps, {});
  }
}

function keyOf({ kind, name }: BufferReference): string {
  return `${kind} ${name}`;
}

/** A call on as many lines as it takes. */
function filled(open: string, items: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = open;
  for (const [index, item] of items.entries()) {
    const next = `${item}${index === items.length - 1 ? ");" : ","}`;
    if (line.length + next.length > 94 && line.trim() !== "") {
      lines.push(line.trimEnd());
      line = "    ";
    }
    line += `${next} `;
  }
  return [...lines, line.trimEnd()];
}

function over(factor: number): string {
  return factor === 1 ? "" : ` / ${factor}`;
}

function tablesAt(
  tables: Readonly<Record<string, readonly BufferReference[]>>,
  round: number,
): Readonly<Record<string, BufferReference>> {
  return Object.fromEntries(
    Object.entries(tables).flatMap(([name, each]) => {
      const entry = each[round];
      return entry === undefined ? [] : [[name, entry]];
    }),
  );
}
