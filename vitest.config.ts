import { defineConfig } from "vitest/config";

// Software GPUs compile and run slowly; a test that hangs is still ended.
export default defineConfig({
  test: { include: ["test/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
});
