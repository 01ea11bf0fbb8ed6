/** Numbers as people read them, with three digits that count. */

const decimal = ["", "k", "M", "G", "T", "P"];
const binary = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `8.50 TFLOP`; `0` stays `0`. */
export function showFlops(flops: number): string {
  return flops === 0
    ? "0"
    : scaled(
        flops,
        1000,
        decimal.map((prefix) => `${prefix}FLOP`),
      );
}

/** `288 MiB`; `0` stays `0`. */
export function showBytes(bytes: number): string {
  return bytes === 0 ? "0" : scaled(bytes, 1024, binary);
}

/** `90.5 %`. */
export function showPercent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** `1 image`, `576 rows`. */
export function showCount(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function scaled(value: number, step: number, units: readonly string[]): string {
  const size = Math.abs(value);
  let power = 0;
  // What would be rounded up to a whole step is one unit further.
  while (power < units.length - 1 && round(size / step ** power) >= step) power++;
  const shown = size / step ** power;
  const text = Number.isInteger(value) && power === 0 ? `${size}` : digits(shown);
  return `${value < 0 ? "−" : ""}${text} ${units[power] ?? ""}`;
}

/** To three digits, or to a whole number where there are more before the point. */
function round(value: number): number {
  return Number(digits(value));
}

function digits(value: number): string {
  const before = Math.max(1, Math.floor(Math.log10(value)) + 1);
  return value.toFixed(Math.max(0, 3 - before));
}
