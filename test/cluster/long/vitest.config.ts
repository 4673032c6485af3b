import { defineConfig } from 'vitest/config';
import cluster from '../vitest.config.ts';

// What takes too long for every change: `npm run test:cluster:long`.
export default defineConfig({ ...cluster, test: { ...cluster.test, include: ['test/cluster/long/*.long.ts'] } });
