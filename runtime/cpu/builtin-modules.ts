/** The modules that Node and Deno have built in, asked for without importing them. */

/** What is used of `process`. */
interface BuiltinModules {
  readonly version?: string;
  getBuiltinModule?(name: "node:worker_threads"): { readonly Worker: NodeWorkerClass };
  getBuiltinModule?(name: "node:os"): { availableParallelism(): number };
  getBuiltinModule?(name: "node:v8"): { setFlagsFromString(flags: string): void };
}

/** A thread of Node. */
export interface NodeWorker {
  on(event: "error", listener: (error: unknown) => void): unknown;
  postMessage(message: unknown): void;
  unref(): void;
  terminate(): unknown;
}

type NodeWorkerClass = new (source: string, options: { readonly eval: true }) => NodeWorker;

/** Undefined in pages. */
export function builtinModules(): BuiltinModules | undefined {
  return typeof process === "undefined" ? undefined : process;
}
