/** What went wrong, in a bar above everything else, and what can be tried. */

import { required } from "./element.ts";

/** The bar; it is not there while nothing is wrong. */
export class ErrorBar {
  readonly #bar: HTMLElement = required("error", HTMLElement);
  readonly #reason: HTMLElement = required("reason", HTMLElement);
  readonly #retry: HTMLButtonElement = required("retry", HTMLButtonElement);

  constructor(retry: () => void) {
    this.#retry.addEventListener("click", retry);
    required("dismiss", HTMLButtonElement).addEventListener("click", () => this.clear());
  }

  /** Shows sentences; with `action`, a button of that name tries again. */
  tell(sentences: string, action?: string): void {
    this.#reason.textContent = sentences;
    this.#retry.hidden = action === undefined;
    this.#retry.textContent = action ?? "";
    this.#bar.hidden = false;
  }

  /** Hides the bar. */
  clear(): void {
    this.#bar.hidden = true;
    this.#reason.textContent = "";
  }
}
