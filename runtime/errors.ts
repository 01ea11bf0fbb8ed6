/**
 * How the runtime says that something went wrong.
 *
 * The user's mistakes (a broken file, an image that is none, a prompt that does not fit) are
 * `BraidError`s with a stable code; our own are `InvariantError`s. The runtime stands alone, so it
 * has its own copies of what the compiler keeps in `grammar/`.
 */

/**
 * What kind of thing failed, then which failure: `weights/truncated`. Codes never change meaning.
 */
export type ErrorCode = `${string}/${string}`;

/** What may accompany an error beside its code and its sentence. */
export interface ErrorDetails {
  /** What the user can do about it, as an action. */
  readonly hint?: string;
  /** The error underneath, when another one was the reason. */
  readonly cause?: unknown;
}

/** A mistake in what the runtime was given. Its message says what, where, and what to do. */
export class BraidError extends Error {
  override readonly name = "BraidError";
  /** Stable, for programs and for search: `weights/truncated`. */
  readonly code: ErrorCode;
  /** The action the message ends with, if there is one. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    const text = details.hint === undefined ? message : `${message}\n  = hint: ${details.hint}`;
    super(text, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** Thrown when the runtime breaks its own rules; never for bad user input. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Stops with `message` unless `condition` holds. The message names the part and the thing. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(`Braid broke its own rule: ${message}`);
}

/** Ends an exhaustive `switch`: a type error when a case is missing, an invariant at run time. */
export function unreachable(value: never): never {
  throw new InvariantError(`Braid met a case it has no rule for: ${JSON.stringify(value)}`);
}

/** The sentence of whatever was thrown, for use inside another message. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
