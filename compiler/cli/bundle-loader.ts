/**
 * Loads the bundled command line with the bytecode that V8 made of it before: to compile its functions
 * anew takes a fifth of the time to a first answer.
 *
 * The bytecode of `main.js` is `main.js.bytecode`, which `bundle.mjs` writes after it has run what people run
 * first. It is used only if it is not older than the file; V8 refuses what another version, other
 * flags or another text made, and the file is compiled as usual then.
 */

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/** Modules that stand for others, by the name that they are required by. */
export type Replaced = ReadonlyMap<string, unknown>;

/** Loads CommonJS files, each once for all that require it. */
export class BundleLoader {
  readonly #scripts = new Map<string, Script>();
  readonly #replaced: Replaced;

  constructor(replaced: Replaced = new Map()) {
    this.#replaced = replaced;
  }

  /** What the file at `path` exports when it runs, and all the bundled files that it requires, anew. */
  load(path: string): unknown {
    return this.#run(path, new Map());
  }

  /** The bytecode of what has been compiled of each file so far, by path. */
  bytecode(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#scripts].map(([path, script]) => [path, script.createCachedData()]));
  }

  #run(path: string, loaded: Map<string, { exports: unknown }>): unknown {
    const before = loaded.get(path);
    if (before !== undefined) return before.exports;
    const module = { exports: {} };
    loaded.set(path, module);
    const outside = createRequire(path);
    const required = (name: string): unknown => {
      if (this.#replaced.has(name)) return this.#replaced.get(name);
      return name.startsWith("./") ? this.#run(join(dirname(path), name), loaded) : outside(name);
    };
    const start: unknown = this.#script(path).runInThisContext();
    if (typeof start === "function") {
      start(module.exports, required, module, path, dirname(path), imported);
    }
    return module.exports;
  }

  #script(path: string): Script {
    const before = this.#scripts.get(path);
    if (before !== undefined) return before;
    const text = readFileSync(path, "utf8");
    const cachedData = bytecodeOf(path);
    // On one line with the text, so that traces show its lines.
    const script = new Script(
      `(function (exports, require, module, __filename, __dirname, imported) { ${text}\n})`,
      { filename: path, ...(cachedData === undefined ? {} : { cachedData }) },
    );
    this.#scripts.set(path, script);
    return script;
  }
}

/** `import` of a package: scripts with bytecode have none of their own. */
function imported(name: string): Promise<unknown> {
  return import(name);
}

/** Where the bytecode of the file at `path` lies. */
export function bytecodePath(path: string): string {
  return `${path}.bytecode`;
}

function bytecodeOf(path: string): Buffer | undefined {
  const file = bytecodePath(path);
  const written = statSync(file, { throwIfNoEntry: false });
  if (written === undefined || written.mtimeMs < statSync(path).mtimeMs) return undefined;
  return readFileSync(file);
}
