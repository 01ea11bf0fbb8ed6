/** Our own mistakes, as opposed to the user's: they throw and say so. */

/** Thrown when the compiler or runtime breaks its own rules; never for bad user input. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Stops with `message` unless `condition` holds. The message names the pass and the thing. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(`Braid broke its own rule: ${message}`);
}

/** Ends an exhaustive `switch`: a type error when a case is missing, an invariant at run time. */
export function unreachable(value: never): never {
  throw new InvariantError(`Braid met a case it has no rule for: ${JSON.stringify(value)}`);
}
