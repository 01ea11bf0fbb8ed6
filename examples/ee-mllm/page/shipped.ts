/**
 * The checkpoint that comes with the page.
 *
 * Each address is written out as `new URL(…, import.meta.url)`, which bundlers read: the files are
 * copied beside the page, and the page can lie in any folder of any server.
 */

/** A file beside the page. */
export interface ShippedFile {
  readonly name: string;
  readonly address: URL;
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
