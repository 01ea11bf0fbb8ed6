/** A mistake on the command line: what is wrong, and what to type instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What the mistake is called, where it has a name of its own. */
  readonly code: string | undefined;

  /** `hint` is an action. */
  constructor(message: string, hint: string, code?: string) {
    super(`${message}\n  = hint: ${hint}`);
    this.code = code;
  }
}
