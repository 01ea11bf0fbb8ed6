/**
 * One model on one device, one picture, one conversation: what is asked of it is done in sequence,
 * and what is asked before it is open waits until it is.
 */

import type { Assistant, PhaseTiming } from "braid/runtime";

/** A picture as it lies in a PNG or JPEG file. */
export interface Picture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What is told of an answer while it comes: its text so far and what its phases took. */
export type AnswerListener = (text: string, timings: readonly PhaseTiming[]) => void;

/** An assistant that may still be opening. */
export class Conversation {
  readonly #opening: Promise<Assistant>;
  /** What was asked for last; never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  #stop: AbortController = new AbortController();

  constructor(opening: Promise<Assistant>) {
    this.#opening = opening;
  }

  /** Shows a picture and forgets what was said. Ends an answer that is still coming. */
  show(picture: Promise<Picture>): Promise<void> {
    this.stop();
    return this.#next(async (assistant) => assistant.show([await picture]));
  }

  /** Forgets what was said; the picture stays. */
  forget(): Promise<void> {
    this.stop();
    return this.#next(async (assistant) => assistant.forget());
  }

  /**
   * Answers a question; resolves when the answer is whole, or `stop` ended it. After a failure the
   * conversation begins anew, since half a turn makes no sense to the model.
   */
  ask(question: string, listener: AnswerListener): Promise<void> {
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    return this.#next(async (assistant) => {
      if (signal.aborted) return;
      try {
        await answer(assistant, question, signal, listener);
      } catch (error) {
        assistant.forget();
        throw error;
      }
    });
  }

  /** Ends the answer that is coming, if there is one. */
  stop(): void {
    this.#stop.abort();
  }

  /** Gives the device back, after what is under way. */
  close(): void {
    this.stop();
    this.#next(async ({ session }) => session.close()).catch(() => undefined);
  }

  #next<T>(work: (assistant: Assistant) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#opening).then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

async function answer(
  assistant: Assistant,
  question: string,
  signal: AbortSignal,
  listener: AnswerListener,
): Promise<void> {
  const { session } = assistant;
  session.clearTimings();
  let text = "";
  for await (const event of assistant.ask(question, { maxTokens: 64, signal })) {
    text += event.text;
    listener(text.trimStart(), session.timings);
    // The browser may draw a token before the next one is computed.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
