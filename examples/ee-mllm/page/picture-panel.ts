/** The picture that is asked about: one that comes with the page, or the visitor's own. */

import { element, required } from "./element.ts";
import type { Sample } from "./shipped.ts";

/** Called with what the visitor picked. */
export interface PictureListener {
  sample(sample: Sample): void;
  file(file: File): void;
}

/** The left part of the page. */
export class PicturePanel {
  readonly #frame: HTMLElement = required("frame", HTMLElement);
  readonly #shown: HTMLImageElement = required("shown", HTMLImageElement);
  readonly #samples: HTMLFieldSetElement = required("samples", HTMLFieldSetElement);
  #address: string | undefined;

  constructor(samples: readonly Sample[], listener: PictureListener) {
    for (const [index, sample] of samples.entries()) {
      this.#samples.append(choiceOf(sample, index === 0, () => listener.sample(sample)));
    }
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

  /** Shows a picture that comes with the page. */
  showSample({ address, description }: Sample): void {
    this.#show(address.href, description);
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

/** A picture as one of several: arrow keys move between them. */
function choiceOf(sample: Sample, checked: boolean, choose: () => void): HTMLLabelElement {
  const label = element("label", "sample");
  const input = element("input", "unseen");
  input.type = "radio";
  input.name = "sample";
  input.value = sample.name;
  input.checked = checked;
  input.addEventListener("change", choose);
  const image = element("img", "");
  image.src = sample.address.href;
  image.alt = sample.description;
  image.width = 64;
  image.height = 64;
  label.append(input, image);
  return label;
}
