/** The test of an extension: each function against plain PyTorch, and its shapes without a device. */

import type { WarpMath } from "../../kernel/kernel.ts";
import type { TorchSignature, TorchTensor } from "./signatures.ts";
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

What is multiplied is rounded to ${math}. A kernel may be off by what plain PyTorch is off with the same
rounding, ${slack} times over: sums in another order are not wrong. Without a CUDA device only shapes are tested.
"""

import math
import unittest

import reference
import torch

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
    ${roundingText(math)}


def single(tensor):
    """As plain PyTorch has it in float32."""
    return tensor.to(torch.float32).to(torch.float64)

${signatures.map((each) => `\n${argumentsText(each)}\n`).join("\n")}

CASES = [
${signatures.flatMap(caseLines).join("\n")}
]


def listed(result):
    return [result] if isinstance(result, torch.Tensor) else list(result)


class Kernels(unittest.TestCase):
    def test_shapes_without_a_device(self):
        for name, make, sizes in CASES:
            with self.subTest(name=name, **sizes), torch.no_grad():
                arguments = make(**sizes)
                wanted = listed(getattr(reference, name)(**arguments))
                fakes = {
                    key: each.to("meta") if isinstance(each, torch.Tensor) else each
                    for key, each in arguments.items()
                }
                found = listed(getattr(kernels, name)(**fakes))
                self.assertEqual([each.shape for each in found], [each.shape for each in wanted])

    @unittest.skipUnless(torch.cuda.is_available() and _library.built, "no CUDA device, or not built")
    def test_results(self):
        for name, make, sizes in CASES:
            for dtype in (torch.float32, torch.float16, torch.bfloat16):
                with self.subTest(name=name, dtype=dtype, **sizes), torch.no_grad():
                    self.compare(name, make(**sizes), dtype)

    def compare(self, name, arguments, dtype):
        def stored(each):
            """The argument as the kernel gets it, but in float64."""
            return each.to(dtype).to(torch.float64) if each.is_floating_point() else each

        exact = {
            key: stored(each) if isinstance(each, torch.Tensor) else each
            for key, each in arguments.items()
        }
        on_device = {
            key: (each.to(dtype) if each.is_floating_point() else each).cuda()
            if isinstance(each, torch.Tensor)
            else each
            for key, each in exact.items()
        }
        run = getattr(reference, name)
        wanted = listed(run(**exact))
        off = listed(run(**exact, factor=rounded))
        floats32 = {
            key: each.to(torch.float32) if isinstance(each, torch.Tensor) and each.is_floating_point() else each
            for key, each in exact.items()
        }
        plain = listed(run(**floats32))
        found = listed(getattr(kernels, name)(**on_device))
        for index, (value, truth, factors, floats) in enumerate(zip(found, wanted, off, plain)):
            value = value.cpu()
            if not truth.is_floating_point():
                self.assertTrue(torch.equal(value.to(truth.dtype), truth), f"result {index} differs")
                continue
            error = (value.to(torch.float64) - truth).abs().max().item()
            own = (factors - truth).abs().max().item() + (floats.to(torch.float64) - truth).abs().max().item()
            largest = truth.abs().max().item()
            allowed = ${slack} * own + largest * (torch.finfo(dtype).eps + 8 * torch.finfo(torch.float32).eps)
            self.assertLessEqual(error, allowed, f"result {index} of {name}")
            print(f"{name} {dtype} {tuple(truth.shape)}: off by {error:.2e} of {allowed:.2e}")


if __name__ == "__main__":
    unittest.main()
`;
}

/** How many times as far off as plain PyTorch with the same rounding a kernel may be. */
const slack = 4;

function roundingText(math: WarpMath): string {
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
  return [...symbols.map(({ name }) => name), ...sizes];
}

function argumentsText(signature: TorchSignature): string {
  const { name, tensors, sizes } = signature;
  let placed: string[] = [];
  const lines = tensors.map((each) => {
    const shape = each.shape.map(pythonSize);
    if (!each.isPosition) return `        "${each.name}": ${valueText(each, shape)},`;
    // The rows of one segment after those of another.
    const start = placed.length === 0 ? "0" : placed.join(" + ");
    placed = [...placed, ...shape];
    return `        "${each.name}": torch.arange(${shape[0]}) + ${start},`;
  });
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
  const drawn = `ints(${type === "bool" ? 2 : (bound ?? 3)}, ${shape.join(", ")})`;
  return type === "bool" ? `${drawn}.to(torch.bool)` : drawn;
}

function caseLines(signature: TorchSignature): readonly string[] {
  const { name } = signature;
  const free = freeSizes(signature);
  const choices = free.length === 0 ? [0] : sizeChoices;
  return choices.map((size) => {
    // The first sizes are counts of images where there are several; the last are rows.
    const given = free.map((each, index) => `"${each}": ${index < free.length - 1 ? 2 : size}`);
    return `    ("${name}", ${name}_arguments, {${given.join(", ")}}),`;
  });
}
