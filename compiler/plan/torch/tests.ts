/** The test of an extension: each function against plain PyTorch, and its shapes without a device. */

import type { WarpMath } from "../../kernel/kernel.ts";
import {
  gatheredWeights,
  parametersOf,
  type TorchSignature,
  type TorchTensor,
} from "./signatures.ts";
import { identifier } from "./identifiers.ts";
import { pythonSize } from "./size-text.ts";

/** Sizes that a test runs with: few rows, and more than a tile of them. */
const sizeChoices = [3, 70];

/** `test_kernels.py`. */
export function testText(
  namespace: string,
  math: WarpMath,
  signatures: readonly TorchSignature[],
): string {
  return `"""The kernels against plain PyTorch (reference.py): \`python -m unittest discover -s tests\`.

How far a kernel may be off follows from how it rounds: see rounding.py. Without a CUDA device, or not built, only
shapes and the bounds themselves are tested.
"""

import math
import unittest

import reference
import torch
from rounding import Bounds, listed

import ${namespace} as kernels
from ${namespace} import _library

generator = torch.Generator().manual_seed(1)


def floats(*shape):
    """Numbers whose products with as many others are of size 1."""
    scale = 1 / math.sqrt(shape[-1]) if len(shape) > 1 else 1
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scale


def ints(bound, *shape):
    return torch.randint(bound, shape, generator=generator)


def rounded(tensor):
    """As the kernels round what they multiply."""
    ${roundedText(math)}


${signatures.map((each) => `\n${argumentsText(each)}\n`).join("\n")}

WEIGHTS = {
${signatures.map(weightsLine).join("\n")}
}

CASES = [
${signatures.flatMap(caseLines).join("\n")}
]


def changed(arguments, change):
    """The arguments with each tensor changed."""
    if isinstance(arguments, dict):
        return {key: changed(each, change) for key, each in arguments.items()}
    return change(arguments) if isinstance(arguments, torch.Tensor) else arguments


def cast(dtype):
    """To another type, if it is of floats."""
    return lambda each: each.to(dtype) if each.is_floating_point() else each


def as_stored(name, arguments):
    """The arguments as kernels have them in memory: ${storageText(math)}"""
    return {
        key: changed(each, ${isHalf(math) ? "rounded" : "lambda weight: weight"}) if key in WEIGHTS[name] else each
        for key, each in arguments.items()
    }


class Kernels(unittest.TestCase):
    def test_shapes_without_a_device(self):
        for name, make, sizes in CASES:
            with self.subTest(name=name, **sizes), torch.no_grad():
                arguments = make(**sizes)
                wanted = listed(getattr(reference, name)(**arguments))
                fakes = changed(arguments, lambda each: each.to("meta"))
                found = listed(getattr(kernels, name)(**fakes))
                self.assertEqual([each.shape for each in found], [each.shape for each in wanted])

    @unittest.skipUnless(torch.cuda.is_available() and _library.built, "no CUDA device, or not built")
    def test_results(self):
        def run(name, arguments):
            on_device = changed(arguments, lambda each: each.cuda())
            return [each.cpu() for each in listed(getattr(kernels, name)(**on_device))]

        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            self.compare(run, dtype)

    def test_bounds(self):
        """PyTorch in float32, with factors rounded as kernels round them, is within the bounds."""

        def run(name, arguments):
            reference.FLOAT = torch.float32
            try:
                return listed(getattr(reference, name)(**as_stored(name, arguments), factor=rounded))
            finally:
                reference.FLOAT = torch.float64

        # One size of each, since these runs are for the bounds.
        self.compare(run, torch.float32, {each[0]: each for each in reversed(CASES)}.values())

    def compare(self, run, dtype, cases=CASES):
        """Runs cases on arguments of a type, and compares what each gives with the exact result."""
        for name, make, sizes in cases:
            with self.subTest(name=name, dtype=dtype, **sizes), torch.no_grad():
                arguments = changed(make(**sizes), cast(dtype))
                bounds = self.bounds(name, arguments)
                for index, found in enumerate(run(name, arguments)):
                    share = bounds.excess(index, found)
                    self.assertLessEqual(share, 1, f"result {index} of {name}: times its bound")
                    if found.any():
                        self.assertGreater(bounds.excess(index, torch.zeros_like(found)), 1, "a bound that says nothing")
                    print(f"{name} {dtype} {tuple(found.shape)}: off by {share:.2f} of its bound")

    def bounds(self, name, arguments):
        """Those of what a kernel gets, in float64. Ends the case where errors could turn a choice."""
        exact = as_stored(name, changed(arguments, cast(torch.float64)))
        bounds = Bounds(getattr(reference, name), exact)
        if bounds.undecided:
            self.skipTest("it chooses between numbers that are nearer than their bounds")
        return bounds


if __name__ == "__main__":
    unittest.main()
`;
}

