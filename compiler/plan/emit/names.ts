/**
 * Names for the declarations of an emitted file: legal, none taken twice, near to what they stand
 * for.
 */

/** Words that TypeScript keeps for itself, and globals that the emitted code uses. */
const reserved: readonly string[] = [
  ..."break case catch class const continue debugger default delete do else enum export".split(" "),
  ..."extends false finally for function if import in instanceof new null return super".split(" "),
  ..."switch this throw true try typeof var void while with implements interface let".split(" "),
  ..."package private protected public static yield await async of arguments eval".split(" "),
  ..."undefined NaN Infinity Object Promise URL AsyncGenerator Plan plan calls".split(" "),
];

/** Hands out names that are not taken. */
export class Names {
  private readonly taken: Set<string>;

  constructor(others: Iterable<string>) {
    this.taken = new Set([...reserved, ...others]);
  }

  /** `wanted` as an identifier, with a number behind it where it is taken. */
  take(wanted: string): string {
    const base = identifierOf(wanted);
    let name = base;
    for (let count = 2; this.taken.has(name); count++) name = `${base}_${count}`;
    this.taken.add(name);
    return name;
  }

  /** Whether `name` would be given as it is. */
  has(name: string): boolean {
    return identifierOf(name) === name && !this.taken.has(name);
  }
}

/** `wanted` with everything that identifiers cannot have replaced by one `_`. */
export function identifierOf(wanted: string): string {
  const name = wanted.replace(/[^A-Za-z0-9_]+/g, "_");
  return /^[A-Za-z_]/.test(name) ? name : `_${name}`;
}

/** The name of the class of a model: `ee-mllm` gives `EeMllm`. */
export function className(model: string): string {
  const name = upper(camelCase(model));
  return reserved.includes(name) || name === "_" ? `${name}Model` : name;
}

/** `position.text` as members are named: `positionText`. */
export function camelCase(wanted: string): string {
  const words = wanted.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const name = words.map((word, index) => (index === 0 ? lower(word) : upper(word))).join("");
  return /^[A-Za-z]/.test(name) ? name : `_${name}`;
}

function lower(word: string): string {
  return word.slice(0, 1).toLowerCase() + word.slice(1);
}

function upper(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
