/**
 * Names what is computed more than once, and takes out of loops what does not change in them.
 *
 * Expressions are pure, so a value may be computed earlier and once, as long as nothing it reads
 * changes between: variables that are assigned and memory that is written have versions. An
 * expression without loads moves out of loops up to where its variables are declared (printers let a
 * division by zero pass); loads stay where they are, since they might be out of range where they were
 * not reached. Names that nothing reads any more are dropped.
 * Needs a kernel without tiles but those of warps; leaves one where address arithmetic is shared between unrolled
 * statements.
 */

import { invariant } from "../../../grammar/invariant.ts";
import { variable } from "../build.ts";
import { Interner } from "../intern.ts";
import type { Expr, Kernel, Statement } from "../kernel.ts";
import { childrenOf, mapChildren, mapExpressions, someExpr } from "../rewrite.ts";
import { kindOf, Names, wordOf } from "./names.ts";
import { dropUnused } from "./unused.ts";
import { Versions } from "./versions.ts";

/** `kernel` with shared values named; it computes the same. */
export function share(kernel: Kernel): Kernel {
  const versions = new Versions(kernel);
  const interner = new Interner(versions);
  const counter = new Walk(kernel, versions, interner);
  counter.run();
  versions.restart();
  const writer = new Walk(kernel, versions, interner, counter);
  return dropUnused({ ...kernel, body: writer.run() });
}

/** A block being walked: what it declares, and, when writing, what it has become so far. */
interface Block {
  readonly number: number;
  readonly isLoop: boolean;
  /** The values met so far that are computed in it, by their numbers. */
  readonly values: Map<number, Value>;
  readonly out: Statement[];
}

interface Value {
  uses: number;
  /** Whether it is used in a loop inside the block where it is computed. */
  moved: boolean;
  /** What stands for it from now on. */
  written: Expr | undefined;
}

/**
 * One walk over the kernel. The first only counts, for each value, the uses in the block where it
 * would be computed; the second knows which values get a name and rewrites. Both meet the same
 * blocks and versions in the same order, so their numbers agree.
 */
class Walk {
  private readonly kernel: Kernel;
  private readonly counted: Walk | undefined;
  /** Names that became another name for the same value. */
  private readonly aliases = new Map<string, Expr>();
  /** All blocks, by their numbers. */
  private readonly all: Block[] = [];
  /** Those around, outermost first. */
  private readonly blocks: Block[] = [];
  private readonly depths = new Map<string, number>();
  /** What `earliest` has found. */
  private readonly depthOf: Map<Expr, number>;
  private readonly versions: Versions;
  private readonly interner: Interner;
  private readonly names: Names;

  constructor(kernel: Kernel, versions: Versions, interner: Interner, counted?: Walk) {
    this.kernel = kernel;
    this.counted = counted;
    this.versions = versions;
    this.interner = interner;
    this.names = counted?.names ?? new Names(kernel);
    // Both walks find the same.
    this.depthOf = counted?.depthOf ?? new Map();
  }

  run(): readonly Statement[] {
    for (const name of this.kernel.scalars) this.depths.set(name, 0);
    return this.block(this.kernel.body, false);
  }

  private block(
    body: readonly Statement[],
    isLoop: boolean,
    ...bound: readonly string[]
  ): readonly Statement[] {
    const block: Block = { number: this.all.length, isLoop, values: new Map(), out: [] };
    this.all.push(block);
    this.blocks.push(block);
    for (const name of bound) this.depths.set(name, this.blocks.length - 1);
    for (const statement of body) block.out.push(this.statement(statement));
    this.blocks.pop();
    return block.out;
  }

  private statement(statement: Statement): Statement {
    const depth = this.blocks.length - 1;
    // The end of a loop is read before each round.
    if (statement.kind === "for" || statement.kind === "tile_each") this.versions.enter(statement);
    if (statement.kind === "let") this.interner.define(statement.name, statement.value);
    const changed = this.ownExpressions(statement, depth);
    this.versions.pass(statement);
    switch (changed.kind) {
      case "var":
      case "across":
        this.depths.set(changed.name, depth);
        return changed;
      case "for": {
        const body = this.block(changed.body, true, changed.variable);
        this.versions.leave(statement);
        return { ...changed, body };
      }
      case "tile_each": {
        const body = this.block(changed.body, true, changed.row, changed.column);
        this.versions.leave(statement);
        return { ...changed, body };
      }
      case "if": {
        const then = this.block(changed.then, false);
        const otherwise = this.block(changed.otherwise, false);
        this.versions.leave(statement);
        return { ...changed, then, otherwise };
      }
      default:
        return changed;
    }
  }

  private ownExpressions(statement: Statement, depth: number): Statement {
    switch (statement.kind) {
      case "let":
        return { ...statement, value: this.definition(statement.name, statement.value, depth) };
      case "tile":
      case "tile_assign": {
        const at = new Set([statement.row, statement.column]);
        return mapExpressions(statement, (expr) => this.elementValue(expr, at, depth));
      }
      default:
        return mapExpressions(statement, (expr) => this.expression(expr, depth));
    }
  }

