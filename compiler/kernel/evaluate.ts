/**
 * Runs a kernel: the definition of kernel IR. A code generator that disagrees with this is wrong.
 *
 * The kernel becomes closures once; then every group runs, its invocations one after another up to
 * each barrier. Every access is checked (see
 * `memory.ts`), barriers must be reached by all invocations together, and f32 is rounded at each
 * operation. `fma` rounds once here; targets may round its product, too.
 */

import { InvariantError, invariant, unreachable } from "../../grammar/invariant.ts";
import { Expressions, type Frame, type TilePlace } from "./evaluate-expression.ts";
import {
  Copies,
  type Factor,
  finishCopies,
  oncePerWarp,
  sliceFactor,
  startCopy,
  tileFactor,
  warpProduct,
} from "./evaluate-warp.ts";
import { matrixAction } from "./evaluate-matrix.ts";
import { addRounded, exchanging, type Meeting } from "./evaluate-across.ts";
import type {
  AcrossStatement,
  ArraySlice,
  Expr,
  Kernel,
  MemoryElement,
  Statement,
  TileStatement,
} from "./kernel.ts";
import {
  bufferMemory,
  type CheckedMemory,
  type Clock,
  groupMemory,
  pieceLength,
} from "./memory.ts";
import { blocksInRegisters } from "./passes/blocks.ts";
import { hasMeeting } from "./uniform.ts";

/**
 * What a kernel runs on: the memory of each buffer and the value of each scalar, by name. 16-bit
 * floats are bit patterns.
 */
export interface Launch {
  readonly groups: number;
  readonly buffers: Readonly<Record<string, Float32Array | Int32Array | Uint16Array>>;
  readonly scalars?: Readonly<Record<string, number>>;
  /** Invocations of a subgroup, for kernels that have any (`throughSubgroups`). */
  readonly subgroupSize?: number;
}

const arrayOf = {
  f32: Float32Array,
  i32: Int32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
} as const satisfies Record<MemoryElement, unknown>;

type Action = (frame: Frame) => void;
type Steps = (frame: Frame) => Generator<Meeting, void>;

/** Runs all groups of `kernel`; the buffers of `launch` are changed in place. */
export function evaluateKernel(given: Kernel, launch: Launch): void {
  const kernel = blocksInRegisters(given);
  const clock: Clock = { group: -1, stretch: 0 };
  const memory = new Map<string, CheckedMemory>();
  for (const each of kernel.buffers) {
    const values = launch.buffers[each.name];
    invariant(values !== undefined, `kernel ${kernel.name}: no memory for \`${each.name}\``);
    invariant(
      values instanceof arrayOf[each.element],
      `kernel ${kernel.name}: \`${each.name}\` has the wrong element type`,
    );
    memory.set(each.name, bufferMemory(kernel, each, values, clock));
  }
  for (const each of kernel.arrays) memory.set(each.name, groupMemory(kernel.name, each, clock));
  const compiler = new Compiler(kernel, memory);
  const scalars = kernel.scalars.map((name, index): readonly [number, number] => {
    const value = launch.scalars?.[name];
    invariant(value !== undefined, `kernel ${kernel.name}: no value for \`${name}\``);
    const of = kernel.factors?.[index] ?? 1;
    invariant(
      value % of === 0,
      `kernel ${kernel.name}: ${name} = ${value} is no multiple of ${of}`,
    );
    return [compiler.slotOf(name), value];
  });
  const steps = compiler.steps(kernel.body);
  for (let group = 0; group < launch.groups; group++) {
    clock.group = group;
    const { subgroupSize = Number.NaN } = launch;
    const frames = Array.from({ length: kernel.workgroupSize }, (_, invocation): Frame => {
      const slots = new Float64Array(compiler.size);
      for (const [slot, value] of scalars) slots[slot] = value;
      return { slots, group, invocation, copies: new Copies(), subgroupSize };
    });
    runGroup(kernel, frames, steps, clock);
  }
}

function runGroup(kernel: Kernel, frames: readonly Frame[], steps: Steps, clock: Clock): void {
  const running = frames.map(steps);
  clock.stretch++;
  for (;;) {
    const reached = new Set(running.map((each) => each.next().value ?? undefined));
    const divergent = `kernel ${kernel.name}: not all invocations reach the same barrier`;
    invariant(reached.size === 1, divergent);
    const [meeting] = reached;
    if (meeting === undefined) return;
    meeting.exchange?.(frames);
    if (meeting.isBarrier) clock.stretch++;
  }
}

