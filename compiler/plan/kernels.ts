/**
 * The kernels of a plan: each region's signature is lowered once, and names are unique over all
 * phases, so that equal layers and equal phases share their kernels.
 */

import { invariant } from "../../grammar/invariant.ts";
import { scalesOf, type WeightLayout, type WeightPack } from "../../runtime/contract.ts";
import { type BufferSource, type Region, sourceKey } from "../fusion/region.ts";
import type { ValueId } from "../graph/graph.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Setting } from "../kernel/lower/context.ts";
import { lowerRegion } from "../kernel/lower/lower.ts";
import { titleOf } from "../kernel/lower/name.ts";
import type { Lowered, Schedule } from "../kernel/lower/schedule.ts";
import { scheduleChoices } from "../kernel/schedule/choose.ts";
import type { ScheduleChoice } from "../kernel/schedule/choose-product.ts";
import type { Target } from "../kernel/target.ts";
import {
  commonFactor,
  type Dimension,
  equalDimensions,
  evaluateDimension,
  substitute,
} from "../op/dimension.ts";
import type { StoredElements } from "./elements.ts";
import type { PreparedPhase } from "./prepare.ts";
import { shapeKey } from "./shape-key.ts";
import { sameSource, type Signature, sizeSymbol } from "./signature.ts";
import {
  combineVariants,
  partialSize,
  type Place,
  type SizedCall,
  sizedCall,
  type Stage,
  type Variant,
} from "./stages.ts";

/** A call of a kernel, its buffers not yet named. */
export interface Call extends SizedCall {
  /** In the order of the kernel's buffers. */
  readonly sources: readonly BufferSource[];
}

/** What a signature was lowered to. */
export interface KernelEntry {
  /** Tells kernel shapes apart, in whatever model and build. */
  readonly shape: string;
  readonly lowered: readonly Lowered[];
  readonly choices: readonly ScheduleChoice[];
  /** The calls of the region: one, or one after another. */
  readonly stages: readonly Stage[];
  /** The sized calls by the sizes that the signature's sizes are. */
  readonly sized: Map<string, readonly SizedCall[]>;
}

/** What is known of the regions that share a signature before one of them is lowered. */
interface Sharers {
  readonly sizes: (readonly Dimension[])[];
  /** What they compute: see `titleOf`. */
  readonly titles: Set<string>;
}

/** The schedule of a kernel shape of that kind, in place of the one that was chosen. */
export type ScheduleChooser = (
  kernel: { readonly shape: string; readonly kind: Region["kind"] },
  choice: ScheduleChoice,
) => Schedule;

/** How a table lowers, where not as usual. */
export interface LoweringOptions {
  readonly choose?: ScheduleChooser | undefined;
  /** Called with each kernel as soon as it is made, in their order. */
  readonly made?: ((kernel: Kernel) => void) | undefined;
}

/** Values in the comment of a kernel that computes several. */
const mostTitles = 6;

/** Lowers regions and remembers what it lowered. */
export class KernelTable {
  readonly target: Target;
  /** The layouts of weights that are not row-major, by name. */
  readonly layouts: ReadonlyMap<string, WeightLayout>;
  /** The weights that lie in a buffer with others, by name. */
  readonly packs: ReadonlyMap<string, WeightPack>;
  readonly elements: StoredElements;
  private readonly entries = new Map<string, KernelEntry>();
  private readonly names = new Map<string, number>();
  private readonly list: Kernel[] = [];
  private readonly attentions = new Map<
    string,
    { readonly entry: KernelEntry; readonly sizes: readonly Dimension[] }
  >();
  private readonly options: LoweringOptions;
  private readonly keys = new Map<Signature, string>();
  /** What regions share a kernel, by its key. */
  private readonly sharers = new Map<string, Sharers>();

  /** Only what the regions of `prepared` may run is lowered, and all that other regions may. */
  constructor(
    target: Target,
    elements: StoredElements,
    weights: Pick<Setting, "layouts" | "packs">,
    prepared: readonly PreparedPhase[] = [],
    options: LoweringOptions = {},
  ) {
    this.target = target;
    this.options = options;
    this.elements = elements;
    this.layouts = weights.layouts;
    this.packs = weights.packs;
    for (const each of prepared) {
      for (const { region, signature } of each.regions) {
        const key = this.keyOf(each, signature);
        const sharers = this.sharers.get(key) ?? { sizes: [], titles: new Set() };
        this.sharers.set(key, sharers);
        sharers.sizes.push(signature.sizes);
        sharers.titles.add(titleOf(each.phase.graph, region));
      }
    }
  }

