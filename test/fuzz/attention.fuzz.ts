/** Kernels of random attentions: tiles of any size by their definition, and every backend's own. */

import { testedBackends } from "../support/backends.ts";
import { testAttentions, testTiles } from "./attention.ts";

/** How many random attentions; those of a backend that is not named here are few. */
const counts: Readonly<Record<string, number>> = { cpu: 500, webgpu: 200 };

testTiles(5000);
for (const backend of await testedBackends()) testAttentions(backend, counts[backend.name] ?? 50);