class Compiler extends Expressions {
  private readonly kernel: Kernel;

  constructor(kernel: Kernel, memory: ReadonlyMap<string, CheckedMemory>) {
    super(memory);
    this.kernel = kernel;
  }

  /** `body` as steps between barriers. */
  steps(body: readonly Statement[]): Steps {
    const parts: (readonly ["act", Action] | readonly ["step", Steps])[] = [];
    for (const each of body) {
      if (hasMeeting(each)) parts.push(["step", this.step(each)]);
      else parts.push(["act", this.action(each)]);
    }
    return function* (frame) {
      for (const part of parts) {
        if (part[0] === "act") part[1](frame);
        else yield* part[1](frame);
      }
    };
  }

  private step(statement: Statement): Steps {
    switch (statement.kind) {
      case "barrier": {
        const meeting: Meeting = { isBarrier: true };
        return function* () {
          yield meeting;
        };
      }
      case "across":
        return this.across(statement);
      case "if": {
        const condition = this.value(statement.condition);
        const [then, otherwise] = [this.steps(statement.then), this.steps(statement.otherwise)];
        return function* (frame) {
          yield* condition(frame) ? then(frame) : otherwise(frame);
        };
      }
      case "for": {
        const [from, to] = [this.value(statement.from), this.value(statement.to)];
        const by = this.value(statement.step);
        const slot = this.slotOf(statement.variable);
        const body = this.steps(statement.body);
        return function* (frame) {
          const [end, step] = [to(frame), by(frame)];
          for (let at = from(frame); at < end; at += step) {
            frame.slots[slot] = at;
            yield* body(frame);
          }
        };
      }
      default:
        throw new InvariantError(`a barrier in \`${statement.kind}\``);
    }
  }

  private across(statement: AcrossStatement): Steps {
    const { name, of } = statement;
    const { workgroupSize } = this.kernel;
    if (typeof of === "string") {
      const source = this.tileOf(of);
      const count = source.rows * source.columns;
      const place = { ...source, slot: this.reserve(count) };
      this.tiles.set(name, place);
      const copy: Action = ({ slots }) => {
        slots.copyWithin(place.slot, source.slot, source.slot + count);
      };
      return exchanging(statement, workgroupSize, { slot: place.slot, count, own: copy });
    }
    const slot = this.slotOf(name);
    const own = this.assignment(slot, of);
    return exchanging(statement, workgroupSize, { slot, count: of.type.lanes, own });
  }

  private actions(body: readonly Statement[]): Action {
    const actions = body.map((each) => this.action(each));
    return (frame) => {
      for (const act of actions) act(frame);
    };
  }

  private action(statement: Statement): Action {
    switch (statement.kind) {
      case "let":
      case "var":
      case "assign":
        return this.assignment(this.slotOf(statement.name), statement.value);
      case "store":
        return this.store(this.memoryOf(statement.buffer), statement.index, statement.value);
      case "store_array":
        return this.store(this.memoryOf(statement.array), statement.index, statement.value);
      case "for":
        return this.loop(statement);
      case "if": {
        const condition = this.value(statement.condition);
        const [then, otherwise] = [this.actions(statement.then), this.actions(statement.otherwise)];
        return (frame) => (condition(frame) ? then(frame) : otherwise(frame));
      }
      case "barrier":
      case "across":
      case "block_product":
        throw new InvariantError("a barrier among plain statements");
      case "matrix":
      case "matrix_multiply":
      case "matrix_store":
        return oncePerWarp(matrixAction(statement, this));
      case "copy_async":
        return this.copy(statement);
      case "commit_copies":
      case "wait_copies":
        return finishCopies(statement);
      default: {
        const act = this.tile(statement);
        return this.kernel.tiles === "warp" ? oncePerWarp(act) : act;
      }
    }
  }

  private copy(statement: Extract<Statement, { kind: "copy_async" }>): Action {
    const element = this.kernel.arrays.find(({ name }) => name === statement.array)?.element;
    return startCopy({
      from: this.memoryOf(statement.buffer),
      to: this.memoryOf(statement.array),
      count: pieceLength(element ?? "f32"),
      index: this.value(statement.index),
      source: this.value(statement.source),
      valid: this.value(statement.valid),
    });
  }

  private assignment(slot: number, expr: Expr): Action {
    if (expr.type.lanes === 1) {
      const value = this.value(expr);
      return (frame) => {
        frame.slots[slot] = value(frame);
      };
    }
    const values = [0, 1, 2, 3].map((lane) => this.value(expr, lane));
    return (frame) => {
      const results = values.map((value) => value(frame));
      frame.slots.set(results, slot);
    };
  }

