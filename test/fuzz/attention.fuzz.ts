/** Kernels of random attentions on every backend, with the tiles of their schedules. */

import { testedBackends } from "../support/backends.ts";
import { testAttentions } from "./attention.ts";

/** How many random attentions; those of a backend that is not named here are few. */
const counts: Readonly<Record<string, number>> = { evaluate: 5000, cpu: 500, webgpu: 200 };

for (const backend of await testedBackends()) testAttentions(backend, counts[backend.name] ?? 50);
