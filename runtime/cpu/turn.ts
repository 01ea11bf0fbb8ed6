/** Giving way within long work, without the delay that timers have. */

/** What platforms have that do not make one wait for a millisecond, or in pages for four. */
interface Immediately {
  setImmediate?(run: () => void): unknown;
}

/** Lets timers, input and drawing have their turn. */
export function othersTurn(): Promise<void> {
  const { setImmediate }: Immediately = globalThis;
  return new Promise((resolve) => {
    if (setImmediate !== undefined) {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
