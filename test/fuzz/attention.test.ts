/** A sample of `npm run fuzz:attention`. */

import { testedBackends } from "../support/backends.ts";
import { testAttentions } from "./attention.ts";

/** What seconds allow. */
const samples: Readonly<Record<string, number>> = { evaluate: 15, cpu: 25, webgpu: 5 };

for (const backend of await testedBackends()) testAttentions(backend, samples[backend.name] ?? 5);
