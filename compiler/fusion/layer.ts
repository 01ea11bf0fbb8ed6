/** The layer that something lies in: kernels of different layers stay apart, so that layers are alike. */

/** The part of a block path up to its last number; empty outside of layers. */
export function layerOf(path: string): string {
  return path.match(/^(.*\.)?\d+(?=\.|$)/)?.[0] ?? "";
}
