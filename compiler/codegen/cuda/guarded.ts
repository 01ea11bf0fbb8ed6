/**
 * Definitions that several kernels may need: guarded by `BRAID_` and their name, so that kernels may
 * follow each other in one file and a host compiler may bring definitions of its own.
 */

/** The definition of `name`, unless the file has one. */
export function guarded(name: string, lines: readonly string[]): readonly string[] {
  const guard = `BRAID_${name.toUpperCase()}`;
  return [`#ifndef ${guard}`, `#define ${guard}`, ...lines, "#endif", ""];
}
