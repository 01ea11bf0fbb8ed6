/**
 * What is taken across invocations, as a device does it: by group memory and barriers, which every
 * device has, or by subgroups. Lowering says only what is taken; both forms have the same buffers,
 * scalars and groups, so a plan serves both, and a device gets the one that suits it.
 *
 * By subgroups, runs of a few invocations exchange registers, and a whole group adds up each subgroup,
 * then what its subgroups left in group memory, in their order: the same for every size of theirs.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { SubgroupRange } from "../../../runtime/contract.ts";
import * as build from "../build.ts";
import { isPowerOfTwo } from "../counts.ts";
import type { AcrossStatement, Expr, GroupArray, Kernel, Statement } from "../kernel.ts";
import { mapBlocks, someStatement, visitBody } from "../rewrite.ts";
import {
  across,
  assign,
  barrier,
  declare,
  loop,
  mutable,
  storeArray,
  tile as declareTile,
  tileAssign,
  tileEach,
  when,
} from "../statements.ts";
import { blocksInRegisters } from "./blocks.ts";
import { Names } from "./names.ts";

/** The least that a subgroup has on any device. */
const leastSubgroup = 4;

/** Runs of so few invocations are added up one by one. */
const few = 8;

/**
 * `kernel` with group memory in place of what is taken across invocations, and blocks in registers.
 */
export function throughMemory(kernel: Kernel): Kernel {
  return rewritten(blocksInRegisters(kernel), inMemory);
}

/** `kernel` for devices whose subgroups are within `subgroupsOf` it, blocks in registers. */
export function throughSubgroups(kernel: Kernel): Kernel {
  return rewritten(blocksInRegisters(kernel), inSubgroups);
}

/** Which sizes of subgroups `kernel` has a form for; undefined if it has none. */
export function subgroupsOf({ body, workgroupSize }: Kernel): SubgroupRange | undefined {
  const runs: number[] = [];
  visitBody(body, (each) => {
    if (each.kind === "across" && typeof each.sharers === "number") runs.push(each.sharers);
  });
  // Other groups are no multiple of every size in between.
  if (runs.length === 0 || !isPowerOfTwo(workgroupSize)) return undefined;
  const within = runs.filter((run) => run < workgroupSize);
  return { min: Math.max(leastSubgroup, ...within), max: workgroupSize };
}

/** A kernel being rewritten. */
interface Rewriting {
  readonly invocations: number;
  readonly names: Names;
  readonly arrays: GroupArray[];
}

type Rewrite = (statement: AcrossStatement, own: Own, kernel: Rewriting) => readonly Statement[];

function rewritten(kernel: Kernel, rewrite: Rewrite): Kernel {
  if (!someStatement(kernel.body, ({ kind }) => kind === "across")) return kernel;
  const names = new Names(kernel);
  const state: Rewriting = { invocations: kernel.workgroupSize, names, arrays: [] };
  const extents = tileExtents(kernel);
  const block = (body: readonly Statement[], isLoop: boolean): readonly Statement[] => {
    // Nobody may write in the next round before all have read.
    const isOpen = isLoop && body.every(({ kind }) => kind !== "barrier");
    return body.flatMap((each) => {
      if (each.kind !== "across")
        return [mapBlocks(each, (nested) => block(nested, isLoop || each.kind === "for"))];
      const statements = rewrite(each, ownOf(each, extents, names), state);
      const shares = statements.some(({ kind }) => kind === "barrier");
      return isOpen && shares ? [...statements, barrier] : statements;
    });
  };
  const body = block(kernel.body, false);
  return { ...kernel, body, arrays: [...kernel.arrays, ...state.arrays] };
}

/** The numbers of an invocation: one, or the elements of a tile. */
interface Own {
  readonly count: number;
  /** Does `use` with each of them and its index. */
  each(of: AcrossStatement["of"], use: (value: Expr, index: Expr) => Statement): Statement;
  /** Declares as many. */
  declare(name: string, value: (index: Expr) => Expr, changes?: boolean): Statement;
  change(name: string, value: (before: Expr, index: Expr) => Expr): Statement;
}

interface Extents {
  readonly rows: number;
  readonly columns: number;
}

