/**
 * An extension for PyTorch: a model's blocks and attentions as functions with kernels for an NVIDIA
 * device, in a folder that `pip install -e` takes.
 */

import { kernelFile, printCuda } from "../../codegen/index.ts";
import { type Graph, nodeAt, type ValueId } from "../../graph/graph.ts";
import type { WarpMath } from "../../kernel/kernel.ts";
import type { Target } from "../../kernel/target.ts";
import { optimize } from "../../optimize/optimize.ts";
import { phaseOf } from "../../phase/phase-facts.ts";
import { planPhases } from "../plan.ts";
import { preparePhase } from "../prepare.ts";
import { bindingText } from "./binding.ts";
import { callHeader } from "./call.ts";
import { type TorchFunction, torchFunctions } from "./functions.ts";
import { initText, libraryText, projectText, setupText } from "./python.ts";
import { readmeText } from "./readme.ts";
import { referenceText } from "./reference.ts";
import { roundingText } from "./rounding.ts";
import { planName, signatureOf } from "./signatures.ts";
import { testText } from "./tests.ts";

/** All files of the extension, by name; none if the model has neither blocks nor attentions. */
export function torchPackage(
  graph: Graph,
  target: Target & { readonly math?: WarpMath },
): ReadonlyMap<string, string> {
  const functions = torchFunctions(graph);
  if (functions.length === 0) return new Map();
  const signatures = functions.map(signatureOf);
  const phases = functions.map((each) =>
    phaseOf(each.name, "forward", each.doc, inPlan(each, optimize(each.graph))),
  );
  const plan = planPhases(phases.map(preparePhase), target);
  const namespace = `braid_${snakeCase(graph.name)}`;
  const math = target.math ?? "f32";
  const referenced = functions.map((each, index) => ({
    graph: each.graph,
    signature: signatures[index] ?? signatureOf(each),
  }));
  return new Map([
    ["README.md", readmeText(graph.name, namespace, math, signatures)],
    ["pyproject.toml", projectText(namespace)],
    ["setup.py", setupText(namespace)],
    ["binding.cpp", bindingText(namespace, graph.name, plan, signatures)],
    ["call.h", callHeader],
    ...plan.code.map((kernel) => [kernelFile(kernel.name, "cu"), printCuda(kernel)] as const),
    [`${namespace}/__init__.py`, initText(graph.name, signatures)],
    [`${namespace}/_library.py`, libraryText(namespace, signatures)],
    ["tests/reference.py", referenceText(referenced)],
    ["tests/rounding.py", roundingText(math)],
    ["tests/test_kernels.py", testText(namespace, math, signatures)],
  ]);
}

/** The function's graph as part of a plan, where inputs and weights of all have different names. */
function inPlan({ name }: TorchFunction, graph: Graph): Graph {
  const read = new Set(graph.nodes.flatMap(({ op }) => (op.kind === "input" ? [op.name] : [])));
  const nodes = graph.nodes.map((node) => {
    const { op } = node;
    return op.kind === "input" || op.kind === "weight"
      ? { ...node, op: { ...op, name: planName(name, op.name) } }
      : node;
  });
  const outputs = graph.outputs.map((each) => ({ ...each, value: outputOf(graph, each.value) }));
  return {
    ...graph,
    nodes,
    outputs,
    inputs: graph.inputs
      .filter((each) => read.has(each.name))
      .map((each) => ({ ...each, name: planName(name, each.name) })),
    weights: new Map(
      [...graph.weights.values()].map((each) => {
        const own = planName(name, each.name);
        return [own, { ...each, name: own, alternatives: [[own]] }];
      }),
    ),
  };
}

/** The value itself; a function gives what it computes, never what it was given. */
function outputOf(graph: Graph, value: ValueId): ValueId {
  const { op } = nodeAt(graph, value);
  if (op.kind === "input") throw new RangeError(`a function gives its input ${op.name} back`);
  return value;
}

function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/\W+/g, "_")
    .toLowerCase();
}
