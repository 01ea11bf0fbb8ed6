/** The conversation: questions, answers as they come, and what each phase took. */

import type { PhaseTiming } from "braid/runtime";
import { element, required } from "./element.ts";
import { phaseTimes } from "./phase-times.ts";

/** A question that was asked, with the place of its answer. */
export interface Entry {
  /** Shows the answer so far. */
  answer(text: string, timings: readonly PhaseTiming[]): void;
  /** Says in a sentence what went wrong. */
  failed(sentence: string): void;
  /** Marks the answer as whole. */
  done(): void;
}

/** The right part of the page. */
export class TalkPanel {
  readonly #log: HTMLElement = required("log", HTMLElement);
  readonly #empty: HTMLElement = required("empty", HTMLElement);
  readonly #question: HTMLInputElement = required("question", HTMLInputElement);
  readonly #button: HTMLButtonElement = required("ask", HTMLButtonElement);
  readonly #anew: HTMLButtonElement = required("anew", HTMLButtonElement);
  #answering: boolean = false;

  constructor(listener: { ask(question: string): void; stop(): void; anew(): void }) {
    const ask = (question: string): void => {
      if (!this.#answering && question !== "") listener.ask(question);
    };
    for (const button of document.querySelectorAll(".suggestion")) {
      button.addEventListener("click", () => ask(button.textContent ?? ""));
    }
    required("form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#answering) {
        listener.stop();
        return;
      }
      ask(this.#question.value.trim());
      this.#question.value = "";
    });
    this.#anew.addEventListener("click", () => listener.anew());
  }

  /**
   * Adds a question; until its entry is done the button stops the answer. `note` stands in its place
   * until the answer begins.
   */
  add(question: string, note: string): Entry {
    this.#setAnswering(true);
    this.#empty.hidden = true;
    this.#anew.hidden = false;
    const entry = element("article", "entry");
    entry.dataset["state"] = "answering";
    // Screen readers wait for the whole answer.
    entry.ariaBusy = "true";
    const answer = element("p", "answer");
    const phases = element("div", "phases");
    phases.append(element("span", "all note", note));
    entry.append(element("h3", "asked", question), answer, phases);
    this.#log.append(entry);
    this.#toEnd();
    return {
      answer: (text, timings) => {
        answer.textContent = text;
        phases.replaceChildren(...phaseTimes(timings));
        this.#toEnd();
      },
      failed: (sentence) => {
        entry.dataset["state"] = "failed";
        entry.ariaBusy = "false";
        phases.querySelector(".note")?.remove();
        entry.append(element("p", "error", sentence));
        this.#setAnswering(false);
        this.#toEnd();
      },
      done: () => {
        entry.dataset["state"] = "done";
        entry.ariaBusy = "false";
        phases.querySelector(".note")?.remove();
        if (answer.textContent === "") answer.textContent = "(no answer)";
        this.#setAnswering(false);
      },
    };
  }

  /** Empties the log. */
  clear(): void {
    this.#log.replaceChildren(this.#empty);
    this.#empty.hidden = false;
    this.#anew.hidden = true;
  }

  #setAnswering(answering: boolean): void {
    this.#answering = answering;
    this.#button.textContent = answering ? "Stop" : "Ask";
  }

  #toEnd(): void {
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}
