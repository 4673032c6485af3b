import { readFileSync } from 'node:fs';
import { parse as parseCsv } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { compilePolicy } from '../../capacity/policy/compile.ts';
import { judgeDestination } from '../../capacity/policy/destinations.ts';
import { poolManifest } from '../../crds/pool.ts';

const sample = (file: string) => readFileSync(new URL(`../../crds/samples/${file}`, import.meta.url), 'utf8');

describe('the trial pool', () => {
  const { policy, problems, warnings } = compilePolicy(poolManifest.parse(parse(sample('trial.yaml'))));

  test('works', () => {
    expect(problems).toEqual([]);
  });

  test('warns of nothing but the public URL, which `up` gives it', () => {
    expect(warnings.map(({ path }) => path)).toEqual([['spec', 'publicUrl']]);
  });

  test('keeps VIP callers apart and lets the campaign use every project', () => {
    expect(policy.classes.map(({ name, eligible }) => [name, eligible])).toEqual([
      ['vip', { Inbound: ['main-front'], Outbound: [] }],
      ['campaign', { Inbound: [], Outbound: ['main-front', 'main-sales', 'second-sales'] }],
    ]);
  });

  test('stays the same through the ledger, which stores it as parsed', () => {
    const manifest = poolManifest.parse(parse(sample('trial.yaml')));
    expect(poolManifest.parse(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
  });

  test('may dial every one of its leads, each once', () => {
    const leads = parseCsv<{ number: string; name: string }>(sample('leads.csv'), { columns: true });
    expect(leads).toHaveLength(300);
    expect(new Set(leads.map(({ number }) => number))).toHaveProperty('size', 300);
    expect(leads.filter(({ number }) => judgeDestination(number, policy.destinations.allow) !== 'allowed')).toEqual([]);
  });
});
