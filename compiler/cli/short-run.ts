/** For verbs that compile and end: V8 is to optimise only what runs for most of their time. */

import { setFlagsFromString } from "node:v8";

/**
 * Has V8's optimising compiler wait about thirty times as long as usual, for all threads. On two
 * processors it takes its time from the build's threads, for code of which most is nearly done; the few
 * functions that all kernels go through repay it. V8 takes no bytecode that it kept under other flags,
 * so this comes after all files are loaded.
 */
export function expectShortRun(): void {
  setFlagsFromString("--interrupt-budget=2000000");
}
