/** What a file is, by its first bytes rather than by its name. */

/** `PNG`, `JPEG`, or in words what it looks like instead: `a GIF image`, `an HTML page`. */
export function looksLike(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  const head = String.fromCharCode(...bytes.subarray(0, 64));
  const known = signatures.find(({ at = 0, start }) => head.startsWith(start, at));
  if (known !== undefined) return known.kind;
  const markup = head.trimStart().toLowerCase();
  const page = markups.find(({ start }) => markup.startsWith(start));
  if (page !== undefined) return page.kind;
  return /^[\t\n\r\x20-\x7e]*$/.test(head) ? "text" : "of an unknown format";
}

interface Signature {
  /** Where `start` stands; 0 where nothing is said. */
  readonly at?: number;
  readonly start: string;
  readonly kind: string;
}

const signatures: readonly Signature[] = [
  { start: "\x89PNG\r\n\x1a\n", kind: "PNG" },
  { start: "\xff\xd8\xff", kind: "JPEG" },
  { start: "GIF8", kind: "a GIF image" },
  { at: 8, start: "WEBP", kind: "a WebP image" },
  { start: "BM", kind: "a BMP image" },
  { start: "II*\0", kind: "a TIFF image" },
  { start: "MM\0*", kind: "a TIFF image" },
  { at: 4, start: "ftypavi", kind: "an AVIF image" },
  { at: 4, start: "ftyphe", kind: "a HEIC image" },
  { at: 4, start: "ftypm", kind: "a HEIC image or a film" },
  { at: 4, start: "JXL ", kind: "a JPEG XL image" },
  { start: "\xff\x0a", kind: "a JPEG XL image" },
  { at: 4, start: "jP  ", kind: "a JPEG 2000 image" },
  { start: "\0\0\x01\0", kind: "an icon file" },
  { start: "%PDF", kind: "a PDF document" },
  { start: "PK\x03\x04", kind: "a ZIP archive" },
  { start: "version https://git-lfs", kind: "a Git LFS pointer, not the file itself" },
];

const markups: readonly Signature[] = [
  { start: "<svg", kind: "an SVG drawing" },
  { start: "<!doctype html", kind: "an HTML page" },
  { start: "<html", kind: "an HTML page" },
  { start: "<?xml", kind: "an XML file" },
];
