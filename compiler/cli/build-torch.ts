/** `braid build --target torch`: an extension for PyTorch. */

import type { CheckedModel } from "../compile.ts";
import { cudaTarget } from "../kernel/architectures.ts";
import { torchPackage } from "../plan/torch/package.ts";
import { UsageError } from "./usage-error.ts";

/** All files of the extension, by name. */
export function buildTorch(
  model: CheckedModel,
  math: Parameters<typeof cudaTarget>[1],
): ReadonlyMap<string, string> {
  // What every device from sm_80 on has: the extension is compiled for any of them.
  const files = torchPackage(model.graph, cudaTarget("sm_86", math));
  if (files.size > 0) return files;
  const hint = "write a block for what is to be a function, or build with `--target cuda`";
  throw new UsageError(`${model.graph.name} has neither blocks nor attentions`, hint);
}
