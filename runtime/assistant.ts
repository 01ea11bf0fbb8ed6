/**
 * Questions about images, in words: a session, the tokenizer and the image settings of one checkpoint
 * folder, and a conversation. The images stay from question to question; what was computed of them
 * does, too.
 */

import { BraidError } from "./errors.ts";
import { Conversation, type GenerationEvent } from "./generate.ts";
import type { Inputs } from "./inputs.ts";
import { decodeImage } from "./image/decode.ts";
import { openPreprocess } from "./image/open.ts";
import { type ImageTensor, preprocess } from "./image/preprocess.ts";
import type { PreprocessSettings } from "./image/preprocess-settings.ts";
import { seededRandom } from "./random.ts";
import { checkOptions, greedy, sample } from "./sample.ts";
import type { Session } from "./session.ts";
import { evaluateSize } from "./size.ts";
import { floats, type HostTensor, integers } from "./tensor.ts";
import type { ChatMessage, MessagePart } from "./text/chat.ts";
import { openText, type TextSide } from "./text/open.ts";
import { type SplitPrompt, splitPlaceholders } from "./text/placeholders.ts";
import type { Folder } from "./weights/folder.ts";

/** How an answer is chosen and ended. */
export interface AskOptions {
  /** The answer has at most so many tokens; 256 if absent. */
  readonly maxTokens?: number;
  /** 0, or absent: always the likeliest token. */
  readonly temperature?: number;
  readonly topP?: number;
  /** The same seed gives the same answer. */
  readonly seed?: number;
  readonly stopStrings?: readonly string[];
  readonly signal?: AbortSignal;
}

/** A conversation about images. One question at a time. */
export class Assistant {
  readonly session: Session;
  readonly #text: TextSide;
  readonly #folder: Folder;
  readonly #conversation: Conversation;
  #settings: PreprocessSettings | undefined;
  #images: readonly ImageTensor[] = [];
  #messages: readonly ChatMessage[] = [];

  private constructor(session: Session, folder: Folder, text: TextSide) {
    this.session = session;
    this.#folder = folder;
    this.#text = text;
    this.#conversation = new Conversation(session);
  }

  /** Reads what `folder` says about text. Throws a named error if it has no tokenizer. */
  static async open(session: Session, folder: Folder): Promise<Assistant> {
    return new Assistant(session, folder, await openText(folder));
  }

  /** Shows images (PNG or JPEG) and forgets the conversation so far. */
  async show(
    images: readonly { readonly bytes: Uint8Array; readonly name: string }[],
  ): Promise<void> {
    const settings = this.#settings ?? (await openPreprocess(this.#folder));
    this.#settings = settings;
    this.#images = images.map(({ bytes, name }) => preprocess(decodeImage(bytes, name), settings));
    this.#messages = [];
  }

  /** Forgets the conversation; the images stay. */
  forget(): void {
    this.#messages = [];
  }

  /**
   * The answer to `question`, as it comes, with what was said before in view. The first question of a
   * conversation carries the images. If iteration is stopped early, the part that came is remembered.
   */
  async *ask(
    question: string,
    options: AskOptions = {},
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const first = this.#messages.length === 0;
    const messages = [...this.#messages, this.#asked(question, first ? this.#images : [])];
    const prompt = this.#prompt(messages);
    let answer = "";
    try {
      for await (const event of this.#conversation.answer({
        inputs: this.#imageInputs(prompt),
        tokens: prompt.text,
        positions: prompt.textPositions,
        choose: chooser(options),
        endTokens: new Set(this.#text.stop.ids),
        maxTokens: options.maxTokens ?? 256,
        text: this.#text.tokenizer.stream(),
        stopStrings: options.stopStrings ?? [],
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      })) {
        answer += event.text;
        yield event;
      }
    } finally {
      const said: ChatMessage = {
        role: "assistant",
        content: [{ type: "text", text: answer.trim() }],
      };
      this.#messages = [...messages, said];
    }
  }

  /**
   * What a first question about the images shown is to a model that does not answer: its inputs, for
   * `session.forward`.
   */
  inputsOf(question: string): Inputs {
    const { plan } = this.session;
    const [tokens, other] = plan.inputs.filter(({ role }) => role === "token");
    if (tokens === undefined || other !== undefined) {
      throw new BraidError("text/input", `${plan.model} does not take one text`, {
        hint: "give its inputs as tensors",
      });
    }
    const prompt = this.#prompt([this.#asked(question, this.#images)]);
    const [rows] = tokens.axes;
    const positions = plan.inputs.find(
      ({ role, axes }) => role === "position" && axes[0]?.size === rows?.size,
    );
    return {
      ...this.#imageInputs(prompt),
      [tokens.name]: integers(prompt.text),
      ...(positions === undefined ? {} : { [positions.name]: integers(prompt.textPositions) }),
    };
  }

