/** A verb of the command line, run within a test. */

import { Command } from "commander";
import { vi } from "vitest";

/** What a verb wrote: to standard output, and to standard error beside it. */
export interface Written {
  readonly out: string;
  readonly talk: string;
}

/**
 * Runs `words`, whose first is the verb that `add` adds, and gives what it wrote. Errors are
 * thrown, those of commander too.
 */
export async function runCommand(
  add: (program: Command) => void,
  ...words: readonly string[]
): Promise<Written> {
  const program = new Command().exitOverride();
  add(program);
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr() {} });
  const [written, said]: [string[], string[]] = [[], []];
  const to = (list: string[]) => (text: string | Uint8Array) => list.push(String(text)) > 0;
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation(to(written)),
    vi.spyOn(process.stderr, "write").mockImplementation(to(said)),
  ];
  try {
    await program.parseAsync([...words], { from: "user" });
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { out: written.join(""), talk: said.join("") };
}
