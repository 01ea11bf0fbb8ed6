/** `braid report`: what a model spends on a device, phase by phase, and how near that is to the least. */

import { type Command, InvalidArgumentError, Option } from "commander";
import { tensorBytes } from "../../runtime/backend.ts";
import { place } from "../../runtime/place.ts";
import { prepare } from "../compile.ts";
import { type Family, targets } from "../kernel/target.ts";
import type { Lengths } from "../report/lengths.ts";
import { type Machine, rooflinePoints } from "../report/roofline.ts";
import { rooflineSvg } from "../report/roofline-svg.ts";
import { type SpendingReader, spendingOf } from "../report/spending.ts";
import { spendingText } from "../report/spending-text.ts";
import { measured } from "./explain.ts";
import { lengthsOf } from "./lengths.ts";
import { loadModel, type ModelOptions, withModelOptions } from "./model-options.ts";
import { pictureFile } from "./output-file.ts";
import { type PrecisionOption, stored, withPrecision } from "./precision.ts";
import {
  compileTuned,
  expectTarget,
  type SchedulesOption,
  schedulesOf,
  withSchedules,
} from "./schedules.ts";

interface ReportOptions extends ModelOptions, PrecisionOption, SchedulesOption {
  readonly length?: string;
  readonly target: Family;
  readonly peak: number;
  readonly bandwidth: number;
  readonly svg?: string;
  readonly force?: boolean;
}

/** Adds the verb. */
export function addReport(program: Command): void {
  withSchedules(withPrecision(withModelOptions(program.command("report"))))
    .description("count kernel calls, operations, bytes and memory, and draw the roofline")
    .argument("<file>", "the .braid file")
    .option("--length <name=count,…>", "how many images and tokens, e.g. `image=4,text=64`")
    .addOption(
      new Option("--target <name>", "whose kernels count")
        .choices(["gpu", "cpu", "cuda"])
        .default("cpu"),
    )
    .option("--peak <GFLOP/s>", "what the machine computes at most", positive, 60)
    .option("--bandwidth <GB/s>", "what the machine moves at most", positive, 20)
    .option("--svg <file>", "write the roofline as a picture")
    .option("--force", "overwrite a file that is no roofline")
    .addHelpText(
      "after",
      `
Without --length: one image and 64 tokens. --peak and --bandwidth are those of two cores of a server.

Example:
  braid report examples/ee-mllm/ee-mllm-7b.braid --target gpu --peak 40000 --bandwidth 1000`,
    )
    .action(report);
}

function report(file: string, options: ReportOptions): void {
  const svg = options.svg === undefined ? undefined : pictureFile(options.svg, "roofline", options);
  const model = loadModel(file, options);
  if (model === undefined) return;
  const lengths = lengthsOf(model.graph, options.length);
  const prepared = prepare(model);
  const target = stored(targets[options.target], options);
  const named = schedulesOf(options);
  expectTarget(named, [target]);
  const { plan, attentionSchedule } = compileTuned(model, target, prepared, named);
  const machine: Machine = { flops: options.peak * 1e9, bytes: options.bandwidth * 1e9 };
  const spending = spendingOf(
    { model, prepared, plan, target, reader: spendingReader, attentionSchedule },
    lengths,
  );
  svg?.write(rooflineSvg(`${spending.model} on ${spending.target}`, spending.phases, machine));
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ...spending, lengths: lengthsJson(lengths), roofline: rooflinePoints(spending.phases, machine) }, null, 2)}\n`
      : spendingText(spending, machine),
  );
}

function lengthsJson({ values }: Lengths): unknown {
  return Object.fromEntries(values);
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("it must be a positive number");
}

/** How the runtime measures and places what spending counts. */
export const spendingReader: SpendingReader = {
  measure: (values) => (size) => measured(size, values),
  arena: ({ buffers }, measure) => {
    const requests = buffers.map(({ name, element, size, first, last }) => {
      const bytes = tensorBytes(measure(size), element);
      return { name, bytes, first, last };
    });
    const { arenaBytes, largestLiveBytes } = place(requests);
    return { arena: arenaBytes, live: largestLiveBytes };
  },
};