  private store(memory: CheckedMemory, at: Expr, expr: Expr): Action {
    const index = this.value(at);
    const lanes = expr.type.lanes === 1 ? [0] : [0, 1, 2, 3];
    const values = lanes.map((lane) => this.value(expr, lane));
    return (frame) => {
      const first = index(frame);
      const results = values.map((value) => value(frame));
      for (const [lane, result] of results.entries()) {
        memory.write(first + lane, result, frame.invocation);
      }
    };
  }

  private loop(statement: Extract<Statement, { kind: "for" }>): Action {
    const from = this.value(statement.from);
    const to = this.value(statement.to);
    const by = this.value(statement.step);
    const slot = this.slotOf(statement.variable);
    const body = this.actions(statement.body);
    return (frame) => {
      const [end, step] = [to(frame), by(frame)];
      invariant(step > 0, `the loop over ${statement.variable} has step ${step}`);
      for (let at = from(frame); at < end; at += step) {
        frame.slots[slot] = at;
        body(frame);
      }
    };
  }

  private tile(statement: TileStatement): Action {
    switch (statement.kind) {
      case "tile": {
        const { rows, columns } = statement;
        const place = { slot: this.reserve(rows * columns), rows, columns };
        const fill = this.fill(statement, place);
        this.tiles.set(statement.name, place);
        return fill;
      }
      case "tile_assign":
        return this.fill(statement, this.tileOf(statement.name));
      case "tile_multiply":
        return product(
          this.tileOf(statement.target),
          this.tileOf(statement.left),
          this.tileOf(statement.right),
        );
      case "warp_multiply": {
        const { left, right, inner, math } = statement;
        const factor = (slice: ArraySlice): Factor =>
          sliceFactor(slice, this.memoryOf(slice.array), this.value(slice.index));
        const first = typeof left === "string" ? tileFactor(this.tileOf(left)) : factor(left);
        return warpProduct(this.tileOf(statement.target), first, factor(right), inner, math);
      }
      case "tile_reduce": {
        const source = this.tileOf(statement.source);
        const place = { slot: this.reserve(source.rows), rows: source.rows, columns: 1 };
        this.tiles.set(statement.name, place);
        return reduction(place, source, statement.fn === "sum" ? addRounded : Math.max);
      }
      case "tile_each":
        return this.each(statement, this.tileOf(statement.tile), () =>
          this.actions(statement.body),
        );
      default:
        return unreachable(statement);
    }
  }

  private fill(
    statement: Extract<TileStatement, { kind: "tile" | "tile_assign" }>,
    { slot, rows, columns }: TilePlace,
  ): Action {
    return this.each(statement, { slot, rows, columns }, () => {
      const value = this.value(statement.value);
      const [row, column] = this.at;
      return (frame) => {
        const at = (frame.slots[row] ?? 0) * columns + (frame.slots[column] ?? 0);
        frame.slots[slot + at] = value(frame);
      };
    });
  }

  private each(
    names: { readonly row: string; readonly column: string },
    { rows, columns }: TilePlace,
    body: () => Action,
  ): Action {
    const [row, column] = [this.slotOf(names.row), this.slotOf(names.column)];
    this.at = [row, column];
    const act = body();
    return (frame) => {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          frame.slots[row] = i;
          frame.slots[column] = j;
          act(frame);
        }
      }
    };
  }
}

function product(target: TilePlace, left: TilePlace, right: TilePlace): Action {
  return ({ slots }) => {
    for (let i = 0; i < target.rows; i++) {
      for (let j = 0; j < target.columns; j++) {
        const slot = target.slot + i * target.columns + j;
        let sum = slots[slot] ?? Number.NaN;
        for (let k = 0; k < left.columns; k++) {
          const a = slots[left.slot + i * left.columns + k] ?? Number.NaN;
          const b = slots[right.slot + k * right.columns + j] ?? Number.NaN;
          sum = addRounded(sum, Math.fround(a * b));
        }
        slots[slot] = sum;
      }
    }
  };
}

function reduction(
  target: TilePlace,
  source: TilePlace,
  combine: (left: number, right: number) => number,
): Action {
  return ({ slots }) => {
    for (let i = 0; i < source.rows; i++) {
      const first = source.slot + i * source.columns;
      const row = slots.subarray(first, first + source.columns);
      slots[target.slot + i] = row.reduce((left, right) => combine(left, right));
    }
  };
}
