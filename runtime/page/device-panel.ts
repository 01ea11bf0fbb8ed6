/** Which device runs the model, why, and how far loading is. */

import { type BackendName, backendNames } from "braid/runtime";
import { required } from "./element.ts";
import { duration, megabytes } from "./words.ts";

/** The upper part of the page. */
export class DevicePanel {
  readonly #choices: HTMLFieldSetElement = required("device", HTMLFieldSetElement);
  readonly #status: HTMLElement = required("status", HTMLElement);
  readonly #loading: HTMLElement = required("loading", HTMLElement);
  readonly #progress: HTMLProgressElement = required("progress", HTMLProgressElement);
  #weights: { readonly done: number; readonly total: number } = { done: 0, total: 0 };
  #kernels: { readonly done: number; readonly total: number } = { done: 0, total: 0 };

  /** Calls `listener` when the visitor wants another device. */
  onChoose(listener: (name: BackendName) => void): void {
    this.#choices.addEventListener("change", () => listener(this.wanted));
  }

  /** The device that is chosen in the page. */
  get wanted(): BackendName {
    const checked = this.#choices.querySelector<HTMLInputElement>("input:checked");
    return backendNames.find((name) => name === checked?.value) ?? "auto";
  }

  /** Chooses the device that the address names: `?backend=cpu`. Gives back what it does not know. */
  chooseFrom(query: URLSearchParams): string | undefined {
    const name = query.get("backend");
    if (name === null) return undefined;
    const input = [...this.#choices.querySelectorAll("input")].find(({ value }) => value === name);
    if (input === undefined) return name;
    input.checked = true;
    return undefined;
  }

  /** Whether the model is ready. */
  get isOpen(): boolean {
    return document.body.dataset["state"] === "ready";
  }

  /** Says that loading begins. */
  begin(): void {
    document.body.dataset["state"] = "loading";
    this.#status.textContent = "Looking for a device…";
    this.#kernels = { done: 0, total: 0 };
    this.#show();
  }

  /** Says which device is used and why. */
  device(reason: string): void {
    this.#status.textContent = reason;
  }

  /** Says how many bytes of weights have come. */
  weights(done: number, total: number): void {
    this.#weights = { done, total };
    this.#show();
  }

  /** Says how many kernels are compiled. */
  kernels(done: number, total: number): void {
    this.#kernels = { done, total };
    this.#show();
  }

  /** Says that the model is ready, after so many milliseconds. */
  ready(milliseconds: number): void {
    document.body.dataset["state"] = "ready";
    const weights = megabytes(this.#weights.done);
    const { total } = this.#kernels;
    const took = duration(milliseconds);
    this.#loading.textContent = `Ready in ${took}: ${weights} of weights, ${total} kernels.`;
    this.#progress.value = 1;
  }

  /** Says that the model could not be opened. */
  failed(): void {
    document.body.dataset["state"] = "failed";
    this.#status.textContent = "No model is open.";
    this.#loading.textContent = "";
    this.#progress.value = 0;
  }

  #show(): void {
    if (document.body.dataset["state"] !== "loading") return;
    const { done, total } = this.#weights;
    const kernels = this.#kernels;
    const weights = total === 0 ? "…" : ` ${megabytes(done)} of ${megabytes(total)}`;
    const compiled = kernels.total === 0 ? "…" : ` ${kernels.done} of ${kernels.total}`;
    this.#loading.textContent = `Weights${weights}, kernels${compiled}`;
    // Both go on at once; the bar is full when both are done.
    this.#progress.value = (share(this.#weights) + share(kernels)) / 2;
  }
}

function share({ done, total }: { readonly done: number; readonly total: number }): number {
  return total === 0 ? 0 : done / total;
}
