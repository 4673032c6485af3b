import { describe, expect, test } from 'vitest';
import { isOnPath } from '../programs.ts';
import { aBarePlane, isGivenCluster, synthesisedFolders } from './plane.ts';
import { monitoringDefinitions } from './prometheus-operator.ts';

// Downloads the definitions the first time.
describe.skipIf(isGivenCluster || !isOnPath('go'))('monitoring by the Prometheus Operator', { timeout: 240_000 }, () => {
  const plane = aBarePlane();
  const dist = synthesisedFolders({ monitoring: 'PrometheusOperator' });
  const monitors = ['servicemonitors', 'podmonitors', 'prometheusrules'];

  test('is taken by its definitions, field by field', async () => {
    for (const definition of await monitoringDefinitions(...monitors)) await plane.says(['apply', '--server-side', '-f', definition]);
    for (const plural of monitors)
      await plane.says(['wait', '--for=condition=Established', '--timeout=30s', `crd/${plural}.monitoring.coreos.com`]);
    for (const name of ['00-crd', '10-install', '90-monitoring'] as const)
      expect(await plane.kubectl(['apply', '--server-side', '-f', dist.folder(name)])).toMatchObject({ code: 0, err: '' });
    const made = await plane.says(['get', monitors.join(','), '-A', '-o', 'name']);
    for (const plural of monitors) expect(made).toContain(plural.replace(/s$/, ''));
  });

  test('would be refused with a field that they do not know', async () => {
    const rule = {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'unknown', namespace: 'default' },
      spec: { groups: [{ name: 'one', rules: [{ alert: 'One', expression: 'up == 0' }] }] },
    };
    expect(await plane.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(rule))).toMatchObject({ code: 1 });
  });
});
