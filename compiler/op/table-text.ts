/** The numbers of tables as text, to compare them by. */

const texts = new WeakMap<readonly number[], string>();

/** `data`, separated by commas. Written once for each list: tables are long, and passes share them. */
export function tableText(data: readonly number[]): string {
  const text = texts.get(data) ?? data.join();
  texts.set(data, text);
  return text;
}
