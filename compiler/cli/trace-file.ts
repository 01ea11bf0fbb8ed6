/** `--trace`: the file that a run is written to as a Chrome trace. */

import { Trace, traceHead } from "../../runtime/trace.ts";
import { OutputFile } from "./output-file.ts";
import { say } from "./terminal.ts";

/** A trace and where it goes. */
export interface TraceFile {
  readonly trace: Trace;
  /** Writes it. */
  write(): void;
}

/** A trace for `path`, where may be nothing but an earlier one. */
export function traceFile(path: string): TraceFile {
  const isOwn = (beginning: string): boolean => beginning.startsWith(traceHead);
  const file = new OutputFile(path, { own: { what: "trace", isOwn } });
  const trace = new Trace();
  return {
    trace,
    write: () => {
      file.write(trace.text);
      const kernels = trace.events.filter(({ cat }) => cat === "kernel").length;
      say(`${kernels} kernel calls in ${path}: open it in https://ui.perfetto.dev`);
    },
  };
}
