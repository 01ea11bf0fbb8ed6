/** Image files that a verb is given. They are read before a model is loaded, which may take long. */

import { expectImage } from "../../runtime/image/decode.ts";
import { readBytes } from "../../runtime/node/index.ts";

/** A file that begins as a PNG or JPEG does. */
export interface ImageFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The files at `paths`; an `image/…` error names the first that is none. */
export async function readImages(paths: readonly string[] = []): Promise<readonly ImageFile[]> {
  const images: ImageFile[] = [];
  for (const name of paths) {
    const bytes = await readBytes(name, "image/file");
    expectImage(bytes, name);
    images.push({ name, bytes });
  }
  return images;
}
