/**
 * Checks the invariants at the head of `kernel.ts`. A violation is our own mistake: the message names
 * the kernel, what is wrong, and shows the statement.
 */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import type {
  AcrossStatement,
  Expr,
  Kernel,
  KernelType,
  MatrixStatement,
  MemoryElement,
  Statement,
  TileStatement,
} from "./kernel.ts";
import { f32, i32, warpSize } from "./kernel.ts";
import { isPowerOfTwo } from "./counts.ts";
import { pieceLength } from "./memory.ts";
import { blocksInRegisters } from "./passes/blocks.ts";
import { printExpr, printStatement } from "./print.ts";
import { childrenOf, declaredBy, expressionsOf, reads, someStatement } from "./rewrite.ts";
import { sameType, typeError, wants } from "./types.ts";
import { divergentBarrier, divergentTile } from "./uniform.ts";
import { matrixError, type Tile, warpProductError } from "./verify-warp.ts";

interface Variable {
  readonly type: KernelType;
  readonly mutable: boolean;
}

/**
 * One walk over a kernel. Names are unique, so what is in scope is one map per kind of thing: a block
 * takes back what it declared when it ends.
 */
class Checker {
  readonly kernel: Kernel;
  readonly buffers: ReadonlyMap<string, Kernel["buffers"][number]>;
  readonly arrays: ReadonlyMap<string, Kernel["arrays"][number]>;
  private readonly names = new Set<string>();
  private readonly variables = new Map<string, Variable>();
  private readonly tiles = new Map<string, Tile>();
  private readonly matrices = new Set<string>();
  /** The extents of the tile statement around the expression, if any. */
  private extents: Tile | undefined;
  private statement: Statement | undefined;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.buffers = new Map(kernel.buffers.map((each) => [each.name, each]));
    this.arrays = new Map(kernel.arrays.map((each) => [each.name, each]));
  }

  check(condition: unknown, message: () => string): asserts condition {
    if (condition) return;
    const place =
      this.statement === undefined ? "" : `, in\n${shorten(printStatement(this.statement))}`;
    invariant(false, `kernel ${this.kernel.name}: ${message()}${place}`);
  }

  run(): void {
    const { kernel } = this;
    this.check(/^[A-Za-z_]\w*$/.test(kernel.name), () => `\`${kernel.name}\` is not a word`);
    this.check(isCount(kernel.workgroupSize), () => "workgroupSize is not a positive number");
    const { residentGroups = 1 } = kernel;
    this.check(isCount(residentGroups), () => "residentGroups is not a positive number");
    for (const { name } of kernel.buffers) this.declare(name);
    for (const name of kernel.scalars) this.declare(name);
    const wholeWarps = kernel.tiles !== "warp" || kernel.workgroupSize % warpSize === 0;
    this.check(wholeWarps, () => "warps with tiles are whole");
    for (const { name, element, length, rowLength = length } of kernel.arrays) {
      this.declare(name);
      this.check(isCount(length), () => `array \`${name}\` has length ${length}`);
      const pieces = rowLength === length || rowLength % pieceLength(element) === 0;
      this.check(pieces, () => `rows of \`${name}\` are not whole pieces of 16 bytes`);
    }
    for (const name of kernel.scalars) this.variables.set(name, { type: i32, mutable: false });
    this.block(kernel.body);
    this.statement = divergentBarrier(kernel);
    this.check(
      this.statement === undefined,
      () => "not all invocations reach this barrier together",
    );
    this.statement = divergentTile(kernel);
    this.check(this.statement === undefined, () => "not the same for all invocations of a warp");
  }

  private declare(name: string): void {
    this.check(/^[A-Za-z_]\w*$/.test(name), () => `\`${name}\` is not a word`);
    this.check(!this.names.has(name), () => `\`${name}\` is declared twice`);
    this.names.add(name);
  }

  private block(body: readonly Statement[]): void {
    for (const statement of body) {
      this.statement = statement;
      this.visit(statement);
    }
    for (const statement of body) {
      for (const name of declaredBy(statement)) {
        this.variables.delete(name);
        this.tiles.delete(name);
        this.matrices.delete(name);
      }
    }
  }

  private visit(statement: Statement): void {
    switch (statement.kind) {
      case "let":
      case "var": {
        this.expression(statement.value);
        this.declare(statement.name);
        const mutable = statement.kind === "var";
        this.variables.set(statement.name, { type: statement.value.type, mutable });
        return;
      }
      case "assign": {
        const target = this.variables.get(statement.name);
        this.check(target !== undefined, () => `\`${statement.name}\` is not declared`);
        this.check(target.mutable, () => `\`${statement.name}\` is not a \`var\``);
        this.expression(statement.value);
        this.expect(statement.value, target.type);
        return;
      }
      case "store":
      case "store_array":
        this.store(statement);
        return;
      case "for":
        this.loop(statement);
        return;
      case "if":
        this.expression(statement.condition);
        this.expect(statement.condition, { scalar: "bool", lanes: 1 });
        this.block(statement.then);
        this.block(statement.otherwise);
        return;
      case "barrier":
        this.check(this.extents === undefined, () => "a barrier inside a tile statement");
        return;
      case "across":
        this.across(statement);
        return;
      case "block_product":
        this.check(false, () => "a block is no place to look into");
        return;
      case "matrix":
      case "matrix_multiply":
      case "matrix_store":
        this.matrix(statement);
        return;
      case "copy_async":
        this.copy(statement);
        return;
      case "commit_copies":
      case "wait_copies":
        return;
      default:
        this.check(this.extents === undefined, () => "a tile statement inside another");
        this.tile(statement);
    }
  }

  private across({ name, of, sharers }: AcrossStatement): void {
    const { workgroupSize, tiles } = this.kernel;
    this.check(this.extents === undefined, () => "invocations meet inside a tile statement");
    this.check(tiles === undefined, () => "a warp's tile is no invocation's");
    const isRun =
      sharers === "subgroup" ||
      sharers === workgroupSize ||
      (isPowerOfTwo(sharers) && workgroupSize % sharers === 0);
    this.check(isRun, () => `${sharers} invocations share what ${workgroupSize} have`);
    if (typeof of === "string") {
      this.tiles.set(name, this.tileNamed(of));
    } else {
      this.expression(of);
      this.expect(of, { ...f32, lanes: of.type.lanes });
      this.variables.set(name, { type: of.type, mutable: false });
    }
    this.declare(name);
  }

  private copy(statement: Extract<Statement, { kind: "copy_async" }>): void {
    for (const each of expressionsOf(statement)) this.expression(each);
    this.expect(statement.index, i32);
    this.expect(statement.source, i32);
    this.expect(statement.valid, { scalar: "bool", lanes: 1 });
    const [from, to] = [this.buffers.get(statement.buffer), this.arrays.get(statement.array)];
    this.check(from !== undefined && to !== undefined, () => "a copy of what is not declared");
    this.check(from.access !== "write", () => `\`${from.name}\` is only written`);
    this.check(from.element === to.element, () => "a copy cannot change the element");
    this.check(this.extents === undefined, () => "a copy inside a tile statement");
  }

  private store(statement: Extract<Statement, { kind: "store" | "store_array" }>): void {
    for (const each of expressionsOf(statement)) this.expression(each);
    this.expect(statement.index, i32);
    const isBuffer = statement.kind === "store";
    const name = isBuffer ? statement.buffer : statement.array;
    const target = isBuffer ? this.buffers.get(name) : this.arrays.get(name);
    this.check(target !== undefined, () => `\`${name}\` is not declared`);
    this.element(target.element, statement.value.type, name);
    const access = isBuffer ? this.buffers.get(name)?.access : "write";
    this.check(access !== "read", () => `\`${name}\` is only read`);
  }

  private loop(statement: Extract<Statement, { kind: "for" }>): void {
    const ends = [statement.to, statement.step];
    for (const each of expressionsOf(statement)) {
      this.expression(each);
      this.expect(each, i32);
    }
    const { step } = statement;
    this.check(step.kind !== "const" || step.value > 0, () => "the step is not positive");
    const changes = someStatement(
      statement.body,
      (each) => each.kind === "assign" && ends.some((end) => reads(end, each.name)),
    );
    this.check(!changes, () => "the loop changes its own end or step");
    this.declare(statement.variable);
    this.variables.set(statement.variable, { type: i32, mutable: false });
    this.block(statement.body);
  }

  private tile(statement: TileStatement): void {
    switch (statement.kind) {
      case "tile": {
        const tile = { rows: statement.rows, columns: statement.columns };
        const counts = isCount(tile.rows) && isCount(tile.columns);
        this.check(counts, () => `a tile of ${tile.rows}×${tile.columns}`);
        this.inside(statement, tile, () => this.tileValue(statement.value));
        this.declare(statement.name);
        this.tiles.set(statement.name, tile);
        return;
      }
      case "tile_assign":
        this.inside(statement, this.tileNamed(statement.name), () =>
          this.tileValue(statement.value),
        );
        return;
      case "tile_multiply":
        this.check(this.kernel.tiles === undefined, () => "warps multiply with `warp_multiply`");
        this.product(statement);
        return;
      case "warp_multiply":
        this.warpProduct(statement);
        return;
      case "tile_reduce": {
        const { rows } = this.tileNamed(statement.source);
        this.declare(statement.name);
        this.tiles.set(statement.name, { rows, columns: 1 });
        return;
      }
      case "tile_each":
        this.inside(statement, this.tileNamed(statement.tile), () => this.block(statement.body));
        return;
      default:
        unreachable(statement);
    }
  }

  private tileValue(value: Expr): void {
    this.expression(value);
    this.expect(value, f32);
  }

  private product(statement: Extract<Statement, { kind: "tile_multiply" }>): void {
    const target = this.tileNamed(statement.target);
    const left = this.tileNamed(statement.left);
    const right = this.tileNamed(statement.right);
    const fits = target.rows === left.rows && target.columns === right.columns;
    this.check(fits && left.columns === right.rows, () => "extents of a product do not fit");
    const itself = statement.target === statement.left || statement.target === statement.right;
    this.check(!itself, () => "the target of a product is one of its factors");
  }

  private warpProduct(statement: Extract<Statement, { kind: "warp_multiply" }>): void {
    this.indices(statement);
    const wrong = warpProductError(statement, this.kernel, (name) => this.tileNamed(name));
    this.check(wrong === undefined, () => wrong ?? "");
  }

  private indices(statement: Statement): void {
    for (const each of expressionsOf(statement)) {
      this.expression(each);
      this.expect(each, i32);
    }
  }

  private matrix(statement: MatrixStatement): void {
    this.check(this.extents === undefined, () => "a matrix inside a tile statement");
    this.indices(statement);
    for (const name of declaredBy(statement)) {
      this.declare(name);
      this.matrices.add(name);
    }
    const wrong = matrixError(statement, this.kernel, this.matrices);
    this.check(wrong === undefined, () => wrong ?? "");
  }

  /** Runs `check` with row and column in scope; they may be named like another statement's. */
  private inside(
    { row, column }: { readonly row: string; readonly column: string },
    extents: Tile,
    check: () => void,
  ): void {
    this.check(row !== column, () => `row and column are both \`${row}\``);
    for (const name of [row, column]) {
      this.check(!this.names.has(name), () => `\`${name}\` is declared twice`);
      this.variables.set(name, { type: i32, mutable: false });
    }
    this.extents = extents;
    check();
    this.extents = undefined;
    for (const name of [row, column]) this.variables.delete(name);
  }

  private tileNamed(name: string): Tile {
    const tile = this.tiles.get(name);
    this.check(tile !== undefined, () => `tile \`${name}\` is not declared`);
    return tile;
  }

  private expect(expr: Expr, type: KernelType): void {
    const wrong = wants(expr.type, type.scalar, type.lanes);
    this.check(wrong === undefined, () => `\`${shorten(printExpr(expr))}\` ${wrong}`);
  }

  private element(stored: MemoryElement, type: KernelType, name: string): void {
    const fits = stored === "i32" ? type.scalar !== "f32" : type.scalar === "f32";
    this.check(fits, () => `\`${name}\` holds ${stored}, not ${type.scalar}`);
  }

  private expression(expr: Expr): void {
    for (const part of childrenOf(expr)) this.expression(part);
    const wrong = typeError(expr);
    this.check(wrong === undefined, () => `\`${shorten(printExpr(expr))}\`: ${wrong}`);
    switch (expr.kind) {
      case "var": {
        const found = this.variables.get(expr.name);
        this.check(found !== undefined, () => `\`${expr.name}\` is not declared`);
        this.check(sameType(found.type, expr.type), () => `\`${expr.name}\` has another type`);
        return;
      }
      case "load": {
        const buffer = this.buffers.get(expr.buffer);
        this.check(buffer !== undefined, () => `buffer \`${expr.buffer}\` is not declared`);
        this.check(buffer.access !== "write", () => `\`${expr.buffer}\` is only written`);
        this.element(buffer.element, expr.type, expr.buffer);
        return;
      }
      case "load_array": {
        const array = this.arrays.get(expr.array);
        this.check(array !== undefined, () => `array \`${expr.array}\` is not declared`);
        this.element(array.element, expr.type, expr.array);
        return;
      }
      case "element": {
        const tile = this.tileNamed(expr.tile);
        const { extents } = this;
        this.check(extents !== undefined, () => "`element` outside a tile statement");
        const rows = tile.rows === 1 || tile.rows === extents.rows;
        const columns = tile.columns === 1 || tile.columns === extents.columns;
        this.check(rows && columns, () => `tile \`${expr.tile}\` does not fit`);
        return;
      }
      default:
    }
  }
}

/** Throws unless `kernel` keeps every invariant of the IR. */
export function verifyKernel(kernel: Kernel): void {
  // What a block means is what it becomes.
  new Checker(blocksInRegisters(kernel)).run();
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}

function shorten(text: string): string {
  return text.length > 400 ? `${text.slice(0, 400)} …` : text;
}
