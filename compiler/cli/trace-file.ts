/** `--trace`: the file that a run is written to as a Chrome trace. */

import { closeSync, existsSync, openSync, readSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Trace, traceHead } from "../../runtime/trace.ts";
import { say } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** A trace and where it goes. */
export interface TraceFile {
  readonly trace: Trace;
  /** Writes it. */
  write(): void;
}

/** A trace for `file`, which may be there only if it is an earlier one. */
export function traceFile(file: string): TraceFile {
  if (!existsSync(dirname(file)))
    throw new UsageError(`there is no folder ${dirname(file)}`, "make it, or name another file");
  if (existsSync(file) && beginning(file) !== traceHead)
    throw new UsageError(`${file} is there and is no trace`, "give another name");
  const trace = new Trace();
  return {
    trace,
    write: () => {
      writeFileSync(file, trace.text);
      const kernels = trace.events.filter(({ cat }) => cat === "kernel").length;
      say(`${kernels} kernel calls in ${file}: open it in https://ui.perfetto.dev`);
    },
  };
}

function beginning(file: string): string {
  const bytes = Buffer.alloc(traceHead.length);
  const opened = openSync(file, "r");
  try {
    return bytes.subarray(0, readSync(opened, bytes)).toString("utf8");
  } finally {
    closeSync(opened);
  }
}