  /** All kernels, in the order in which they were first needed; comments name all that they compute. */
  get kernels(): readonly Kernel[] {
    return this.list;
  }

  /** The calls that compute a region, which has that signature, one after another. */
  calls(prepared: PreparedPhase, region: Region, signature: Signature): readonly Call[] {
    const entry = this.entry(prepared, region, signature);
    const sizes = signature.sizes.map((size) => size.key).join();
    const sized =
      entry.sized.get(sizes) ?? entry.stages.map((stage) => sizedCall(stage, signature.sizes));
    entry.sized.set(sizes, sized);
    const sourceAt = (place: Place): BufferSource => {
      if (place === "partial") return { kind: "partial", value: region.root };
      const source = signature.sources[place.index];
      invariant(source !== undefined, "equal signatures have as many sources");
      if (place.scales && source.kind === "weight")
        return { kind: "weight", name: scalesOf(source.name) };
      return this.memory(source);
    };
    return sized.map((call, index) => {
      const places = entry.stages[index]?.places ?? [];
      return { ...call, sources: places.map(sourceAt) };
    });
  }

  /** The kernels of a region, which has that signature. */
  entry(prepared: PreparedPhase, region: Region, signature: Signature): KernelEntry {
    const key = this.keyOf(prepared, signature);
    const entry = this.entries.get(key) ?? this.lower(prepared, region, signature, key);
    this.entries.set(key, entry);
    if (region.kind === "attend")
      this.attentions.set(`${prepared.phase.name} ${region.root}`, {
        entry,
        sizes: signature.sizes,
      });
    return entry;
  }

  /** The schedule of an attention of that phase for these sizes; undefined if it has no kernel. */
  attentionSchedule(
    phase: string,
    root: ValueId,
    values: ReadonlyMap<string, number>,
  ): Schedule | undefined {
    const found = this.attentions.get(`${phase} ${root}`);
    if (found === undefined) return undefined;
    const sizes = new Map(
      found.sizes.map((size, index) => [sizeSymbol(index).key, evaluateDimension(size, values)]),
    );
    return found.entry.choices.find(
      ({ when }) => when === undefined || evaluateDimension(when.size, sizes) <= when.atMost,
    )?.schedule;
  }

  private lower(
    prepared: PreparedPhase,
    region: Region,
    signature: Signature,
    key: string,
  ): KernelEntry {
    const { graph } = prepared.phase;
    const shape = shapeKey(key);
    const dimension = (size: Dimension): Dimension => {
      const index = signature.sizes.findIndex((each) => equalDimensions(each, size));
      return index < 0 ? size : sizeSymbol(index);
    };
    const chosen = scheduleChoices(graph, dimension, region, this.target);
    const sharers = this.sharers.get(key);
    const mayRun = (each: ScheduleChoice): boolean =>
      sharers === undefined || sharers.sizes.some((some) => isReached(each, some));
    const { choose = (_, { schedule }) => schedule } = this.options;
    const choices = chosen.filter(mayRun).map((each) => ({
      ...each,
      schedule: choose({ shape, kind: region.kind }, each),
    }));
    const also = alsoComputed(sharers?.titles);
    const lowered = lowerRegion(
      {
        graph,
        stored: (value) => prepared.stored.has(value),
        dimension,
        layouts: this.layouts,
        packs: this.packs,
        storage: (source) => this.elements.of(prepared.phase.name, source),
      },
      region,
      choices.map((choice) => choice.schedule),
    ).map((made, index) => {
      const kernel = this.add(made.kernel, also, choices[index]?.suffix);
      return { ...made, kernel };
    });
    const stages = this.stages(signature, lowered, choices, also);
    return { shape, lowered, choices, stages, sized: new Map() };
  }

