/** A sample of `npm run fuzz:attention`. */

import { testedBackends } from "../support/backends.ts";
import { testAttentions, testTiles } from "./attention.ts";

/** What seconds allow. */
const samples: Readonly<Record<string, number>> = { cpu: 25 };

testTiles(50);
for (const backend of await testedBackends()) testAttentions(backend, samples[backend.name] ?? 5);
