/** `braid mask`: a mask drawn, counted and asked about. */

import { type Command, InvalidArgumentError } from "commander";
import { maskReportData, maskReportText } from "../report/mask-report.ts";
import { maskSvg } from "../report/mask-svg.ts";
import { whySees } from "../report/mask-why.ts";
import { exitCode } from "./exit-code.ts";
import { type DrawnMask, type MaskRequest, openMasks, type RowPair } from "./mask-target.ts";
import { type ModelOptions, report, withModelOptions } from "./model-options.ts";
import { type OutputFile, pictureFile } from "./output-file.ts";
import { say } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

interface MaskOptions extends ModelOptions {
  readonly length: string;
  readonly data: ReadonlyMap<string, string>;
  readonly tile?: number;
  readonly why: readonly RowPair[];
  readonly svg?: string;
  readonly force?: boolean;
}

/** Adds the verb. */
export function addMask(program: Command): void {
  withModelOptions(program.command("mask"))
    .description("draw masks, count what they hide, and say why a row sees another")
    .argument("<file[:name]>", "the .braid file; a mask, an expression of masks, or an attention")
    .option(
      "--length <name=count,…>",
      "how many rows each segment has, in storage order, e.g. `visual=64,text=20`; 32 if absent",
      "",
    )
    .option(
      "--data <name=values>",
      "integers for rows: `0,0,1,1`, `0x8,1x8`, `row/8` or `row%8` (repeatable)",
      collectData,
      new Map<string, string>(),
    )
    .option(
      "--tile <rows>",
      "how many rows a tile has; 16 if absent, more for long prompts",
      positive,
    )
    .option("--why <query,key>", "say why this row sees that one (repeatable)", collectPair, [])
    .option("--svg <file>", "write the picture")
    .option("--force", "overwrite a file that is no picture of a mask")
    .addHelpText(
      "after",
      `
Without a name: the masks of the file, or the attentions of its model that differ. A mask's numbers
are set with --set, its token data with --data. Rows are counted in storage order.

Examples:
  braid mask examples/attention/gallery.braid:composite --length visual=64,text=20 --why 70,12
  braid mask "std/attention:causal and window(8)" --length Rows=64 --svg window.svg
  braid mask std/attention:documents --data document=0x20,1x12 --length S=32 --tile 4
  braid mask examples/ee-mllm/ee-mllm.braid:model.layers[0] --length image=1,text=20 --tile 4`,
    )
    .action(mask);
}

function mask(target: string, options: MaskOptions): void {
  const json = options.json === true;
  const svg = options.svg === undefined ? undefined : pictureFile(options.svg, "mask", options);
  const request: MaskRequest = { ...options, target };
  const { masks, lacking, diagnostics } = openMasks(request);
  if (masks === undefined || !json) report(diagnostics, json);
  if (masks === undefined) {
    process.exitCode = exitCode.mistakes;
    return;
  }
  const single = masks.length + lacking.length === 1;
  if (svg !== undefined) writePicture(svg, masks);
  if (!single && options.why.length > 0)
    throw new UsageError(
      "`--why` asks about one mask, and here are several",
      `name one: \`${target}:${masks[0]?.name ?? "NAME"}\``,
    );
  const reports = masks.map(({ name, picture }) => ({
    name,
    picture,
    why: options.why.map(([query, key]) => {
      const why = whySees(picture, query, key);
      if (why !== undefined) return why;
      const [rows, keys] = [picture.queries, picture.keys].map((bands) =>
        bands.reduce((sum, each) => sum + each.rows, 0),
      );
      throw new UsageError(
        `there is no pair ${query},${key}: the mask has ${rows} query rows and ${keys} key rows`,
        "rows are counted from 0 in storage order",
      );
    }),
  }));
  process.stdout.write(
    json
      ? `${JSON.stringify({ masks: reports.map(maskReportData), lacking }, null, 2)}\n`
      : `${reports.map(maskReportText).join(`\n\n${"─".repeat(100)}\n`)}\n`,
  );
  for (const each of lacking) say(`\nnot drawn: ${each}`);
}

/** Writes the picture of the only mask. */
function writePicture(file: OutputFile, masks: readonly DrawnMask[]): void {
  const [first, more] = masks;
  if (first === undefined || more !== undefined)
    throw new UsageError(
      `\`--svg\` writes one picture, and here are ${masks.length} masks`,
      `name one after the file: \`FILE:${first?.name ?? "NAME"}\``,
    );
  file.write(maskSvg(first.picture));
  say(`wrote ${file.path}`);
}

/** Gathers `--data name=values`. */
export function collectData(
  text: string,
  before: ReadonlyMap<string, string>,
): Map<string, string> {
  const cut = text.indexOf("=");
  if (cut <= 0) throw new InvalidArgumentError("write it as name=values, e.g. document=row/8");
  return new Map([...before, [text.slice(0, cut).trim(), text.slice(cut + 1).trim()]]);
}

function collectPair(text: string, before: readonly RowPair[]): readonly RowPair[] {
  const found = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(text);
  if (found === null) throw new InvalidArgumentError("write two rows, query and key, e.g. 70,12");
  return [...before, [Number(found[1]), Number(found[2])]];
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("give a whole number");
  return value;
}