  /** Lists the kernel, under a name of its own. */
  private add(kernel: Kernel, also: readonly string[], suffix: string = ""): Kernel {
    const name = this.unique(`${kernel.name}${suffix}`);
    const named = { ...kernel, name, comment: [...kernel.comment, ...also] };
    this.list.push(named);
    this.options.made?.(named);
    return named;
  }

  private stages(
    signature: Signature,
    lowered: readonly Lowered[],
    choices: readonly ScheduleChoice[],
    also: readonly string[],
  ): readonly Stage[] {
    const [first] = lowered;
    invariant(first !== undefined, "a region has a kernel");
    const variants = lowered.map(({ kernel, groups, flops }, index): Variant => {
      const when = choices[index]?.when;
      return { kernel: kernel.name, groups, flops, ...(when === undefined ? {} : { when }) };
    });
    const stage = this.stage(signature, first, variants);
    const combine = lowered.find((each) => each.combine !== undefined)?.combine;
    if (combine === undefined) return [stage];
    const { name } = this.add(combine.lowered.kernel, also);
    const second = combineVariants(name, combine, lowered, variants);
    return [
      { ...stage, partial: partialSize(combine, variants) },
      this.stage(signature, combine.lowered, second),
    ];
  }

  private stage(
    signature: Signature,
    { kernel, bindings, scalars }: Lowered,
    variants: readonly Variant[],
  ): Stage {
    const places = bindings.map(({ source, parameter }): Place => {
      if (source.kind === "partial") return "partial";
      const index = signature.sources.findIndex((each) => sameSource(this.memory(each), source));
      if (index >= 0) return { index, scales: false };
      const weight = signature.sources.findIndex(
        (each) =>
          each.kind === "weight" &&
          sameSource({ kind: "weight", name: scalesOf(each.name) }, source),
      );
      invariant(weight >= 0, `a kernel binds ${parameter.name}, which its region does not read`);
      return { index: weight, scales: true };
    });
    return { variants, buffers: kernel.buffers, scalars, places };
  }

  /** The signature with what is particular to the target: how the weights lie, and as what. */
  private keyOf(prepared: PreparedPhase, signature: Signature): string {
    const before = this.keys.get(signature);
    if (before !== undefined) return before;
    const key = this.composeKey(prepared, signature);
    this.keys.set(signature, key);
    return key;
  }

  private composeKey({ phase }: PreparedPhase, { text, sources }: Signature): string {
    const storage = sources.map((each) => this.elements.of(phase.name, each));
    const buffers = sources.map((each) => sourceKey(this.memory(each)));
    const places = sources.map((each, index) => {
      if (each.kind !== "weight") return undefined;
      const [layout, pack] = [this.layouts.get(each.name), this.packs.get(each.name)];
      if (pack === undefined) return layout;
      return { layout, offset: pack.offset, buffer: buffers.indexOf(buffers[index] ?? "") };
    });
    const plain = places.every((each) => each === undefined);
    return [
      text,
      ...(plain ? [] : [JSON.stringify(places)]),
      ...(storage.every((each) => each === "f32") ? [] : [storage.join()]),
    ].join("\n");
  }

  /** The memory that is bound where a region reads `source`. */
  private memory(source: BufferSource): BufferSource {
    const pack = source.kind === "weight" ? this.packs.get(source.name) : undefined;
    return pack === undefined ? source : { kind: "weight", name: pack.buffer };
  }

  private unique(name: string): string {
    const count = (this.names.get(name) ?? 0) + 1;
    this.names.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  }
}

/** Lines of a comment that name what a kernel computes besides the first of `titles`. */
function alsoComputed(titles: ReadonlySet<string> = new Set()): readonly string[] {
  const [, ...others] = titles;
  const also = others.slice(0, mostTitles).map((title) => `also ${title}`);
  const rest = others.length - also.length;
  return rest > 0 ? [...also, `and ${rest} more`] : also;
}

/** Whether a choice may serve some rows of these sizes: the multiples of more than it takes never. */
function isReached({ when }: ScheduleChoice, sizes: readonly Dimension[]): boolean {
  if (when === undefined) return true;
  const actual = new Map(sizes.map((size, index) => [sizeSymbol(index).key, size] as const));
  return commonFactor(substitute(when.size, actual)) <= when.atMost;
}
