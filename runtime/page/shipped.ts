/** The checkpoint that comes with the page. */

import { files } from "page/checkpoint";

/** A file beside the page. */
export interface ShippedFile {
  readonly name: string;
  readonly address: URL;
}

/** The checkpoint; the page can lie in any folder of any server. */
export const checkpointFiles: readonly ShippedFile[] = files.map(({ name, address }) => ({
  name,
  address: new URL(address, import.meta.url),
}));
