/**
 * A legalized kernel as a WebAssembly function `(firstGroup, endGroup, pointer…, scalar…)` that runs
 * a range of groups, each with its one invocation.
 *
 * Loops test at the bottom. A local is free for another variable of its type when the block that
 * declares it ends.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { MultiplyAdd } from "../../../runtime/contract.ts";
import { boundsOf } from "../../kernel/bounds.ts";
import type { Expr, Kernel, Statement } from "../../kernel/kernel.ts";
import { pointerName, scratchBytes, scratchName } from "./addresses.ts";
import type { WasmFunction, WasmType } from "./instructions.ts";
import { ExpressionWriter, wasmType } from "./lower-expression.ts";

/** The function for `kernel`, whose loads and stores have byte addresses (`toAddresses`). */
export function lowerToWasm(kernel: Kernel, multiplyAdd: MultiplyAdd): WasmFunction {
  invariant(kernel.workgroupSize === 1, `wasm: kernel ${kernel.name} needs groups of one`);
  const memory = [...kernel.buffers, ...kernel.arrays];
  const half = memory.find(({ element }) => element === "f16" || element === "bf16");
  invariant(
    half === undefined,
    `wasm: kernel ${kernel.name} has ${half?.name} of ${half?.element}`,
  );
  const scalars = kernel.scalars.filter((name) => name !== scratchName);
  const parameters = ["@first", "@end", ...scalars];
  const writer = new StatementWriter(kernel, parameters, multiplyAdd);
  writer.groups(kernel.body);
  const { newLocals: locals, out: body } = writer;
  return { name: kernel.name, parameters, locals, body, scratchBytes: scratchBytes(kernel) };
}

class StatementWriter extends ExpressionWriter {
  /** The types of locals after the parameters. */
  readonly newLocals: WasmType[] = [];
  private readonly parameterCount: number;
  private readonly free: Readonly<Record<WasmType, number[]>> = { i32: [], f32: [], v128: [] };
  private readonly scratchLocals: number[] = [];

  constructor(kernel: Kernel, parameters: readonly string[], multiplyAdd: MultiplyAdd) {
    super(multiplyAdd);
    this.parameterCount = parameters.length;
    for (const [index, name] of parameters.entries()) this.locals.set(name, index);
    // Sizes of what is read are not zero, or there is nothing to read: `size - 1` is an index.
    for (const name of parameters) this.known.set(name, { low: 1, high: Infinity });
    if (kernel.arrays.length > 0) this.scratchAddress();
    for (const { name } of kernel.buffers) {
      this.known.set(pointerName(name), { low: 0, high: Infinity });
    }
  }

  private scratchAddress(): void {
    const local = this.allocate("i32");
    this.emit("global.get", 0);
    this.emit("local.set", local);
    this.locals.set(scratchName, local);
    this.known.set(scratchName, { low: 0, high: Infinity });
  }

  /** The loop over groups around `body`. */
  groups(body: readonly Statement[]): void {
    const group = this.allocate("i32");
    this.locals.set("@group", group);
    this.emit("local.get", this.localOf("@first"));
    this.emit("local.set", group);
    this.whileLess(
      group,
      () => this.emit("local.get", this.localOf("@end")),
      () => {
        this.block(body);
        this.emit("local.get", group);
        this.emit("i32.const", 1);
        this.emit("i32.add");
        this.emit("local.set", group);
      },
    );
  }

  protected override scratch(index: 0 | 1): number {
    while (this.scratchLocals.length <= index) this.scratchLocals.push(this.allocate("v128"));
    const local = this.scratchLocals[index];
    invariant(local !== undefined, "wasm: no scratch local");
    return local;
  }

  private allocate(type: WasmType): number {
    const free = this.free[type].pop();
    if (free !== undefined) return free;
    this.newLocals.push(type);
    return this.parameterCount + this.newLocals.length - 1;
  }

  /** `if (local < end) do body while (local < end)`. */
  private whileLess(local: number, end: () => void, body: () => void): void {
    this.emit("local.get", local);
    end();
    this.emit("i32.lt_s");
    this.emit("if");
    this.emit("loop");
    body();
    this.emit("local.get", local);
    end();
    this.emit("i32.lt_s");
    this.emit("br_if", 0);
    this.emit("end");
    this.emit("end");
  }

  private block(body: readonly Statement[]): void {
    const declared: (readonly [string, WasmType, number])[] = [];
    for (const statement of body) {
      if (statement.kind === "let" || statement.kind === "var") {
        const type = wasmType(statement.value.type);
        this.write(statement.value);
        const local = this.allocate(type);
        this.emit("local.set", local);
        this.locals.set(statement.name, local);
        declared.push([statement.name, type, local]);
        this.learn(statement);
      } else {
        this.statement(statement);
      }
    }
    for (const [name, type, local] of declared) {
      this.locals.delete(name);
      this.free[type].push(local);
    }
  }

  private learn(statement: Extract<Statement, { kind: "let" | "var" }>): void {
    const { name, value } = statement;
    if (statement.kind === "var" || wasmType(value.type) !== "i32") return;
    this.known.set(name, boundsOf(value, this.known));
  }

  private statement(statement: Statement): void {
    switch (statement.kind) {
      case "assign":
        this.write(statement.value);
        this.emit("local.set", this.localOf(statement.name));
        return;
      case "store": {
        const offset = this.address(statement.index);
        this.write(statement.value);
        const type = wasmType(statement.value.type);
        this.emit(`${type}.store`, offset);
        return;
      }
      case "for":
        this.loop(statement);
        return;
      case "if":
        this.write(statement.condition);
        this.emit("if");
        this.block(statement.then);
        if (statement.otherwise.length > 0) {
          this.emit("else");
          this.block(statement.otherwise);
        }
        this.emit("end");
        return;
      case "barrier":
        // A group is one invocation, which waits for nobody.
        return;
      default:
        invariant(false, `wasm: \`${statement.kind}\` has no place here`);
    }
  }

  private loop(statement: Extract<Statement, { kind: "for" }>): void {
    const { variable, from, body } = statement;
    const [to, releaseTo] = this.fixed(statement.to);
    const [step, releaseStep] = this.fixed(statement.step);
    const local = this.allocate("i32");
    this.locals.set(variable, local);
    this.known.set(variable, { low: boundsOf(from, this.known).low, high: Infinity });
    this.write(from);
    this.emit("local.set", local);
    this.whileLess(local, to, () => {
      this.block(body);
      this.emit("local.get", local);
      step();
      this.emit("i32.add");
      this.emit("local.set", local);
    });
    this.locals.delete(variable);
    this.free.i32.push(local);
    releaseTo();
    releaseStep();
  }

  /** Computes `expr` once; the first result writes its value, the second ends its life. */
  private fixed(expr: Expr): readonly [write: () => void, release: () => void] {
    if (expr.kind === "const" || expr.kind === "var") return [() => this.write(expr), () => {}];
    const local = this.allocate("i32");
    this.write(expr);
    this.emit("local.set", local);
    return [() => this.emit("local.get", local), () => this.free.i32.push(local)];
  }
}
