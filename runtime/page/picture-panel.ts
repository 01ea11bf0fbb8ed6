/** The picture that is asked about: one that comes with the page, or the visitor's own. */

import { required } from "./element.ts";
import type { ShippedFile } from "./shipped.ts";

/** Called with what the visitor picked. */
export interface PictureListener {
  sample(sample: ShippedFile): void;
  file(file: File): void;
}

/** The left part of the page. */
export class PicturePanel {
  readonly #frame: HTMLElement = required("frame", HTMLElement);
  readonly #shown: HTMLImageElement = required("shown", HTMLImageElement);
  readonly #samples: HTMLFieldSetElement = required("samples", HTMLFieldSetElement);
  #address: string | undefined;

  constructor(listener: PictureListener) {
    this.#samples.addEventListener("change", () => {
      const sample = this.showSample();
      if (sample !== undefined) listener.sample(sample);
    });
    const file = required("file", HTMLInputElement);
    required("choose", HTMLButtonElement).addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      const [chosen] = file.files ?? [];
      if (chosen !== undefined) listener.file(chosen);
      // The same file can be chosen again.
      file.value = "";
    });
    this.#acceptDrops(listener);
    document.addEventListener("paste", ({ clipboardData }) => {
      const [pasted] = clipboardData?.files ?? [];
      if (pasted !== undefined) listener.file(pasted);
    });
  }

  /** Shows the picture that is chosen among those that come with the page, and gives it. */
  showSample(): ShippedFile | undefined {
    const input = this.#samples.querySelector<HTMLInputElement>("input:checked");
    const image = input?.parentElement?.querySelector("img");
    if (input === null || image === null || image === undefined) return undefined;
    this.#show(image.src, image.alt);
    return { name: input.value, address: new URL(image.src) };
  }

  /** Shows the visitor's picture. */
  showFile(file: File): void {
    const address = URL.createObjectURL(file);
    this.#show(address, `Your picture ${file.name}`);
    this.#address = address;
    for (const input of this.#samples.querySelectorAll("input")) input.checked = false;
  }

  #show(address: string, description: string): void {
    if (this.#address !== undefined) URL.revokeObjectURL(this.#address);
    this.#address = undefined;
    this.#shown.src = address;
    this.#shown.alt = description;
  }

  /** Files can be dropped anywhere: beside the frame the browser would leave the page for them. */
  #acceptDrops(listener: PictureListener): void {
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.#frame.dataset["over"] = "true";
    });
    document.addEventListener("dragleave", ({ relatedTarget }) => {
      if (relatedTarget === null) delete this.#frame.dataset["over"];
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      delete this.#frame.dataset["over"];
      const [dropped] = event.dataTransfer?.files ?? [];
      if (dropped !== undefined) listener.file(dropped);
    });
  }
}