  #asked(question: string, images: readonly ImageTensor[]): ChatMessage {
    const shown: MessagePart[] = images.map(() => ({ type: "image" }));
    return { role: "user", content: [...shown, { type: "text", text: question }] };
  }

  #prompt(messages: readonly ChatMessage[]): SplitPrompt {
    const { chat, tokenizer } = this.#text;
    const placeholder = this.session.plan.segments.find((each) => each.placeholder !== undefined);
    const text = chat?.render(messages) ?? plainPrompt(messages, placeholder?.placeholder);
    const ids = tokenizer.encodePrompt(text);
    if (placeholder?.placeholder === undefined) return splitPlaceholders(ids, -1, []);
    const id = tokenizer.idOf(placeholder.placeholder);
    if (id === undefined) {
      const message = `the tokenizer has no token ${placeholder.placeholder}, at which the model places \`${placeholder.name}\``;
      throw new BraidError("text/placeholder", message, {
        hint: "write the checkpoint's image token behind `at` in the sequence",
      });
    }
    return splitPlaceholders(ids, id, this.#rowsPerImage(placeholder.size));
  }

  #rowsPerImage(size: Parameters<typeof evaluateSize>[0]): readonly number[] {
    const input = imageInput(this.session);
    const symbol = input.axes[0]?.size;
    if (typeof symbol !== "string") return [];
    const rows = evaluateSize(size, new Map([[symbol, 1]]));
    return this.#images.map(() => rows);
  }

  #imageInputs(prompt: SplitPrompt): Readonly<Record<string, HostTensor>> {
    const { plan } = this.session;
    const segment = plan.segments.find((each) => each.placeholder !== undefined);
    if (segment === undefined) return {};
    const input = imageInput(this.session);
    const [, channels, rows, columns] = input.axes.map((axis) =>
      typeof axis.size === "number" ? axis.size : 0,
    );
    const wrong = this.#images.find((each) => each.rows !== rows || each.columns !== columns);
    if (wrong !== undefined) {
      const message = `the image becomes ${wrong.columns} × ${wrong.rows}, but \`${input.name}\` is ${columns} × ${rows}`;
      throw new BraidError("image/size", message, {
        hint: "make `size` in preprocessor_config.json and the model's image size agree",
      });
    }
    const size = (channels ?? 3) * (rows ?? 0) * (columns ?? 0);
    const data = new Float32Array(this.#images.length * size);
    for (const [index, image] of this.#images.entries()) data.set(image.data, index * size);
    const shape = [this.#images.length, channels ?? 3, rows ?? 0, columns ?? 0];
    const known = new Set(plan.inputs.map((each) => each.name));
    return {
      [input.name]: floats(data, shape),
      ...(known.has(segment.positions)
        ? { [segment.positions]: integers(prompt.visualPositions) }
        : {}),
    };
  }
}

/** The only input that is a stack of images: `[images, channels, rows, columns]`. */
function imageInput(session: Session): Session["plan"]["inputs"][number] {
  const { inputs, model } = session.plan;
  const found = inputs.filter(({ role, axes }) => role === "tensor" && axes.length === 4);
  const [only, other] = found;
  if (only !== undefined && other === undefined) return only;
  const names = inputs.map((input) => `\`${input.name}\``).join(", ");
  throw new BraidError("image/input", `${model} has ${found.length} inputs for images, not one`, {
    hint: `its inputs are ${names}; use the session's \`forward\` or \`run\` with tensors`,
  });
}

function chooser(options: AskOptions): (logits: Float32Array) => number {
  const { temperature = 0, topP } = options;
  if (temperature === 0) return greedy;
  const settings = { temperature, ...(topP === undefined ? {} : { topP }) };
  checkOptions(settings);
  const random = seededRandom(options.seed ?? 0);
  return (logits) => sample(logits, settings, random);
}

/** Without a chat template: the placeholders, then everything said, a line each. */
function plainPrompt(messages: readonly ChatMessage[], placeholder: string | undefined): string {
  return messages
    .map(({ content }) =>
      content.map((part) => (part.type === "text" ? part.text : `${placeholder ?? ""}\n`)).join(""),
    )
    .join("\n");
}
