/**
 * The kernels of a plan: each region's signature is lowered once, and names are unique over all
 * phases, so that equal layers and equal phases share their kernels.
 */

import { invariant } from "../../grammar/invariant.ts";
import type { DispatchVariant, Size } from "../../runtime/contract.ts";
import type { BufferSource, Region } from "../fusion/region.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { lowerRegion } from "../kernel/lower/lower.ts";
import { type Family, type Lowered, schedules } from "../kernel/lower/schedule.ts";
import { type ScheduleChoice, scheduleChoices } from "../kernel/schedule/choose.ts";
import { type Dimension, equalDimensions, substitute } from "../op/dimension.ts";
import { sameSource, type Signature, signatureOf, sizeSymbol } from "./signature.ts";
import { sizeOf } from "./size.ts";

/** A call of a kernel, its buffers not yet named. */
export interface Call {
  readonly variants: readonly DispatchVariant[];
  /** In the order of the kernel's buffers. */
  readonly sources: readonly BufferSource[];
  /** Whether the kernel writes the buffer. */
  readonly writes: readonly boolean[];
  readonly scalars: readonly Size[];
}

interface Entry {
  readonly signature: Signature;
  readonly lowered: readonly Lowered[];
  readonly choices: readonly ScheduleChoice[];
}

/** Lowers regions and remembers what it lowered. */
export class KernelTable {
  readonly family: Family;
  private readonly entries = new Map<string, Entry>();
  private readonly names = new Map<string, number>();
  private readonly list: Kernel[] = [];

  constructor(family: Family) {
    this.family = family;
  }

  /** All kernels, in the order in which they were first needed. */
  get kernels(): readonly Kernel[] {
    return this.list;
  }

  /** The call that computes a region. */
  call(graph: Graph, stored: (value: ValueId) => boolean, region: Region): Call {
    const signature = signatureOf(graph, stored, region);
    const entry = this.entries.get(signature.text) ?? this.lower(graph, stored, region, signature);
    const [first] = entry.lowered;
    invariant(first !== undefined, "a region has a kernel");
    const actual = new Map(
      signature.sizes.map((size, index) => [sizeSymbol(index).key, size] as const),
    );
    const planned = (size: Dimension): Size => sizeOf(substitute(size, actual));
    const variants = entry.lowered.map((lowered, index) => {
      const when = entry.choices[index]?.when;
      const call = {
        kernel: lowered.kernel.name,
        groups: planned(lowered.groups),
        flops: planned(lowered.flops),
      };
      if (when === undefined) return call;
      return { when: { size: planned(when.size), atMost: when.atMost }, ...call };
    });
    const sources = first.bindings.map((binding) => {
      const place = entry.signature.sources.findIndex((each) => sameSource(each, binding.source));
      const source = signature.sources[place];
      invariant(
        source !== undefined,
        `the kernel ${first.kernel.name} binds what it does not read`,
      );
      return source;
    });
    return {
      variants,
      sources,
      writes: first.kernel.buffers.map((buffer) => buffer.access !== "read"),
      scalars: first.scalars.map(planned),
    };
  }

  private lower(
    graph: Graph,
    stored: (value: ValueId) => boolean,
    region: Region,
    signature: Signature,
  ): Entry {
    const dimension = (size: Dimension): Dimension => {
      const index = signature.sizes.findIndex((each) => equalDimensions(each, size));
      return index < 0 ? size : sizeSymbol(index);
    };
    const choices = scheduleChoices(graph, dimension, region, schedules[this.family]);
    const lowered = lowerRegion(
      graph,
      stored,
      dimension,
      region,
      choices.map((choice) => choice.schedule),
    ).map((made, index) => {
      const suffix = choices[index]?.suffix ?? "";
      const kernel = { ...made.kernel, name: this.unique(`${made.kernel.name}${suffix}`) };
      this.list.push(kernel);
      return { ...made, kernel };
    });
    const entry = { signature, lowered, choices };
    this.entries.set(signature.text, entry);
    return entry;
  }

  private unique(name: string): string {
    const count = (this.names.get(name) ?? 0) + 1;
    this.names.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  }
}
