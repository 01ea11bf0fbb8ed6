/** Names that are good in C++ and in Python. */

const reserved = new Set(
  (
    "and as assert async await auto bool break case catch char class const continue def default del " +
    "delete do double elif else enum except explicit export extern false finally float for from global " +
    "if import in inline int is lambda long mutable namespace new none nonlocal not operator or pass " +
    "private protected public raise register return short signed sizeof static struct switch template " +
    "this throw torch true try type typedef typename union unsigned using virtual void volatile while " +
    "with yield"
  ).split(" "),
);

/** `text` with everything else than letters, digits and `_` replaced. */
export function identifier(text: string): string {
  const plain = text.replace(/[^A-Za-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  const named = /^[A-Za-z]/.test(plain) ? plain : `_${plain}`;
  return reserved.has(named.toLowerCase()) ? `${named}_` : named;
}

/** Names that are used once each. */
export class Identifiers {
  readonly #taken: Set<string> = new Set();

  /** `wanted`, with a number behind it if that is taken. */
  take(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#taken.has(name); count++) name = `${wanted}_${count}`;
    this.#taken.add(name);
    return name;
  }
}
