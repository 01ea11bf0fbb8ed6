/** Chat templates: the forms they have, where they stand, and where they fail. */

import { expect, test } from "vitest";
import { type ChatMessage, chatTemplate } from "../../../runtime/text/chat.ts";
import { openText } from "../../../runtime/text/open.ts";
import { failure, folderOf } from "../weights/sample-files.ts";

const special = { bos_token: "<s>", eos_token: "</s>" };
const hello: readonly ChatMessage[] = [
  { role: "user", content: [{ type: "text", text: " Hello " }] },
];
const look: readonly ChatMessage[] = [
  { role: "user", content: [{ type: "image" }, { type: "text", text: "Hello" }] },
];

const parts =
  "{% for m in messages %}{% for p in m.content %}{% if p.type == 'image' %}<image>{% else %}{{ p.text }}{% endif %}{% endfor %}{% endfor %}";
const texts =
  "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content.strip() }}{% endfor %}";
const printed = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}";

const render = (template: string, messages: readonly ChatMessage[]): string =>
  chatTemplate(template, "t.jinja", special).render(messages);

test("a template of parts, and templates of texts", () => {
  expect(render(parts, look)).toBe("<image>Hello");
  expect(render(texts, hello)).toBe("<s>[user] Hello");
  expect(render(printed, hello)).toBe(" Hello </s>");
  expect(render("{% if add_generation_prompt %}go{% endif %}", hello)).toBe("go");
});

test("a template of texts has no place for an image", async () => {
  expect(await failure(() => render(texts, look))).toMatch(/text\/template-images: .*t.jinja/);
});

test.each<readonly [string, string, RegExp]>([
  [
    "unknown statement",
    "one\n{% fro x in y %}\n{% endfor %}\nlast",
    /text\/template: t.jinja:2: Unknown statement/,
  ],
  ["bad character", "one\ntwo {{ a $ b }}\nthree", /text\/template: t.jinja:2: .*\$/],
  ["never closed", "{% if x %}\none\ntwo", /text\/template: t.jinja:\d: /],
  [
    "own exception",
    "one\n{# {{ no }} #}\n{% for m in messages %}\n  {{ raise_exception('bad role') }}\n{% endfor %}",
    /text\/template: t.jinja:4: bad role/,
  ],
  [
    "exception in a condition",
    "{% set a = 1 %}\n{% if undefined_function(a) %}\n{% endif %}\nlast",
    /text\/template: t.jinja:2: /,
  ],
  [
    "exception in a tag of many lines",
    "one\n{{ messages\n | nosuchfilter }}\nlast {{ x }}",
    /text\/template: t.jinja:2: .*nosuchfilter/,
  ],
])("the line of a failure: %s", async (_, template, expected) => {
  expect(await failure(() => render(template, hello))).toMatch(expected);
});

const tokenizer = JSON.stringify({
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: "BPE", vocab: { a: 0 }, merges: [] },
});
const named = [
  { name: "tool_use", template: "tool" },
  { name: "default", template: "of the settings" },
];

test.each<readonly [string, Readonly<Record<string, string>>, string | undefined]>([
  [
    "its own file",
    { "chat_template.jinja": "own", "chat_template.json": '{"chat_template":"older"}' },
    "own",
  ],
  [
    "the older file",
    {
      "chat_template.json": '{"chat_template":"older"}',
      "tokenizer_config.json": '{"chat_template":"x"}',
    },
    "older",
  ],
  [
    "the settings",
    { "tokenizer_config.json": '{"chat_template":"of the settings"}' },
    "of the settings",
  ],
  [
    "a list in the settings",
    { "tokenizer_config.json": JSON.stringify({ chat_template: named }) },
    "of the settings",
  ],
  ["nowhere", {}, undefined],
])("a template stands in %s", async (_, files, expected) => {
  const { chat } = await openText(folderOf({ ...files, "tokenizer.json": tokenizer }));
  expect(chat?.render(hello)).toBe(expected);
});

test("a list without a default template is refused", async () => {
  const files = {
    "tokenizer.json": tokenizer,
    "tokenizer_config.json": '{"chat_template":[{"name":"rag"}]}',
  };
  expect(await failure(() => openText(folderOf(files)))).toMatch(
    /json\/type: chat_template of weights\/tokenizer_config.json.*default/,
  );
});
