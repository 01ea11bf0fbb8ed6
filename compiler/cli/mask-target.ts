/** What `FILE[:NAME]` means to `braid mask`: masks by themselves, or attentions of a model. */

import { type Diagnostic, didYouMean } from "../../grammar/diagnostic.ts";
import type { Source } from "../../grammar/source.ts";
import { checkModel } from "../compile.ts";
import { elaborate } from "../elaborate/elaborate.ts";
import { moduleOf, type ResolvedModule } from "../elaborate/program.ts";
import type { Graph } from "../graph/graph.ts";
import { growthOf } from "../phase/growth.ts";
import { type DrawnAttention, drawnAttentions, isAt } from "../report/drawn-attentions.ts";
import { type Lengths, readLengths } from "../report/lengths.ts";
import { loneMask, loneModel } from "../report/lone-mask.ts";
import {
  dataExample,
  type KnownData,
  type MaskPicture,
  maskPicture,
  unknownData,
} from "../report/mask-picture.ts";
import { longerSide, tileFor, usualTile } from "../report/picture-tile.ts";
import { readRowData } from "../report/row-data.ts";
import { RowNumbers } from "../report/row-numbers.ts";
import { stdSources } from "../std/sources.ts";
import { compileOptions, type ModelOptions } from "./model-options.ts";
import { readSource } from "./sources.ts";
import { UsageError } from "./usage-error.ts";

/** A query row and a key row. */
export type RowPair = readonly [number, number];

/** What the command line asks for. */
export interface MaskRequest extends ModelOptions {
  readonly target: string;
  readonly length: string;
  readonly data: ReadonlyMap<string, string>;
  readonly tile?: number;
}

/** A mask that can be drawn. */
export interface DrawnMask {
  readonly name: string;
  readonly picture: MaskPicture;
}

