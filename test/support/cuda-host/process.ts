/** The requests of `runtime/process.cpp`, as functions. */

import { type ChildProcess, spawn } from "node:child_process";
import { Readable, Writable } from "node:stream";

const kinds = { load: 0, allocate: 1, release: 2, write: 3, read: 4, copy: 5, start: 6 } as const;

/** One launch of a kernel. Addresses are of the process. */
export interface HostLaunch {
  readonly kernel: string;
  readonly groups: number;
  readonly threads: number;
  readonly dynamicBytes: number;
  readonly buffers: readonly {
    readonly name: string;
    readonly address: bigint;
    readonly bytes: number;
    readonly writable: boolean;
  }[];
  readonly scalars: readonly number[];
}

/** What a launch did: warp-wide products and matrix loads, bank conflicts of those, and more. */
export interface LaunchCounts {
  readonly products: number;
  readonly matrixLoads: number;
  readonly bankConflicts: number;
  readonly asyncCopies: number;
  readonly barriers: number;
}

/** A process that runs kernels. Promises reject with what the shim reports. */
export class HostProcess {
  readonly #child: ChildProcess;
  readonly #input: Writable;
  #waiting: { resolve: (bytes: Buffer) => void; reject: (error: Error) => void }[] = [];
  #received: Buffer[] = [];
  #length = 0;

  constructor(program: string) {
    this.#child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
    const { stdin, stdout } = this.#child;
    if (!(stdin instanceof Writable && stdout instanceof Readable)) throw new Error("no pipes");
    this.#input = stdin;
    stdin.on("error", (error) => this.#end(error));
    stdout.on("data", (bytes: Buffer) => this.#receive(bytes));
    this.#child.on("error", (error) => this.#end(error));
    this.#child.on("exit", (code, signal) =>
      this.#end(new Error(`the process of the host shim ended: ${signal ?? code}`)),
    );
  }

  async load(library: string): Promise<void> {
    await this.#ask("load", text(library));
  }

  /** The address of so many bytes; 0 where memory is full. */
  async allocate(bytes: number): Promise<bigint> {
    return (await this.#ask("allocate", long(bytes))).readBigUInt64LE();
  }

  async release(address: bigint): Promise<void> {
    await this.#ask("release", long(address));
  }

  async write(address: bigint, bytes: Uint8Array): Promise<void> {
    await this.#ask("write", long(address), long(bytes.length), bytes);
  }

  async read(address: bigint, bytes: number): Promise<ArrayBuffer> {
    const found = await this.#ask("read", long(address), long(bytes));
    return new Uint8Array(found).buffer;
  }

  async copy(to: bigint, from: bigint, bytes: number): Promise<void> {
    await this.#ask("copy", long(to), long(from), long(bytes));
  }

  async launch(launch: HostLaunch): Promise<LaunchCounts> {
    const { kernel, groups, threads, dynamicBytes, buffers, scalars } = launch;
    const parts = buffers.flatMap(({ name, address, bytes, writable }) => [
      long(address),
      long(bytes),
      word(writable ? 1 : 0),
      text(name),
    ]);
    const answer = await this.#ask(
      "start",
      text(kernel),
      ...[groups, threads, dynamicBytes, buffers.length].map(word),
      ...parts,
      word(scalars.length),
      ...scalars.map(word),
    );
    const count = (index: number): number => Number(answer.readBigUInt64LE(index * 8));
    return {
      products: count(0),
      matrixLoads: count(1),
      bankConflicts: count(2),
      asyncCopies: count(3),
      barriers: count(4),
    };
  }

  /** Ends the process, whatever it does. */
  close(): void {
    this.#child.kill("SIGKILL");
  }

  #ask(kind: keyof typeof kinds, ...parts: readonly Uint8Array[]): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#input.write(Buffer.concat([word(kinds[kind]), ...parts]));
    });
  }

  #receive(bytes: Buffer): void {
    this.#received.push(bytes);
    this.#length += bytes.length;
    const head = 12;
    for (;;) {
      if (this.#length < head) return;
      let all = this.#received.length === 1 ? this.#received[0] : undefined;
      all ??= Buffer.concat(this.#received);
      this.#received = [all];
      const length = Number(all.readBigUInt64LE(4));
      if (all.length < head + length) return;
      const body = Buffer.from(all.subarray(head, head + length));
      this.#received = [all.subarray(head + length)];
      this.#length -= head + length;
      const asked = this.#waiting.shift();
      if (all.readUInt32LE(0) === 0) asked?.resolve(body);
      else asked?.reject(new Error(body.toString()));
    }
  }

  #end(error: Error): void {
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting = [];
  }
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

function long(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([word(bytes.length), bytes]);
}