  /** The value of a warp's tile: only what is the same for all elements can have a name. */
  private elementValue(expr: Expr, at: ReadonlySet<string>, depth: number): Expr {
    const differs = someExpr(
      expr,
      (part) => part.kind === "element" || (part.kind === "var" && at.has(part.name)),
    );
    if (!differs) return this.expression(expr, depth);
    return mapChildren(expr, (part) => this.elementValue(part, at, depth));
  }

  /** The value of a `let`, whose own name serves where the value needs one. */
  private definition(name: string, value: Expr, depth: number): Expr {
    if (isFree(value)) {
      this.depths.set(name, this.placeOf(value, depth));
      const changed = this.expression(value, depth);
      const isFixed = value.kind === "var" && this.versions.of(value.name) === undefined;
      if (isFixed || value.kind === "const") this.aliases.set(name, changed);
      return changed;
    }
    const id = this.interner.idOf(value);
    const place = this.sharedPlace(id, this.placeOf(value, depth));
    this.depths.set(name, place);
    const isNamed = this.isNamed(id, place);
    const met = this.valueOf(id, place);
    if (isNamed && met.written === undefined && place === depth) {
      met.written = variable(name, value.type);
      return this.parts(value, depth);
    }
    const changed = this.used(value, id, place, depth);
    if (isNamed) this.aliases.set(name, changed);
    return changed;
  }

  /** The block around that has met the value with that number already, or `place` itself. */
  private sharedPlace(id: number, place: number): number {
    for (let at = place - 1; at >= 0; at--) {
      if (this.blocks[at]?.values.has(id)) return at;
    }
    return place;
  }

  /** Counts or rewrites `expr`, which is used in the block at `depth`. */
  private expression(expr: Expr, depth: number): Expr {
    if (expr.kind === "var") return this.aliases.get(expr.name) ?? expr;
    if (isFree(expr)) return this.parts(expr, depth);
    const id = this.interner.idOf(expr);
    return this.used(expr, id, this.sharedPlace(id, this.placeOf(expr, depth)), depth);
  }

  /** `expr` with its parts counted or rewritten. */
  private parts(expr: Expr, depth: number): Expr {
    return mapChildren(expr, (part) => this.expression(part, depth));
  }

  /** The same where its number and the block that computes it are known. */
  private used(expr: Expr, id: number, place: number, depth: number): Expr {
    const value = this.valueOf(id, place);
    if (this.counted !== undefined) return this.rewrite(expr, value, id, place);
    value.uses++;
    value.moved ||= place < depth;
    if (value.uses === 1) for (const part of childrenOf(expr)) this.expression(part, place);
    return expr;
  }

  /** The value with that number, computed in the block at `place`. */
  private valueOf(id: number, place: number): Value {
    const { values } = this.blockAt(place);
    const before = values.get(id);
    if (before !== undefined) return before;
    const value = { uses: 0, moved: false, written: undefined };
    values.set(id, value);
    return value;
  }

  /** Whether it is worth a name: it is used twice, or computed outside a loop that uses it. */
  private isNamed(id: number, place: number): boolean {
    const value = this.counted?.all[this.blockAt(place).number]?.values.get(id);
    return value !== undefined && (value.uses > 1 || value.moved);
  }

  private rewrite(expr: Expr, met: Value, id: number, place: number): Expr {
    if (met.written !== undefined) return met.written;
    const value = this.parts(expr, place);
    if (!this.isNamed(id, place)) return value;
    const word = wordOf(value);
    const name = word === undefined ? this.names.numbered(kindOf(value)) : this.names.fresh(word);
    this.blockAt(place).out.push({ kind: "let", name, value });
    met.written = variable(name, value.type);
    return met.written;
  }

  private blockAt(place: number): Block {
    const block = this.blocks[place];
    invariant(block !== undefined, "share: a value is computed in no block");
    return block;
  }

  /**
   * The depth of the block where `expr`, used at `depth`, is computed: just outside the outermost loop
   * that leaves it alone, even if an `if` stands between, since once is less than every round.
   */
  private placeOf(expr: Expr, depth: number): number {
    for (let at = this.earliest(expr) + 1; at <= depth; at++) {
      if (this.blocks[at]?.isLoop) return at - 1;
    }
    return depth;
  }

  /** The depth at which all that `expr` reads is there for good; none if it reads what changes. */
  private earliest(expr: Expr): number {
    const before = this.depthOf.get(expr);
    if (before !== undefined) return before;
    const found = this.findEarliest(expr);
    this.depthOf.set(expr, found);
    return found;
  }

  private findEarliest(expr: Expr): number {
    if (expr.kind === "load" || expr.kind === "load_array" || expr.kind === "element") {
      return Infinity;
    }
    if (expr.kind === "var") {
      const changes = this.versions.of(expr.name) !== undefined;
      return changes ? Infinity : (this.depths.get(expr.name) ?? Infinity);
    }
    let latest = 0;
    for (const part of childrenOf(expr)) latest = Math.max(latest, this.earliest(part));
    return latest;
  }
}

/** Expressions that cost nothing to repeat. */
function isFree(expr: Expr): boolean {
  if (expr.kind === "const" || expr.kind === "var" || expr.kind === "builtin") return true;
  return expr.kind === "lane" && isFree(expr.operand);
}
