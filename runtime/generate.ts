/**
 * Answers, token by token, over one session.
 *
 * A conversation remembers which tokens its caches hold. A turn gives the whole text so far; what
 * the caches hold of it is kept, the rest is one `extend`, and each new token is another. So the
 * second question costs its own tokens only, and a changed history costs what follows the change.
 */

import { BraidError, invariant } from "./errors.ts";
import type { Inputs } from "./inputs.ts";
import { greedy } from "./sample.ts";
import type { Outputs, Session } from "./session.ts";
import { stopStrings } from "./stop-strings.ts";
import { integers } from "./tensor.ts";

/** What is asked, and how the answer is chosen and ended. */
export interface Turn {
  /** Everything but the text: images, the positions of their rows. Given again with each turn. */
  readonly inputs: Inputs;
  /** The text rows of the whole conversation so far, earlier answers included. */
  readonly tokens: ArrayLike<number>;
  /** The position of each of them in the sequence. */
  readonly positions: ArrayLike<number>;
  /**
   * Chooses a token by its logits: `greedy`, which the device does itself so that only the token is
   * read back, or anything else, for which the logits are: `sample` with options.
   */
  readonly choose: (logits: Float32Array) => number;
  /** Tokens that end the answer; they are no part of it. */
  readonly endTokens: ReadonlySet<number>;
  /** The answer has at most so many tokens. */
  readonly maxTokens: number;
  /** The text of tokens in sequence, as far as it is certain; needed for `stopStrings`. */
  readonly text?: TextSource;
  /** Strings that end the answer; they are no part of its text. */
  readonly stopStrings?: readonly string[];
  /** Ends the answer when it fires. */
  readonly signal?: AbortSignal;
}

/** Turns ids that arrive one by one into text. */
export interface TextSource {
  /** The text that `id` makes certain. */
  push(id: number): string;
  /** The text that is left when no more ids come. */
  end(): string;
}

/** Why an answer ended: an end token, a stop string, its length, or the signal. */
export type EndReason = "end-token" | "stop-string" | "length" | "aborted";

/**
 * A token of the answer with the text that it made certain; then, last, the end with what text was
 * left.
 */
export type GenerationEvent =
  | { readonly kind: "token"; readonly id: number; readonly text: string }
  | { readonly kind: "end"; readonly reason: EndReason; readonly text: string };

/** One conversation. It uses the session's caches; a session carries one conversation at a time. */
export class Conversation {
  readonly #session: Session;
  /** The text rows in the caches, in order. */
  #held: Row[] = [];
  /**
   * How many of them came in one call that cannot be cut: the given rows of a model with a `prompt`
   * phase.
   */
  #given: number = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The answer to `turn`, as it comes. Stop iterating to stop generating. */
  async *answer(turn: Turn): AsyncGenerator<GenerationEvent, void, undefined> {
    const rows = rowsOf(turn);
    await this.#session.prepare(turn.inputs);
    const kept = this.#keep(rows);
    this.#session.reserve(this.#session.past + rows.length - kept + turn.maxTokens);
    let outputs = await this.#extend(rows.slice(kept));
    let position = this.#nextPosition(turn);
    const text = turn.text ?? { push: () => "", end: () => "" };
    const stop = stopStrings(turn.stopStrings ?? []);
    for (let count = 0; ; count++) {
      const id = count < turn.maxTokens ? await this.#choose(turn, outputs) : undefined;
      const reason = this.#ending(turn, id);
      if (id === undefined || reason !== undefined) {
        const rest = stop.push(text.end()) + stop.end();
        const found = stop.found === undefined ? reason : "stop-string";
        yield { kind: "end", reason: found ?? "length", text: rest };
        return;
      }
      yield { kind: "token", id, text: stop.push(text.push(id)) };
      if (stop.found !== undefined) {
        yield { kind: "end", reason: "stop-string", text: "" };
        return;
      }
      // The last token's own row would only be needed for a token after it.
      if (count + 1 < turn.maxTokens) outputs = await this.#extend([{ token: id, position }]);
      position++;
    }
  }

