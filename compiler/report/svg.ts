/**
 * SVG elements as text, and the colours that pictures share. Numbers are to a hundredth of a pixel, so
 * that equal pictures are equal text.
 */

/** Fills of what a picture tells apart, and the same colours for what is only partly so. */
const colours: readonly { readonly fill: string; readonly tint: string }[] = [
  { fill: "#6d5dd3", tint: "#e2defa" },
  { fill: "#e07b39", tint: "#fbe5d6" },
  { fill: "#2a9d8f", tint: "#d5efec" },
  { fill: "#c2417c", tint: "#f8dce9" },
  { fill: "#4a7fb5", tint: "#dbe8f4" },
];
/** Text; what is said beside; the ground. */
export const ink = "#24292f";
export const faint = "#6b7280";
export const empty = "#f1f3f6";
/** The letters of a picture: those of the reader's system. */
export const font: string =
  "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

/** A filled rectangle; `more` are further attributes. */
export function rect(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  more: string = "",
): string {
  return `  <rect x="${pixels(x)}" y="${pixels(y)}" width="${pixels(width)}" height="${pixels(height)}" fill="${fill}"${more === "" ? "" : ` ${more}`}/>`;
}

/** A number of pixels, to a hundredth. */
export function pixels(value: number): string {
  return `${Math.round(value * 100) / 100}`;
}

/** Text between tags. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** A line of small text. */
export function words(x: number, y: number, anchor: string, text: string, colour: string): string {
  return `  <text x="${pixels(x)}" y="${pixels(y)}" text-anchor="${anchor}" font-size="12" fill="${colour}">${escaped(text)}</text>`;
}

/** The colours of the thing at `index`. */
export function colourOf(index: number): { readonly fill: string; readonly tint: string } {
  return colours[index % colours.length] ?? { fill: ink, tint: empty };
}
