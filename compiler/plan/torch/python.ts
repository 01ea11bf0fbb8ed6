/** The Python of an extension: typed functions, shapes without a device, and how to install it. */

import {
  gatheredWeights,
  parametersOf,
  type TorchResult,
  type TorchSignature,
  type TorchTensor,
} from "./signatures.ts";
import { pythonSize } from "./size-text.ts";
import { identifier } from "./identifiers.ts";

/** `__init__.py`. */
export function initText(model: string, signatures: readonly TorchSignature[]): string {
  return [
    `"""The blocks and attentions of ${model} as CUDA kernels, made by \`braid build --target torch\`.`,
    "",
    "Importing needs no GPU. Tensors may be float32, float16 or bfloat16; a result has the type of the first.",
    '"""',
    "",
    "from collections.abc import Mapping",
    "",
    "from torch import Tensor",
    "",
    "from . import _library",
    "",
    "__all__ = [",
    ...signatures.map(({ name }) => `    "${name}",`),
    "]",
    ...signatures.flatMap((each) => ["", "", ...functionText(each)]),
    "",
  ].join("\n");
}

function functionText(signature: TorchSignature): readonly string[] {
  const { name, doc, results, sizes } = signature;
  const parameters = parametersOf(signature);
  const gathered = gatheredWeights(signature);
  const typed = [
    ...parameters.map((each) =>
      each === "weights" ? "weights: Mapping[str, Tensor]" : `${each.name}: Tensor`,
    ),
    ...sizes.map((each) => `${each}: int`),
  ];
  const passed = [
    ...parameters.map((each) => (each === "weights" ? listName(name) : each.name)),
    ...sizes,
  ];
  const returned =
    results.length === 1 ? "Tensor" : `tuple[${results.map(() => "Tensor").join(", ")}]`;
  const list = gathered.map(({ path }) => `        weights["${path}"],`);
  return [
    `def ${name}(`,
    ...typed.map((each) => `    ${each},`),
    `) -> ${returned}:`,
    `    """${doc}`,
    "",
    ...parameters.flatMap((each) =>
      each === "weights"
        ? ["    weights: by name", ...gathered.map((one) => `        ${one.path} ${one.axes}`)]
        : [`    ${each.name}: ${kindOf(each)} ${each.axes}`],
    ),
    ...sizes.map((each) => `    ${each}: how many, which no shape tells`),
    `    Returns ${results.map((each) => `${each.name} ${each.axes}`).join(", ")}.`,
    '    """',
    ...(list.length === 0 ? [] : [`    ${listName(name)} = [`, ...list, "    ]"]),
    "    return _library.call(",
    `        "${name}",`,
    ...passed.map((each) => `        ${each},`),
    "    )",
  ];
}

function listName(of: string): string {
  return `${of}_weights`;
}

function kindOf({ type, isPosition, bound }: TorchTensor): string {
  if (isPosition) return "positions, rising within the segment,";
  if (bound !== undefined) return `ints from 0, below ${pythonSize(bound)},`;
  return { float: "floats", int: "ints", bool: "bools" }[type];
}

/** `_library.py`: the operations, with or without their kernels. */
export function libraryText(namespace: string, signatures: readonly TorchSignature[]): string {
  return [
    '"""The operations for PyTorch: from the extension where it was built, else by schema alone."""',
    "",
    "from pathlib import Path",
    "",
    "import torch",
    "",
    `NAMESPACE = "${namespace}"`,
    "",
    "SCHEMAS = [",
    ...signatures.map(({ schema }) => `    "${schema}",`),
    "]",
    "",
    'built = next(Path(__file__).parent.glob("_kernels*.so"), None)',
    "if built is not None:",
    "    torch.ops.load_library(str(built))",
    "else:",
    '    _definitions = torch.library.Library(NAMESPACE, "DEF")',
    "    for _schema in SCHEMAS:",
    "        _definitions.define(_schema)",
    "",
    "",
    "def call(name, *arguments):",
    '    """Calls an operation. Raises RuntimeError where it cannot be computed, or not as asked."""',
    "    tensors = []",
    "    for each in arguments:",
    "        tensors.extend(each if isinstance(each, list) else [each])",
    "    tensors = [each for each in tensors if isinstance(each, torch.Tensor)]",
    "    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):",
    '        raise RuntimeError(f"{name} has no gradient: call it under torch.no_grad()")',
    "    device = tensors[0].device",
    '    if device.type not in ("cuda", "meta"):',
    '        raise RuntimeError(f"{name} runs on CUDA devices, and its first tensor is on {device}")',
    '    if built is None and device.type == "cuda" and not _is_fake(tensors[0]):',
    "        raise RuntimeError(",
    '            f"{name} was installed without its kernels: install again where nvcc is,"',
    '            " with `pip install -e . --no-build-isolation`"',
    "        )",
    "    return getattr(getattr(torch.ops, NAMESPACE), name)(*arguments)",
    "",
    "",
    "def _is_fake(tensor):",
    '    """Whether a tensor has a shape only: a tracer is looking at what is done with it."""',
    "    return type(tensor) is not torch.Tensor and not isinstance(tensor, torch.nn.Parameter)",
    "",
    "",
    "def _register_fake(name):",
    '    """Says what an operation gives without computing it; PyTorch before 2.4 by its meta kernel."""',
    '    register = getattr(torch.library, "register_fake", None)',
    "    if register is not None:",
    '        return register(f"{NAMESPACE}::{name}")',
    '    library = torch.library.Library(NAMESPACE, "IMPL", "Meta")',
    "    _kept.append(library)",
    "    return lambda function: library.impl(name, function)",
    "",
    "",
    "_kept = []",
    ...signatures.flatMap((each) => ["", "", ...fakeText(each)]),
    "",
  ].join("\n");
}