  #ending(turn: Turn, id: number | undefined): EndReason | undefined {
    if (turn.signal?.aborted === true) return "aborted";
    if (id === undefined) return "length";
    return turn.endTokens.has(id) ? "end-token" : undefined;
  }

  /**
   * Cuts the caches to what they share with `rows`, the last row aside, whose logits are needed;
   * gives how many those are.
   */
  #keep(rows: readonly Row[]): number {
    const session = this.#session;
    const current = session.cachesCurrent && session.past === this.#held.length;
    const differs = rows.findIndex((row, index) => !sameRow(row, this.#held[index]));
    const shared = Math.min(differs < 0 ? rows.length : differs, rows.length - 1);
    // What other rows computed from the given ones holds for all of them or not at all.
    const whole = shared >= this.#given && session.canTruncate(shared);
    const kept = current && whole ? shared : 0;
    if (kept === 0) this.#given = 0;
    session.truncate(kept);
    this.#held = this.#held.slice(0, kept);
    return kept;
  }

  /** The token after the last row of a call that gave `outputs`. */
  async #choose({ choose }: Turn, outputs: Outputs): Promise<number> {
    const { logits, token, vocabulary } = generationOf(this.#session);
    if (choose === greedy && token !== undefined) {
      const chosen = (await outputs.get(token)?.readLast(1))?.data[0];
      invariant(chosen !== undefined, `there is no output ${token}`);
      // Less than 0: there is no choice, and the logits say why.
      if (chosen >= 0) return chosen;
    }
    const tensor = await outputs.get(logits)?.readLast(vocabulary);
    invariant(tensor?.element === "f32", `there are no logits ${logits}`);
    return choose(tensor.data);
  }

  /** Appends rows; what is given of them is the token after the last one, or its logits. */
  async #extend(rows: readonly Row[]): Promise<Outputs> {
    const session = this.#session;
    const { tokens, positions } = generationOf(session);
    const { phases, model } = session.plan;
    const prompt =
      this.#held.length === 0 ? phases.find(({ kind }) => kind === "prompt") : undefined;
    const phase = prompt ?? phases.find(({ kind }) => kind === "extend");
    invariant(phase !== undefined, `${model} generates, but extends nothing`);
    const placed = session.plan.inputs.some(({ name }) => name === positions);
    const given = {
      [tokens]: integers(rows.map(({ token }) => token)),
      // Rows of a model without segments are numbered as they come.
      ...(placed ? { [positions]: integers(rows.map(({ position }) => position)) } : {}),
    };
    const outputs = await session.run(phase.name, given);
    if (prompt !== undefined) this.#given = rows.length;
    // One by one: a call takes no more arguments than its stack has room for.
    for (const row of rows) this.#held.push(row);
    return outputs;
  }

  /** One more than every position given. */
  #nextPosition({ inputs, positions }: Turn): number {
    const others = this.#session.plan.inputs
      .filter(({ role }) => role === "position")
      .map(({ name }) => inputs[name]?.data ?? []);
    return [positions, ...others].reduce(
      (next, each) => Math.max(next, (each[each.length - 1] ?? -1) + 1),
      0,
    );
  }
}

interface Row {
  readonly token: number;
  readonly position: number;
}

function rowsOf({ tokens, positions }: Turn): readonly Row[] {
  if (tokens.length === 0) {
    throw new BraidError("generate/empty", "the prompt has no tokens", {
      hint: "give at least one token, such as the one that begins a text",
    });
  }
  if (tokens.length !== positions.length) {
    const message = `the prompt has ${tokens.length} tokens, but ${positions.length} positions`;
    throw new BraidError("generate/positions", message, { hint: "give one position per token" });
  }
  return Array.from(tokens, (token, index) => ({ token, position: positions[index] ?? 0 }));
}

function sameRow(a: Row, b: Row | undefined): boolean {
  return b !== undefined && a.token === b.token && a.position === b.position;
}

function generationOf(session: Session): NonNullable<Session["plan"]["generation"]> {
  const { generation, model } = session.plan;
  if (generation !== undefined) return generation;
  throw new BraidError("generate/none", `${model} does not generate text`, {
    hint: "end the model with `generate prompt from logits`, or use `forward`",
  });
}
