import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { alerts } from '../../charts/alerts.ts';
import { illness } from '../../operator/health.ts';
import { ofKind, synthesised } from './manifests.ts';

const monitoring = (options: Parameters<typeof synthesised>[0] = {}) => synthesised(options, '90-monitoring');
const labels = (one: { readonly metadata: { readonly labels: Readonly<Record<string, string>> } }) => one.metadata.labels;

/** Every metric that the program has, by the sources that make them. */
const known = ['operator/metrics.ts', 'workers/metrics.ts', 'workers/fleet-metrics.ts'].flatMap((file) =>
  [...readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').matchAll(/'(trunkline_[a-z_]+)'/g)].map(([, name]) => name),
);

describe('an alert', () => {
  test.each(alerts)('$alert goes by metrics that there are, and says what to do', ({ expr, annotations }) => {
    const used = [...expr.matchAll(/trunkline_[a-z_]+/g)].map(([name]) => name);
    expect(used.length).toBeGreaterThan(0);
    for (const name of used) expect(known).toContain(name);
    expect(annotations.description.length).toBeGreaterThan(40);
  });

  test('on silence comes before the operator is started anew for it', () => {
    const silence = alerts.find(({ alert }) => alert === 'TrunklineOperatorHearsNothing');
    const [, seconds] = / > (\d+)$/.exec(silence?.expr ?? '') ?? [];
    expect(silence?.for).toBe('1m');
    const toldAtMs = (Number(seconds) + 60) * 1_000;
    expect(illness({ is: 'leading', listed: true, silentMs: toldAtMs, unreadNamespaces: 0 }, 0)).toBeUndefined();
  });

  test('has a name of its own', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });
});

describe('without the Prometheus operator', () => {
  test('a cluster needs to know nothing new: one ConfigMap with files for Prometheus', () => {
    expect(monitoring().map(({ kind }) => kind)).toEqual(['ConfigMap']);
    const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(monitoring()[0]);
    expect(parse(data['rules.yaml'] ?? '')).toEqual({ groups: [{ name: 'trunkline', rules: alerts }] });
    expect(parse(data['scrape.yaml'] ?? '')).toMatchObject({
      scrape_configs: [{ job_name: 'trunkline-operator' }, { job_name: 'trunkline-workers' }],
    });
  });
});

describe('with the Prometheus operator', () => {
  const options = { monitoring: 'PrometheusOperator' } as const;

  test('the operator is found by its Service, workers by their pods', () => {
    expect(monitoring(options).map(({ kind }) => kind)).toEqual(['ServiceMonitor', 'PodMonitor', 'PrometheusRule']);
    const [monitor] = ofKind(monitoring(options), 'ServiceMonitor');
    const [service] = ofKind(synthesised({}, '10-install'), 'Service');
    const wanted = z
      .looseObject({ spec: z.looseObject({ selector: z.object({ matchLabels: z.record(z.string(), z.string()) }) }) })
      .parse(monitor);
    expect(service === undefined ? {} : labels(service)).toMatchObject(wanted.spec.selector.matchLabels);
    expect(service).toMatchObject({ spec: { ports: [{ name: 'http' }] } });
  });

  test('pods are looked for where pools are looked after', () => {
    const placed = { ...options, namespaces: ['voice'], ledgerSecretRef: { name: 'a', key: 'b' } };
    expect(ofKind(monitoring(options), 'PodMonitor')).toMatchObject([{ spec: { namespaceSelector: { any: true } } }]);
    expect(ofKind(monitoring(placed), 'PodMonitor')).toMatchObject([{ spec: { namespaceSelector: { matchNames: ['voice'] } } }]);
  });
});
