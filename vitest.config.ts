import { configDefaults, defineConfig } from 'vitest/config';

// Two cores are the smallest machine we support: two files at a time, and generous bounds, because tests never assert speed.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Needs more than npm gives: `npm run test:cluster`.
    exclude: [...configDefaults.exclude, 'test/cluster/**'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    reporters: ['default'],
  },
});
