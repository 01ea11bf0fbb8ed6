/** Whatever is derived from a mask agrees with its brute-force definition, on random masks. */

import { testMasks } from "./test-masks.ts";

// `npm run fuzz:attention` tries more masks on more rows.
testMasks(2000, { rows: 18, tile: 6 });
