import { describe, expect, onTestFinished, test } from 'vitest';
import { illness, type Phase, serveHealth } from '../../operator/health.ts';
import { createMetrics } from '../../operator/metrics.ts';

const leading = (silentMs: number): Phase => ({ is: 'leading', listed: true, silentMs, unreadNamespaces: 0 });

describe('an operator is ill', () => {
  test.each([
    { what: 'not while it waits for the lead', phase: { is: 'candidate' }, lagMs: 5, ill: false },
    { what: 'not after ten minutes in which nothing changed', phase: leading(620_000), lagMs: 5, ill: false },
    { what: 'when a watch has outlived every renewal', phase: leading(901_000), lagMs: 5, ill: true },
    { what: 'when its work comes seconds too late', phase: { is: 'candidate' }, lagMs: 2_500, ill: true },
  ] as const)('$what', ({ phase, lagMs, ill }) => {
    expect(illness(phase, lagMs) !== undefined).toBe(ill);
  });
});

describe('probes', () => {
  test.each([
    { phase: { is: 'starting' }, ready: 503 },
    { phase: { is: 'candidate' }, ready: 200 },
    { phase: { is: 'leading', listed: false, silentMs: 0, unreadNamespaces: 1 }, ready: 503 },
    { phase: { is: 'leading', listed: true, silentMs: 0, unreadNamespaces: 0 }, ready: 200 },
  ] as const)('find $phase with readiness $ready, alive, and with metrics', async ({ phase, ready }) => {
    const health = await serveHealth(0, createMetrics(), () => phase);
    onTestFinished(() => health.close());
    const ask = (path: string) => fetch(`http://127.0.0.1:${health.port}${path}`);
    expect((await ask('/readyz')).status).toBe(ready);
    expect((await ask('/livez')).status).toBe(200);
    expect(await (await ask('/metrics')).text()).toContain('trunkline_operator_api_requests_total');
    expect((await ask('/other')).status).toBe(404);
  });

  test('see the silence of watches and what cannot be read before there is anything to work on', async () => {
    const phase: Phase = { is: 'leading', listed: false, silentMs: 5_000, unreadNamespaces: 2 };
    const health = await serveHealth(0, createMetrics(), () => phase);
    onTestFinished(() => health.close());
    const metrics = await (await fetch(`http://127.0.0.1:${health.port}/metrics`)).text();
    expect(metrics).toContain('trunkline_operator_watch_silence_seconds 5');
    expect(metrics).toContain('trunkline_operator_unread_namespaces 2');
  });
});
