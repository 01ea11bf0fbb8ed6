/**
 * Which line of a chat template fails.
 *
 * The template library's errors carry no place. Syntax errors are found by parsing ever longer
 * beginnings, others by running a copy of the template in which each tag is preceded by a call that
 * notes its line. Both run only after a failure.
 */

import { Template } from "@huggingface/jinja";
import { reasonOf } from "../errors.ts";

/** The name of the noting function; no template of a checkpoint calls anything by it. */
const note = "braid_note_line";

/**
 * The line, from 1, at which parsing `template` fails: the first whose end makes the error that the
 * whole makes.
 */
export function syntaxLine(template: string): number {
  const wanted = syntaxError(template);
  const lines = template.split("\n");
  const ends = lines.map((_, index) => lines.slice(0, index + 1).join("\n"));
  const first = ends.findIndex((beginning) => syntaxError(beginning) === wanted);
  return first === -1 ? lines.length : first + 1;
}

/**
 * The line, from 1, of the last tag that was entered when rendering `template` with `values` fails.
 */
export function failingLine(template: string, values: Readonly<Record<string, unknown>>): number {
  let line = 1;
  const noting = (at: number): string => {
    line = at;
    return "";
  };
  try {
    new Template(withNotes(template)).render({ ...values, [note]: noting });
  } catch {
    // It fails as it did before; what it noted until then is what counts.
  }
  return line;
}

function syntaxError(template: string): string | undefined {
  try {
    new Template(template);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** `template` with a noting call before each `{{` and `{%` outside comments. */
function withNotes(template: string): string {
  let line = 1;
  return template.replace(/\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}|\n/gs, (piece) => {
    const at = line;
    line += piece.split("\n").length - 1;
    return /^\{[{%]/.test(piece) ? `{{ ${note}(${at}) }}${piece}` : piece;
  });
}
