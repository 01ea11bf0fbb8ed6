/**
 * What comes with the page: the checkpoint, some pictures, and questions to begin with.
 *
 * Each address is written out as `new URL(…, import.meta.url)`, which bundlers read: the files are
 * copied beside the page, and the page can lie in any folder of any server.
 */

/** A file beside the page. */
export interface ShippedFile {
  readonly name: string;
  readonly address: URL;
}

/** A picture and what people who do not see it are told. */
export interface Sample extends ShippedFile {
  readonly description: string;
}

/** The checkpoint, as it lies in `weights`. */
export const checkpointFiles: readonly ShippedFile[] = [
  {
    name: "model.safetensors",
    address: new URL("../weights/model.safetensors", import.meta.url),
  },
  { name: "tokenizer.json", address: new URL("../weights/tokenizer.json", import.meta.url) },
  {
    name: "tokenizer_config.json",
    address: new URL("../weights/tokenizer_config.json", import.meta.url),
  },
  {
    name: "chat_template.jinja",
    address: new URL("../weights/chat_template.jinja", import.meta.url),
  },
  {
    name: "preprocessor_config.json",
    address: new URL("../weights/preprocessor_config.json", import.meta.url),
  },
  { name: "config.json", address: new URL("../weights/config.json", import.meta.url) },
];

/** Pictures of the evaluation set: the model has not seen them in training. */
export const samples: readonly Sample[] = [
  {
    name: "22.png",
    address: new URL("../images/22.png", import.meta.url),
    description: "a yellow triangle, a blue circle, a green cross and an orange diamond",
  },
  {
    name: "0.png",
    address: new URL("../images/0.png", import.meta.url),
    description: "a large green diamond and a small green square",
  },
  {
    name: "3.png",
    address: new URL("../images/3.png", import.meta.url),
    description: "a green diamond, a blue cross, a purple square and a blue square",
  },
  {
    name: "7.png",
    address: new URL("../images/7.png", import.meta.url),
    description: "a purple triangle, a red diamond and a red cross",
  },
  {
    name: "4.png",
    address: new URL("../images/4.png", import.meta.url),
    description: "a red square, a blue square, a red cross and a green triangle",
  },
  {
    name: "18.png",
    address: new URL("../images/18.png", import.meta.url),
    description: "a blue cross and diamonds in yellow, green and orange",
  },
  {
    name: "19.png",
    address: new URL("../images/19.png", import.meta.url),
    description: "a purple circle, a purple cross, a red square and an orange triangle",
  },
  {
    name: "10.png",
    address: new URL("../images/10.png", import.meta.url),
    description: "a green circle, a yellow triangle and a red triangle",
  },
  {
    name: "28.png",
    address: new URL("../images/28.png", import.meta.url),
    description: "a red circle, a green triangle and a yellow diamond",
  },
  {
    name: "12.png",
    address: new URL("../images/12.png", import.meta.url),
    description: "a green circle and a green diamond",
  },
];

/** Questions that make sense about every picture. */
export const questions: readonly string[] = [
  "how many objects are there?",
  "describe the image from left to right.",
  "is there a blue square?",
  "how many red objects are there?",
];