/** The masks; none at all where the file has mistakes. */
export interface OpenedMasks {
  readonly masks: readonly DrawnMask[] | undefined;
  /** Masks of the file that lack something, and what. */
  readonly lacking: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** How many tiles along a side a terminal has room for, and how many are drawn at most. */
const [readableTiles, mostTiles] = [64, 1024];

/** How many rows a segment has where nobody says. */
const usualRows = 32;

/** Opens what `request` names. Throws `UsageError` for words that mean nothing. */
export function openMasks(request: MaskRequest): OpenedMasks {
  const cut = /^(.*\.braid|std\/\w+):(.+)$/s.exec(request.target);
  const path = cut?.[1] ?? request.target;
  const name = cut?.[2]?.trim();
  const text = stdSources.get(path);
  const source = text === undefined ? readSource(path) : { file: path, text };
  const { resolve } = compileOptions(request);
  const { program, diagnostics } = elaborate(source, resolve ?? (() => undefined));
  if (program.isBroken) return { masks: undefined, lacking: [], diagnostics };
  const module = moduleOf(program, source.file);
  const models = [...module.names].filter(([, { kind }]) => kind === "model" || kind === "alias");
  if (name === undefined && models.length === 0) return allMasks(source, module, request);
  if (name === undefined) return ofModel(source, request);
  const definition = module.names.get(name);
  if (definition?.kind === "model" || definition?.kind === "alias")
    return ofModel(source, { ...request, model: name });
  const isWord = /^[\w.[\]]+$/.test(name);
  if (definition?.kind === "mask" || name === "all" || !isWord)
    return one(source, module, name, request);
  const likely = didYouMean(name, masksOf(module));
  if (definition === undefined && models.length > 0 && likely === undefined)
    return ofModel(source, request, name);
  throw new UsageError(`\`${name}\` is no mask of ${path}`, known(name, module));
}

function known(name: string, module: ResolvedModule): string {
  const masks = masksOf(module);
  const list = masks.map((each) => `\`${each}\``).join(", ");
  return didYouMean(name, masks) ?? (list === "" ? "name a file that has masks" : `it has ${list}`);
}

function masksOf(module: ResolvedModule): readonly string[] {
  return [...module.names].flatMap(([each, { kind }]) => (kind === "mask" ? [each] : []));
}

/** Every mask that a file declares. */
function allMasks(source: Source, module: ResolvedModule, request: MaskRequest): OpenedMasks {
  const masks: DrawnMask[] = [];
  const lacking: string[] = [];
  for (const declaration of module.module.declarations) {
    if (declaration.kind !== "mask") continue;
    try {
      const opened = one(source, module, declaration.name.text, request);
      if (opened.masks === undefined) return opened;
      masks.push(...opened.masks);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      lacking.push(error.message);
    }
  }
  if (masks.length + lacking.length === 0)
    throw new UsageError(`${source.file} has no masks`, "name a file that declares one");
  return { masks, lacking, diagnostics: [] };
}

/** One mask by itself. */
function one(
  source: Source,
  module: ResolvedModule,
  asked: string,
  request: MaskRequest,
): OpenedMasks {
  const lone = loneMask(source, module, asked, {
    lengths: lengthsOf(request.length),
    data: [...request.data.keys()],
    settings: request.set,
    usual: usualRows,
  });
  if (lone.kind === "mistake") throw new UsageError(lone.message, lone.hint);
  const { resolve } = compileOptions(request);
  const options = { model: loneModel, ...(resolve === undefined ? {} : { resolve }) };
  const { value, diagnostics } = checkModel(lone.source, options);
  // What is wrong after the file's own text is wrong with the words on the command line.
  const own = diagnostics.find(
    ({ at, severity }) =>
      severity === "error" && at.span.file === source.file && at.span.start >= source.text.length,
  );
  if (own !== undefined)
    throw new UsageError(`\`${asked}\`: ${own.message}`, own.hint ?? known(asked, module));
  if (value === undefined) return { masks: undefined, lacking: [], diagnostics };
  const lengths = lengthsFor(value.graph, lone.lengths);
  const [attention] = drawnAttentions(value.graph);
  const masks =
    attention === undefined ? [] : [draw(value.graph, attention, lengths, request, asked)];
  return { masks, lacking: [], diagnostics: [] };
}

/** The distinct attentions of a model, or the one at `path`. */
function ofModel(source: Source, request: MaskRequest, path?: string): OpenedMasks {
  const { value, diagnostics } = checkModel(source, compileOptions(request));
  if (value === undefined) return { masks: undefined, lacking: [], diagnostics };
  const { graph } = value;
  const attentions = drawnAttentions(graph);
  const chosen = attentions.filter(
    (each) => path === undefined || each.paths.some((at) => isAt(path, at)),
  );
  if (chosen.length === 0) {
    const paths = attentions.flatMap((each) => each.paths);
    const names = attentions.map((each) => `\`${each.name}\``).join(", ");
    throw new UsageError(
      path === undefined
        ? `${graph.name} has no attention`
        : `\`${path}\` is no mask of ${source.file} and no attention of ${graph.name}`,
      didYouMean(path ?? "", paths) ?? `its attentions are ${names}`,
    );
  }
  const lengths = lengthsFor(graph, request.length);
  const masks = chosen.map((each) => draw(graph, each, lengths, request, each.name));
  return { masks, lacking: [], diagnostics };
}

function lengthsFor(graph: Graph, text: string): Lengths {
  const read = readLengths(graph, text);
  if (read.kind === "mistake") throw new UsageError(read.message, read.hint);
  return read.lengths;
}

function lengthsOf(text: string): ReadonlyMap<string, number> {
  const lengths = new Map<string, number>();
  for (const part of text.split(",").map((each) => each.trim())) {
    if (part === "") continue;
    const found = /^(\w+)\s*=\s*(\d+)$/.exec(part);
    if (found === null)
      throw new UsageError(`\`${part}\` is no length`, "write `--length visual=64,text=20`");
    lengths.set(found[1] ?? "", Number(found[2]));
  }
  return lengths;
}

function draw(
  graph: Graph,
  { op, args, data: names }: DrawnAttention,
  lengths: Lengths,
  request: MaskRequest,
  name: string,
): DrawnMask {
  const data = dataFor(graph, lengths, request.data);
  const [unknown] = unknownData(graph, op, args, lengths, data);
  if (unknown !== undefined)
    throw new UsageError(
      `the mask of ${name} reads \`${unknown}\`, of which nothing is known`,
      `give it: \`${dataExample(graph, unknown, lengths)}\``,
    );
  const at = (tile: number): MaskPicture =>
    maskPicture(graph, op, args, lengths, tile, data, names);
  const usual = at(request.tile ?? usualTile);
  const rows = longerSide(usual);
  if (request.tile === undefined) {
    const tile = tileFor(rows, readableTiles);
    return { name, picture: tile === usualTile ? usual : at(tile) };
  }
  if (rows > request.tile * mostTiles)
    throw new UsageError(
      `${Math.ceil(rows / request.tile)} tiles along a side are too many to draw`,
      `make them larger: \`--tile ${tileFor(rows, readableTiles)}\``,
    );
  return { name, picture: usual };
}

/** The data of `--data` over the rows of the inputs that it names. */
export function dataFor(
  graph: Graph,
  lengths: Lengths,
  texts: ReadonlyMap<string, string>,
): KnownData {
  const rows = new RowNumbers(graph, lengths.values, growthOf(graph).symbols);
  const inputs = graph.inputs.filter(
    ({ type, role }) => type.element !== "float" && role !== "position",
  );
  const known = new Map<string, Float64Array>();
  for (const [name, text] of texts) {
    const input = inputs.find((each) => each.name === name);
    if (input === undefined) {
      const names = inputs.map((each) => each.name);
      const list = names.map((each) => `\`${each}\``).join(", ");
      throw new UsageError(
        `no mask reads \`${name}\``,
        didYouMean(name, names) ?? (list === "" ? "leave it out" : `the data is ${list}`),
      );
    }
    const count = input.type.axes.reduce((product, axis) => product * rows.extent(axis), 1);
    const read = readRowData(name, text, count);
    if (read.kind === "mistake") throw new UsageError(read.message, read.hint);
    known.set(name, read.values);
  }
  return known;
}