function fakeText(signature: TorchSignature): readonly string[] {
  const { name, tensors, results, symbols, sizes } = signature;
  const first = tensors[0]?.name ?? "";
  const used = new Set(results.flatMap(({ shape }) => shape.flatMap(namesIn)));
  // What a size is computed of is needed, too.
  for (const each of symbols.toReversed())
    if (used.has(each.name)) for (const other of namesIn(each.rest)) used.add(other);
  const parameters = [
    ...parametersOf(signature).map((each) => (each === "weights" ? each : each.name)),
    ...sizes,
  ];
  return [
    `@_register_fake("${name}")`,
    `def _${name}(${parameters.join(", ")}):`,
    ...symbols.filter((each) => used.has(each.name)).map((each) => `    ${symbolText(each)}`),
    `    return ${results.map((each) => emptyText(each, first)).join(", ")}`,
  ];
}

/** How a function finds a size, in Python. */
export function symbolText(symbol: TorchSignature["symbols"][number]): string {
  const { name, argument, axis, rest, factor } = symbol;
  const whole = `${argument}.shape[${axis}]`;
  const left = rest === 0 ? whole : `(${whole} - (${pythonSize(rest)}))`;
  return `${identifier(name)} = ${left}${factor === 1 ? "" : ` // ${factor}`}`;
}

function emptyText({ type, shape }: TorchResult, first: string): string {
  const sizes = shape.map(pythonSize).join(", ");
  const tuple = shape.length === 1 ? `(${sizes},)` : `(${sizes})`;
  if (type === "float") return `${first}.new_empty(${tuple})`;
  return `${first}.new_empty(${tuple}, dtype=torch.${type === "bool" ? "bool" : "int32"})`;
}

function namesIn(size: TorchResult["shape"][number]): readonly string[] {
  if (typeof size === "number") return [];
  if (typeof size === "string") return [size];
  return [...namesIn(size[1]), ...namesIn(size[2])];
}

/** `pyproject.toml`. */
export function projectText(namespace: string): string {
  return `[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "${namespace.replaceAll("_", "-")}"
version = "0.1.0"
requires-python = ">=3.9"

[tool.setuptools]
packages = ["${namespace}"]

[tool.setuptools.package-data]
${namespace} = ["*.so"]
`;
}

/** `setup.py`: kernels are compiled where PyTorch and nvcc are; without them only Python is installed. */
export function setupText(namespace: string): string {
  return `"""Builds the kernels where PyTorch has CUDA and nvcc is there; else installs what needs neither."""

import sys
from pathlib import Path

from setuptools import setup


def kernels():
    """The extension's arguments for \`setup\`, or none, with the reason on stderr."""
    try:
        from torch.utils.cpp_extension import CUDA_HOME, BuildExtension, CUDAExtension
        from torch.version import cuda
    except ImportError:
        return without("PyTorch is not visible to this build (pip: --no-build-isolation)")
    if cuda is None or CUDA_HOME is None:
        return without("PyTorch has no CUDA here" if cuda is None else "there is no nvcc here")
    sources = ["binding.cpp", *sorted(str(each) for each in Path("kernels").glob("*.cu"))]
    # PyTorch adds the C++ standard that its headers need.
    flags = {"cxx": ["-O2"], "nvcc": ["-O3"]}
    extension = CUDAExtension("${namespace}._kernels", sources, extra_compile_args=flags)
    return {"ext_modules": [extension], "cmdclass": {"build_ext": BuildExtension}}


def without(reason):
    print(f"${namespace}: installed without its kernels: {reason}", file=sys.stderr)
    return {}


setup(**kernels())
`;
}
