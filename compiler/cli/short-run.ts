/** For verbs that compile and end: V8 is not to optimise what runs once. */

import { setFlagsFromString } from "node:v8";

/**
 * Turns V8's optimising compiler off, for all threads. On two processors it would take as much time
 * from the build's second thread as the build itself needs, for code that is nearly done. V8 takes no
 * bytecode that it kept under other flags, so this comes after all files are loaded.
 */
export function expectShortRun(): void {
  setFlagsFromString("--no-opt");
}
