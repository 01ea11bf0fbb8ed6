/** What the process's exit status says; documented in `--help` and README.md. */
export const exitCode = {
  success: 0,
  /** The spec has errors, or a file is not formatted (`fmt --check`). */
  mistakes: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The spec is right, but a checkpoint, image, prompt or device is not. */
  failure: 3,
  /** Braid broke a rule of its own. */
  internal: 4,
} as const;
