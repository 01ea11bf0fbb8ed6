/** The README of an extension. */

import type { WarpMath } from "../../kernel/kernel.ts";
import { parametersOf, type TorchSignature } from "./signatures.ts";

/** `README.md`. */
export function readmeText(
  model: string,
  namespace: string,
  math: WarpMath,
  signatures: readonly TorchSignature[],
): string {
  const rows = signatures.map((signature) => {
    const { name, doc, tensors, results } = signature;
    const given = tensors
      .filter(({ source }) => source === "input")
      .map((each) => `${each.name} \`${each.axes}\``)
      .join(", ");
    const weights = tensors.filter(({ source }) => source === "weight").length;
    const takes = weights === 0 ? given : `${given}, weights (${weights})`;
    const gives = results.map((each) => `\`${each.axes}\``).join(", ");
    return `| \`${name}\` | ${doc.replaceAll("|", "\\|")} | ${takes} | ${gives} |`;
  });
  const shown = signatures.find(({ gathers }) => !gathers) ?? signatures[0];
  const passed = shown === undefined ? [] : parametersOf(shown);
  const example = passed.map((each) => (each === "weights" ? each : each.name)).join(", ");
  return `# ${namespace}

The blocks and attentions of \`${model}\` as CUDA kernels for PyTorch, made by \`braid build --target torch --math ${math}\`.

\`\`\`sh
pip install -e . --no-build-isolation   # with nvcc and a PyTorch that has CUDA: builds the kernels
pip install -e .                        # without: imports, traces and gives shapes, computes nothing
python -m unittest discover -s tests    # against plain PyTorch; without a GPU shapes and bounds alone
\`\`\`

\`TORCH_CUDA_ARCH_LIST="9.0"\` builds for one architecture; kernels need 8.0 or later. \`MAX_JOBS=16\` compiles
so many kernels at a time.

\`\`\`python
import torch
import ${namespace}

with torch.no_grad():
    y = ${namespace}.${shown?.name}(${example})
\`\`\`

Tensors are float32, float16 or bfloat16 on one CUDA device; a result has the type of the first. Products are computed in
${math} with float32 sums. Positions rise within a segment. Indices that are out of range read beyond a tensor, unchecked. There
are no gradients: calls that would need one are refused. \`torch.compile\` sees each function as one operation.

| function | is | takes | gives |
|---|---|---|---|
${rows.join("\n")}

\`kernels/\` holds one kernel a file, \`binding.cpp\` what calls them, \`${namespace}/\` the Python, \`tests/reference.py\` the
same in plain PyTorch, \`tests/rounding.py\` how far from it a kernel may be, and why.
`;
}
