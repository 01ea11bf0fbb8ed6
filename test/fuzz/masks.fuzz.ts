/** Classes, loops and simplifications of 5,000 random masks on up to 70 rows in tiles of up to 32. */

import { testMasks } from "../compiler/mask/test-masks.ts";

testMasks(5000, { rows: 70, tile: 32 });