function ownOf({ of }: AcrossStatement, extents: ReadonlyMap<string, Extents>, names: Names): Own {
  const first = build.int(0);
  if (typeof of !== "string") {
    const numberOf = (each: AcrossStatement["of"]): Expr =>
      typeof each === "string" ? build.variable(each, build.f32) : each;
    return {
      count: 1,
      each: (each, use) => use(numberOf(each), first),
      declare: (name, value, changes = false) => (changes ? mutable : declare)(name, value(first)),
      change: (name, value) => assign(name, value(build.variable(name, build.f32), first)),
    };
  }
  const tile = extents.get(of);
  invariant(tile !== undefined, `across: tile \`${of}\` is not declared`);
  const { rows, columns } = tile;
  const place = () => {
    const [row, column] = [names.fresh("row"), names.fresh("column")];
    const index = build.add(build.multiply(build.variable(row), columns), build.variable(column));
    return { row, column, index };
  };
  return {
    count: rows * columns,
    each: (each, use) => {
      invariant(typeof each === "string", "across: a tile by its name");
      const { row, column, index } = place();
      return tileEach(each, row, column, [use(build.element(each), index)]);
    },
    declare: (name, value) => {
      const { row, column, index } = place();
      return declareTile(name, rows, columns, value(index), row, column);
    },
    change: (name, value) => {
      const { row, column, index } = place();
      return tileAssign(name, value(build.element(name), index), row, column);
    },
  };
}

function tileExtents({ body }: Kernel): ReadonlyMap<string, Extents> {
  const found = new Map<string, Extents>();
  visitBody(body, (each) => {
    if (each.kind === "tile") found.set(each.name, each);
    const source = each.kind === "tile_reduce" ? found.get(each.source) : undefined;
    if (each.kind === "tile_reduce" && source !== undefined)
      found.set(each.name, { rows: source.rows, columns: 1 });
    const same =
      each.kind === "across" && typeof each.of === "string" ? found.get(each.of) : undefined;
    if (each.kind === "across" && same !== undefined) found.set(each.name, same);
  });
  return found;
}

function combining(fn: AcrossStatement["fn"]): (left: Expr, right: Expr) => Expr {
  return (left, right) => (fn === "sum" ? build.add(left, right) : build.maximum(left, right));
}

/** By halves, always in the same order; of a few sharers each adds up all. */
function inMemory(
  { name, of, fn, sharers }: AcrossStatement,
  own: Own,
  { invocations, names, arrays }: Rewriting,
): readonly Statement[] {
  invariant(sharers !== "subgroup", "across: subgroups need no group memory");
  const { invocation } = build;
  const array = names.fresh(`${name}_shares`);
  arrays.push({ name: array, element: "f32", length: own.count * invocations });
  const at = (index: Expr, who: Expr): Expr =>
    build.loadArray(array, build.add(build.multiply(index, invocations), who));
  const keep = (index: Expr, value: Expr): Statement =>
    storeArray(array, build.add(build.multiply(index, invocations), invocation), value);
  const isWhole = sharers === invocations;
  const first = isWhole
    ? build.int(0)
    : build.multiply(build.quotient(invocation, sharers), sharers);
  const combine = combining(fn);
  const out = [own.each(of, (value, index) => keep(index, value)), barrier];
  if (sharers <= few) {
    const all = (index: Expr): Expr =>
      Array.from({ length: sharers }, (_, i) => at(index, build.add(first, i))).reduce(combine);
    return [...out, own.declare(name, all)];
  }
  const place = isWhole ? invocation : build.remainder(invocation, sharers);
  for (let left = sharers; left > 1; left = Math.ceil(left / 2)) {
    const half = Math.ceil(left / 2);
    const step = own.each(of, (_, index) =>
      keep(index, combine(at(index, invocation), at(index, build.add(invocation, half)))),
    );
    out.push(when(build.less(place, left - half), [step]), barrier);
  }
  return [...out, own.declare(name, (index) => at(index, first))];
}

/** Runs exchange registers; a group does so in each subgroup, then adds these up in their order. */
function inSubgroups(
  statement: AcrossStatement,
  own: Own,
  { invocations, names, arrays }: Rewriting,
): readonly Statement[] {
  const { name, of, fn, sharers } = statement;
  if (sharers !== invocations) return [statement];
  const { invocation, subgroupSize } = build;
  const [part, array, number] = [
    names.fresh(`${name}_part`),
    names.fresh(`${name}_shares`),
    names.fresh("subgroup_number"),
  ];
  const most = Math.ceil(invocations / leastSubgroup);
  arrays.push({ name: array, element: "f32", length: own.count * most });
  const place = (index: Expr, which: Expr): Expr => build.add(build.multiply(index, most), which);
  const combine = combining(fn);
  const mine = build.quotient(invocation, subgroupSize);
  const isFirst = build.equal(build.remainder(invocation, subgroupSize), 0);
  const next = own.change(name, (before, index) =>
    combine(before, build.loadArray(array, place(index, build.variable(number)))),
  );
  return [
    across(part, of, fn, "subgroup"),
    when(isFirst, [own.each(part, (value, index) => storeArray(array, place(index, mine), value))]),
    barrier,
    own.declare(name, (index) => build.loadArray(array, place(index, build.int(0))), true),
    loop(number, 1, build.quotient(build.int(invocations), subgroupSize), [next]),
  ];
}
