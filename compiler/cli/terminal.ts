/** Talk to the person at the terminal: always on stderr, moving only where stderr is a terminal. */

/** Writes a line for the person, not for a pipe. */
export function say(line: string): void {
  clear();
  process.stderr.write(`${line}\n`);
}

/** Whether colours help. */
export const inColor: boolean =
  process.stderr.isTTY === true && process.env["NO_COLOR"] === undefined;

let barShown = false;

/** Shows how far something is, on one line that moves; nothing where stderr is no terminal. */
export function progress(what: string, done: number, total: number): void {
  if (process.stderr.isTTY !== true || total === 0) return;
  const width = 24;
  const filled = Math.round((width * done) / total);
  const bar = "█".repeat(filled) + "░".repeat(width - filled);
  process.stderr.write(`\r\x1b[K${what.padEnd(18)} ${bar} ${Math.floor((100 * done) / total)} %`);
  barShown = true;
  if (done >= total) clear();
}

/** Takes the moving line away. */
export function clear(): void {
  if (barShown) process.stderr.write("\r\x1b[K");
  barShown = false;
}

/** A time as a person reads it: `12 ms`, `1.4 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
