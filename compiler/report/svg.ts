/** SVG elements as text; numbers to a hundredth of a pixel, so that equal pictures are equal text. */

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
