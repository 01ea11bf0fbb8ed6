/** Amounts of memory as people write them. */

const units = ["bytes", "KiB", "MiB", "GiB"] as const;

/** `bytes` in the largest unit of which there is one, to a tenth: `62.5 KiB`, `4 GiB`. */
export function showBytes(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
