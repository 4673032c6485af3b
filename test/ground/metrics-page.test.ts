import type { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { createMetrics as createOperatorMetrics } from '../../operator/metrics.ts';
import { createMetrics as createWorkerMetrics } from '../../workers/metrics.ts';

const metric = z.object({ name: z.string(), help: z.string(), type: z.string(), labelNames: z.array(z.string()) });

function tableOf(registry: Registry): readonly string[] {
  const ours = registry
    .getMetricsAsArray()
    .map((one) => metric.parse(one))
    .filter(({ name }) => name.startsWith('trunkline_'));
  const rows = ours.map(
    ({ name, type, labelNames, help }) => `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return ['| name | type | labels | meaning |', '|---|---|---|---|', ...rows];
}

const workers = [
  "Every worker serves `/metrics` on its port, without a token. Counters and histograms are the worker's own: add them up over workers. Gauges tell",
  'of the whole pool, as its dispatcher and whoever starts its workers saw it last, and are the same on every worker: take the `max` over workers. What is',
  'not known is absent, never zero: with no dispatcher or no ledger there are no gauges. Beside these there are the usual `process_` and `nodejs_` metrics.',
];

const operator = [
  'Every operator serves `/metrics` on its health port (8081). Gauges are of the one that leads, and 0 or absent of those that wait for the lead: add them up over the',
  'operators of an installation. They are of all its pools together; what one pool is like its status says, and the metrics of its workers.',
];

test('every metric is described in docs/reference/metrics.md', async () => {
  const page = [
    '# Metrics',
    '',
    ...workers,
    '',
    ...tableOf(createWorkerMetrics().registry),
    '',
    '## The operator',
    '',
    ...operator,
    '',
    ...tableOf(createOperatorMetrics().registry),
    '',
  ];
  await expect(page.join('\n')).toMatchFileSnapshot('../../docs/reference/metrics.md');
});
