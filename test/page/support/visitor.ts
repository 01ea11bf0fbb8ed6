/** What a visitor does with the page and sees in it. */

import type { Browser } from "./chromium.ts";

/** A question in the page with its answer and what its phases took. */
export interface Shown {
  readonly question: string;
  readonly answer: string;
  /** By phase: whether it ran or was reused. */
  readonly ran: Readonly<Record<string, boolean>>;
}

/** Someone at the page. */
export class Visitor {
  readonly browser: Browser;

  constructor(browser: Browser) {
    this.browser = browser;
  }

  /** Opens the page and waits until the model is open, or is not. */
  async open(address: string): Promise<void> {
    await this.browser.open(address);
    await this.settled();
  }

  /** Waits until the model is open, or is not. */
  async settled(): Promise<void> {
    await this.browser.until(`["ready", "failed"].includes(document.body.dataset.state)`);
  }

  /** The sentence about the device. */
  async device(): Promise<string> {
    return String(await this.browser.evaluate(`document.querySelector("#status").innerText`));
  }

  /** The sentences of the error bar; empty while nothing is wrong. */
  async error(): Promise<string> {
    const bar = `document.querySelector("#error")`;
    const text = `document.querySelector("#reason").innerText`;
    return String(await this.browser.evaluate(`${bar}.hidden ? "" : ${text}`));
  }

  /** What has moved by itself since the page was opened, the log's inside aside. */
  async moved(): Promise<unknown> {
    return this.browser.evaluate(`new Promise((resolve) => {
      const isOutside = ({ node }) => node instanceof Element && !node.closest("#log");
      const name = ({ node }) => node.id || node.className || node.localName;
      new PerformanceObserver((list) => resolve(list.getEntries()
        .flatMap(({ sources }) => sources.filter(isOutside).map(name))))
        .observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve([]), 500);
    })`);
  }

  /** Takes a picture that comes with the page. */
  async pick(name: string): Promise<void> {
    await this.browser.evaluate(`document.querySelector('[name=sample][value="${name}"]').click()`);
  }

  /** Takes a device. */
  async choose(device: string): Promise<void> {
    await this.browser.evaluate(
      `document.querySelector('[name=backend][value=${device}]').click()`,
    );
    await this.settled();
  }

  /** Drops a file onto the picture. */
  async drop(name: string, bytes: Uint8Array): Promise<void> {
    await this.browser.evaluate(`{
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array([${bytes.join()}])], ${JSON.stringify(name)}));
      const drop = { dataTransfer: data, bubbles: true, cancelable: true };
      document.querySelector("#frame").dispatchEvent(new DragEvent("drop", drop));
    }`);
  }

  /** Asks by the form, and waits for the whole answer. */
  async ask(question: string): Promise<Shown> {
    const count = Number(await this.browser.evaluate(`document.querySelectorAll(".entry").length`));
    await this.browser.evaluate(`{
      document.querySelector("#question").value = ${JSON.stringify(question)};
      document.querySelector("#ask").click();
    }`);
    return this.answered(count);
  }

  /** The entry at `index`, once its answer is whole. */
  async answered(index: number): Promise<Shown> {
    const entry = `document.querySelectorAll(".entry")[${index}]`;
    await this.browser.until(`${entry}?.dataset.state === "done"`);
    const text = await this.browser.evaluate(`JSON.stringify({
      question: ${entry}.querySelector(".asked").innerText,
      answer: ${entry}.querySelector(".answer").innerText,
      ran: Object.fromEntries([...${entry}.querySelectorAll(".phase")].map(({ dataset }) =>
        [dataset.phase, dataset.ran === "true"])),
    })`);
    return JSON.parse(String(text));
  }
}
