/**
 * Text from ids that arrive one by one.
 *
 * A character may be spread over several tokens, and how a token decodes may depend on the one
 * before it (its leading space, above all). So each new id is decoded together with those since the
 * last output but one, and only what is settled is given out.
 */

/** Gives the text of ids as it becomes certain. */
export interface TextStream {
  /** The text that `id` makes certain; empty while a character is incomplete. */
  push(id: number): string;
  /** What is left when no more ids come; an incomplete character is U+FFFD. */
  end(): string;
}

/** What an incomplete UTF-8 sequence decodes to. */
const replacement = "\ufffd";

/**
 * A stream over `decode`, which gives the text of some visible ids in sequence. Ids that are not
 * `visible` have no text.
 */
export function streamText(
  decode: (ids: readonly number[]) => string,
  visible: (id: number) => boolean,
): TextStream {
  // The first `given` ids of the window have been put out already; they are kept for what follows
  // them.
  let window: readonly number[] = [];
  let given = 0;

  const settle = (last: boolean): string => {
    const before = decode(window.slice(0, given));
    const after = decode(window);
    if (!last && (after.endsWith(replacement) || !after.startsWith(before))) return "";
    window = window.slice(given);
    given = window.length;
    return after.slice(before.length);
  };

  return {
    push(id) {
      if (!visible(id)) return "";
      window = [...window, id];
      return settle(false);
    },
    end: () => (window.length === given ? "" : settle(true)),
  };
}
