/**
 * Where rows that are not text stand in a prompt.
 *
 * A prompt's ids hold a placeholder for each image. The model wants text and visual rows apart,
 * each with its position in the sequence in which every placeholder has been replaced by its
 * image's rows.
 */

import { BraidError } from "../errors.ts";

/**
 * A prompt taken apart. All positions count rows of the spliced sequence from 0; the two lists
 * together name each once.
 */
export interface SplitPrompt {
  /** Ids of the text rows, placeholders left out. */
  readonly text: Int32Array;
  /** Position of each text row, increasing. */
  readonly textPositions: Int32Array;
  /** Position of each visual row, increasing: the first image's rows, then the second's. */
  readonly visualPositions: Int32Array;
}

/**
 * Splits `ids` at `placeholder`. `rows[i]` is the number of rows of the i-th image. One placeholder
 * stands for one image; prompts in which a processor has already repeated it, once for each row,
 * are taken too. Any other count is `text/placeholders`.
 */
export function splitPlaceholders(
  ids: ArrayLike<number>,
  placeholder: number,
  rows: readonly number[],
): SplitPrompt {
  const all = Array.from(ids);
  const runs = placeholderRuns(all, placeholder);
  const widths = widthsOf(runs, rows);
  const text: number[] = [];
  const textPositions: number[] = [];
  const visualPositions: number[] = [];
  let position = 0;
  let next = 0;
  for (const id of all) {
    if (id === placeholder) {
      for (let row = 0; row < (widths[next] ?? 0); row++) visualPositions.push(position++);
      next++;
    } else {
      text.push(id);
      textPositions.push(position++);
    }
  }
  return {
    text: Int32Array.from(text),
    textPositions: Int32Array.from(textPositions),
    visualPositions: Int32Array.from(visualPositions),
  };
}

/** Rows that each placeholder of the prompt stands for. */
function widthsOf(runs: readonly number[], rows: readonly number[]): readonly number[] {
  const placeholders = total(runs);
  if (placeholders === rows.length) return rows;
  if (placeholders === total(rows) && fits(runs, rows)) return Array<number>(placeholders).fill(1);
  const images = rows.length === 1 ? "1 image" : `${rows.length} images`;
  const found = placeholders === 1 ? "1 placeholder" : `${placeholders} placeholders`;
  throw new BraidError("text/placeholders", `the prompt has ${found} for ${images}`, {
    hint: `write one for each image, or one for each row (${rows.join(", ") || "none"})`,
  });
}

/** Whether each run of placeholders is the rows of some whole images, in order. */
function fits(runs: readonly number[], rows: readonly number[]): boolean {
  let next = 0;
  for (const run of runs) {
    let left = run;
    while (left > 0 && next < rows.length) left -= rows[next++] ?? 0;
    if (left !== 0) return false;
  }
  return true;
}

/** Lengths of the runs of adjacent placeholders. */
function placeholderRuns(ids: readonly number[], placeholder: number): readonly number[] {
  const runs: number[] = [];
  ids.forEach((id, at) => {
    if (id !== placeholder) return;
    const last = runs.length - 1;
    if (at > 0 && ids[at - 1] === placeholder) runs[last] = (runs[last] ?? 0) + 1;
    else runs.push(1);
  });
  return runs;
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
