/** A mistake on the command line: what is wrong, and what to type instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";

  /** `hint` is an action. */
  constructor(message: string, hint: string) {
    super(`${message}\n  = hint: ${hint}`);
  }
}