function isHalf(math: WarpMath): boolean {
  return math === "f16" || math === "bf16";
}

function storageText(math: WarpMath): string {
  return isHalf(math) ? `weights in ${math}.` : "in float32.";
}

function weightsLine(signature: TorchSignature): string {
  const names = parametersOf(signature).flatMap((each) => {
    if (each === "weights") return [`"weights"`];
    return each.source === "weight" ? [`"${each.name}"`] : [];
  });
  return `    "${signature.name}": [${names.join(", ")}],`;
}

function roundedText(math: WarpMath): string {
  switch (math) {
    case "f16":
      return "return tensor.to(torch.float16).to(tensor.dtype)";
    case "bf16":
      return "return tensor.to(torch.bfloat16).to(tensor.dtype)";
    case "tf32":
      return `bits = tensor.to(torch.float32).contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32).to(tensor.dtype)`;
    default:
      return "return tensor.to(torch.float32).to(tensor.dtype)";
  }
}

function freeSizes({ symbols, sizes }: TorchSignature): readonly string[] {
  return [...symbols.map(({ name }) => identifier(name)), ...sizes];
}

function argumentsText(signature: TorchSignature): string {
  const { name, sizes } = signature;
  let placed: string[] = [];
  const line = (each: TorchTensor, key: string): string => {
    const shape = each.shape.map(pythonSize);
    if (!each.isPosition) return `"${key}": ${valueText(each, shape)},`;
    // The rows of one segment after those of another.
    const start = placed.length === 0 ? "0" : placed.join(" + ");
    placed = [...placed, ...shape];
    return `"${key}": torch.arange(${shape[0]}) + ${start},`;
  };
  const weights = gatheredWeights(signature).map((each) => line(each, each.path));
  const lines = parametersOf(signature).flatMap((each) =>
    each === "weights"
      ? [`        "weights": {`, ...weights.map((one) => `            ${one}`), "        },"]
      : [`        ${line(each, each.name)}`],
  );
  return [
    `def ${name}_arguments(${freeSizes(signature).join(", ")}):`,
    "    return {",
    ...lines,
    ...sizes.map((each) => `        "${each}": ${each},`),
    "    }",
  ].join("\n");
}

function valueText({ type, bound }: TorchTensor, shape: readonly string[]): string {
  if (type === "float") return `floats(${shape.join(", ")})`;
  const drawn = `ints(${type === "bool" ? 2 : pythonSize(bound ?? 3)}, ${shape.join(", ")})`;
  return type === "bool" ? `${drawn}.to(torch.bool)` : drawn;
}

function caseLines(signature: TorchSignature): readonly string[] {
  const { name } = signature;
  const free = freeSizes(signature);
  const choices = signature.symbols.length === 0 ? [2] : sizeChoices;
  return choices.map((size) => {
    // The last size that a shape tells are rows, but for those of `T.given`, which are some of T; others
    // are counts of images and the like.
    const rows = signature.symbols.findLastIndex((each) => !each.name.includes("."));
    const given = free.map((each, index) => `"${each}": ${index === rows ? size : 2}`);
    return `    ("${name}", ${name}_arguments, {${given.join(", ")}}),`;
  });
}
