/** The page: a picture, a conversation about it, and the device that runs the model. */

import { BraidError, type Folder } from "braid/runtime";
import { Conversation, type Picture } from "./conversation.ts";
import { DevicePanel } from "./device-panel.ts";
import { download, downloadFolder } from "./download.ts";
import { ErrorBar } from "./error-bar.ts";
import { openAssistant } from "./open.ts";
import { PicturePanel } from "./picture-panel.ts";
import { checkpointFiles, type ShippedFile } from "./shipped.ts";
import { TalkPanel } from "./talk-panel.ts";
import { explain } from "./words.ts";

/** Everything that changes while the page is open. */
class Page {
  readonly #device: DevicePanel = new DevicePanel();
  readonly #errors: ErrorBar = new ErrorBar(() => void this.#open());
  readonly #pictures: PicturePanel;
  readonly #talk: TalkPanel;
  #conversation: Conversation | undefined;
  /** The checkpoint, fetched once for all devices. */
  #folder: Promise<Folder> | undefined;
  #picture: Promise<Picture> | undefined;
  /** Counts what was picked, so that a slow picture does not replace a later one. */
  #picks: number = 0;

  constructor() {
    this.#pictures = new PicturePanel({
      sample: (sample) => void this.#pickSample(sample),
      file: (file) => void this.#pickFile(file),
    });
    this.#talk = new TalkPanel({
      ask: (question) => void this.#ask(question),
      stop: () => this.#conversation?.stop(),
      anew: () => void this.#anew(),
    });
    this.#device.onChoose(() => void this.#open());
  }

  /** Shows the first picture and opens the model. */
  begin(query: URLSearchParams): void {
    const unknown = this.#device.chooseFrom(query);
    const first = this.#pictures.showSample();
    if (first !== undefined) void this.#pickSample(first);
    void this.#open();
    if (unknown !== undefined) {
      this.#errors.tell(`There is no device “${unknown}”: choose one of those above.`);
    }
  }

  /** Opens the model on the device that is chosen in the page, and shows it the picture. */
  async #open(): Promise<void> {
    this.#errors.clear();
    this.#conversation?.close();
    this.#talk.clear();
    this.#device.begin();
    const started = performance.now();
    let conversation: Conversation | undefined;
    const isCurrent = (): boolean => this.#conversation === conversation;
    const opening = openAssistant(this.#device.wanted, this.#checkpoint(), {
      device: (reason) => isCurrent() && this.#device.device(reason),
      kernels: (done, total) => isCurrent() && this.#device.kernels(done, total),
    });
    conversation = new Conversation(opening);
    this.#conversation = conversation;
    try {
      if (this.#picture !== undefined) await conversation.show(this.#picture);
      await opening;
      if (isCurrent()) this.#device.ready(performance.now() - started);
    } catch (error) {
      if (isCurrent()) this.#closed(error);
    }
  }

  /** The checkpoint's files; again if they did not come. */
  #checkpoint(): Promise<Folder> {
    const folder =
      this.#folder ??
      downloadFolder(checkpointFiles, (done, total) => this.#device.weights(done, total));
    this.#folder = folder;
    folder.catch(() => {
      if (this.#folder === folder) this.#folder = undefined;
    });
    return folder;
  }

  async #pickSample(sample: ShippedFile): Promise<void> {
    this.#picks++;
    this.#errors.clear();
    this.#talk.clear();
    this.#picture = download(sample).then((bytes) => ({ name: sample.name, bytes }));
    try {
      await this.#conversation?.show(this.#picture);
    } catch (error) {
      this.#errors.tell(explain(error));
    }
  }

  /** Shows the visitor's file, if it is a picture; what was there before stays if not. */
  async #pickFile(file: File): Promise<void> {
    const pick = ++this.#picks;
    this.#errors.clear();
    const picture = file.arrayBuffer().then((buffer) => ({
      name: file.name,
      bytes: new Uint8Array(buffer),
    }));
    try {
      await this.#conversation?.show(picture);
      if (pick !== this.#picks) return;
      this.#picture = picture;
      this.#pictures.showFile(file);
      this.#talk.clear();
    } catch (error) {
      this.#errors.tell(explain(error));
    }
  }

  async #ask(question: string): Promise<void> {
    const conversation = this.#conversation;
    const entry = this.#talk.add(question, this.#device.isOpen ? "" : "waits for the model");
    try {
      await conversation?.ask(question, (text, timings) => entry.answer(text, timings));
      entry.done();
    } catch (error) {
      entry.failed(explain(error));
      const lost = error instanceof BraidError && error.code === "webgpu/lost";
      if (lost && this.#conversation === conversation) this.#closed(error);
    }
  }

  async #anew(): Promise<void> {
    this.#errors.clear();
    this.#talk.clear();
    await this.#conversation?.forget().catch((error) => this.#errors.tell(explain(error)));
  }

  /** Says that no model is open, why, and offers to try again. */
  #closed(error: unknown): void {
    this.#device.failed();
    this.#errors.tell(explain(error), "Try again");
  }
}

new Page().begin(new URLSearchParams(location.search));
