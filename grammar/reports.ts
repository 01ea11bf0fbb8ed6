/** What has been reported of a file, and of which tokens: one mistake is said once. */

import type { IToken } from "chevrotain";
import type { Diagnostic } from "./diagnostic.ts";

/** Collects the diagnostics of one file, and marks the tokens beside which they stand. */
export class Reports {
  readonly #text: string;
  readonly #tokens: readonly IToken[];
  readonly #diagnostics: Diagnostic[] = [];
  readonly #reported = new Set<IToken>();
  readonly #broken = new Set<IToken>();

  /** `tokens` are all of the file's in order. */
  constructor(text: string, tokens: readonly IToken[], diagnostics: readonly Diagnostic[]) {
    this.#text = text;
    this.#tokens = tokens;
    for (const diagnostic of diagnostics) this.add(diagnostic);
  }

  add(diagnostic: Diagnostic): void {
    this.#diagnostics.push(diagnostic);
    if (diagnostic.code === "syntax/comment") return;
    for (const token of this.#beside(diagnostic.at.span.start)) {
      this.#reported.add(token);
      if (!readable.has(diagnostic.code)) this.#broken.add(token);
    }
  }

  /** Whether something has been reported of one of these tokens, or beside it. */
  isReported(tokens: readonly IToken[]): boolean {
    return tokens.some((token) => this.#reported.has(token));
  }

  /** As `isReported`, but for mistakes that leave it open what is meant. */
  isBroken(tokens: readonly IToken[]): boolean {
    return tokens.some((token) => this.#broken.has(token));
  }

  /** In order of place. */
  inOrder(): readonly Diagnostic[] {
    return [...this.#diagnostics].sort((a, b) => a.at.span.start - b.at.span.start);
  }

  /**
   * The token at an offset, or the last before it in the same line. A bracket may have been dropped,
   * because it closes nothing or is nested too deeply, so the token before one counts, too.
   */
  #beside(offset: number): readonly IToken[] {
    const index = this.#lastBefore(offset);
    const token = this.#tokens[index];
    if (token === undefined || this.#isBreakBetween(token, offset)) return [];
    const above = this.#tokens[index - 1];
    const isDroppable = /^[()[\]}]$/.test(token.image);
    if (!isDroppable || above === undefined || this.#isBreakBetween(above, offset)) return [token];
    return [above, token];
  }

  #isBreakBetween(token: IToken, offset: number): boolean {
    return /[\n\r]/.test(this.#text.slice(token.startOffset, offset));
  }

  /** The index of the last token that begins at or before an offset; -1 if there is none. */
  #lastBefore(offset: number): number {
    let low = 0;
    let high = this.#tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#tokens[middle]?.startOffset ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The mistakes after which it is still known what is meant. */
const readable: ReadonlySet<string> = new Set([
  "syntax/capital",
  "syntax/operator",
  "syntax/string",
]);
