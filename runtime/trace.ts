/**
 * What a device did and when, as a Chrome trace (chrome://tracing, https://ui.perfetto.dev): one event
 * for each call of a kernel, and one around those of a phase.
 *
 * Commands are run one by one and waited for, so times are those of single kernels, and the whole
 * takes longer than a run that nobody watches. A device with a clock of its own is asked what it
 * took; else the time is the host's, which includes the way to the device and back.
 *
 * Format: "Trace Event Format", Google, complete events ("X"), times in microseconds.
 */

import type { Backend, Command } from "./backend.ts";

/** A complete event. */
export interface TraceEvent {
  readonly name: string;
  readonly cat: "phase" | "kernel" | "copy";
  readonly ph: "X";
  /** Since the trace began, and how long; in microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly pid: 1;
  /** The row that it is drawn in. */
  readonly tid: 1 | 2;
  readonly args: Readonly<Record<string, string | number>>;
}

/** Gathers events while a session runs. */
export class Trace {
  readonly #events: TraceEvent[] = [];
  readonly #start: number = performance.now();
  #phase = "";
  #device = "";

  /** All events so far. */
  get events(): readonly TraceEvent[] {
    return this.#events;
  }

  /** A backend that does what `backend` does and notes each command. */
  watch(backend: Backend): Backend {
    this.#device = backend.description;
    return {
      kind: backend.kind,
      description: backend.description,
      target: backend.target,
      separatesReadsFromWrites: backend.separatesReadsFromWrites,
      halves: backend.halves,
      capacity: backend.capacity,
      largestTensor: backend.largestTensor,
      load: (...args) => backend.load(...args),
      allocate: (...args) => backend.allocate(...args),
      free: (buffer) => backend.free(buffer),
      upload: (...args) => backend.upload(...args),
      download: (...args) => backend.download(...args),
      ...(backend.view === undefined ? {} : { view: backend.view.bind(backend) }),
      run: async (commands) => {
        await backend.finish();
        for (const command of commands) await this.#note(backend, command);
      },
      finish: () => backend.finish(),
      close: () => backend.close(),
    };
  }

  /** Does `work`, and notes it as the phase called `name`. */
  async phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const outer = this.#phase;
    this.#phase = name;
    const ts = this.#now();
    try {
      return await work();
    } finally {
      const dur = this.#now() - ts;
      this.#events.push({ name, cat: "phase", ph: "X", ts, dur, pid: 1, tid: 1, args: {} });
      this.#phase = outer;
    }
  }

  /** The file: an object that both viewers take. */
  get text(): string {
    const named = (name: string, tid: number, text: string): unknown => ({
      ...{ name, ph: "M", pid: 1, tid, args: { name: text } },
    });
    const names = [
      named("process_name", 0, this.#device),
      named("thread_name", 1, "phases"),
      named("thread_name", 2, "kernels"),
    ];
    const events = [...names, ...this.#events.toSorted((a, b) => a.ts - b.ts)];
    const lines = events.map((event) => JSON.stringify(event)).join(",\n");
    return `${traceHead}"device":${JSON.stringify(this.#device)}},"displayTimeUnit":"ms","traceEvents":[\n${lines}\n]}\n`;
  }

  async #note(backend: Backend, command: Command): Promise<void> {
    const ts = this.#now();
    const own = await backend.measure?.([command]);
    if (own === undefined) {
      await backend.run([command]);
      await backend.finish();
    }
    const dur = own === undefined ? this.#now() - ts : own * 1000;
    const common = { ph: "X", ts, dur, pid: 1, tid: 2 } as const;
    const { label } = command;
    if (command.kind === "copy") {
      const args = { phase: this.#phase, value: label, bytes: command.bytes };
      this.#events.push({ name: "copy", cat: "copy", ...common, args });
      return;
    }
    const { kernel, groups, buffers, flops = 0 } = command;
    const bytes = buffers.reduce((sum, each) => sum + each.bytes, 0);
    const rates = dur === 0 ? {} : { "GFLOP/s": flops / dur / 1000, "GB/s": bytes / dur / 1000 };
    const args = { phase: this.#phase, value: label, groups, flops, bytes, ...rates };
    this.#events.push({ name: kernel, cat: "kernel", ...common, args });
  }

  #now(): number {
    return (performance.now() - this.#start) * 1000;
  }
}

/** How the text of every trace begins. */
export const traceHead = '{"otherData":{"program":"braid",';
