/**
 * Ends a stream of text at the first of some strings, wherever its pieces begin and end.
 *
 * Text that may turn out to be the beginning of such a string is held back until that is known; the
 * string itself and what follows it are never given out.
 */

/** Text goes in piece by piece, and comes out as far as it is certain. */
export interface StopStrings {
  /** What of the text so far, `piece` included, is certain and was not given out before. */
  push(piece: string): string;
  /** What was held back, once no more text comes. */
  end(): string;
  /** The string that ended the text, if one has. */
  readonly found: string | undefined;
}

/**
 * A stream that ends at the earliest of `strings`; of two that begin together, at the longer one.
 */
export function stopStrings(strings: readonly string[]): StopStrings {
  // An empty string would end every text before it begins.
  const wanted = strings.filter((each) => each !== "").toSorted((a, b) => b.length - a.length);
  let held = "";
  let found: string | undefined;
  return {
    push(piece) {
      if (found !== undefined) return "";
      held += piece;
      const hits = wanted.map((text) => ({ text, at: held.indexOf(text) }));
      const first = hits
        .filter(({ at }) => at >= 0)
        .reduce<(typeof hits)[number] | undefined>(
          (best, hit) => (best === undefined || hit.at < best.at ? hit : best),
          undefined,
        );
      found = first?.text;
      const certain = first?.at ?? held.length - undecided(held, wanted);
      const result = held.slice(0, certain);
      held = first === undefined ? held.slice(certain) : "";
      return result;
    },
    end() {
      const rest = held;
      held = "";
      return rest;
    },
    get found() {
      return found;
    },
  };
}

/** The length of the longest end of `text` with which one of `strings` begins. */
function undecided(text: string, strings: readonly string[]): number {
  const longest = Math.max(0, ...strings.map((each) => each.length - 1));
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(-length);
    if (strings.some((each) => each.startsWith(end))) return length;
  }
  return 0;
}
