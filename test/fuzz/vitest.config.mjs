import { defineConfig } from "vitest/config";

/** `npm run fuzz:attention`: minutes of random cases, of which `npm test` runs a sample. */
export default defineConfig({ test: { include: ["test/fuzz/*.fuzz.ts"], hookTimeout: 120_000 } });
