import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, inject, test } from 'vitest';
import { freshLedger } from '../../support/ledger.ts';
import { requestsOf, tally } from '../audit.ts';
import { serveDefinition } from '../cluster.ts';
import { aNamespace, isGivenCluster } from '../operator/plane.ts';
import { anOperatorAccount } from './account.ts';
import { anOperator, apply, poolNamed, seen, until, untilReason } from './operator.ts';

/** What the operator asks of the API server, by the server's own record. */

const namespace = aNamespace();
beforeAll(serveDefinition);

const resources = { requests: { cpu: '1000m', memory: '1024Mi' }, limits: { memory: '1024Mi' } };
/** Figures are told twice a minute: what a fleet came to after its first status is told within half of one. */
const settleMs = 33_000;
const idleMs = 40_000;

test.skipIf(isGivenCluster)(
  "with no more than its own verbs it makes fleets, and pools at rest cause no request but the Lease's",
  async () => {
    const { url } = await freshLedger();
    const { kubeconfig, username } = await anOperatorAccount(namespace.name());
    const begunMs = Date.now();
    await anOperator(namespace.name(), url, 'operator', kubeconfig);
    const pools = ['one', 'two', 'three'];
    for (const name of pools) await apply(namespace.name(), poolNamed(name, { 'spec.workers': { resources } }));
    for (const name of pools) await untilReason(namespace.name(), name, 'Ready', 'Starting');
    await until('the first decisions are told', async () => {
      const told = await Promise.all(pools.map((name) => seen(namespace.name(), 'vcp', name)));
      return told.every((pool) => JSON.stringify(pool?.status).includes('lastDecision'));
    });
    await pause(settleMs);

    const idleSinceMs = Date.now();
    await pause(idleMs);
    const idle = tally(await requestsOf(inject('auditLog'), username, idleSinceMs));
    process.stdout.write(`idle for ${idleMs / 1_000} s: ${JSON.stringify(idle)}\n`);
    expect(Object.keys(idle).filter((what) => what !== 'update leases')).toEqual([]);
    expect(idle['update leases']).toBeGreaterThan(10);

    const all = await requestsOf(inject('auditLog'), username, begunMs);
    expect(all.filter(({ code }) => code === 403)).toEqual([]);
    const writes = all.filter(
      ({ verb, resource }) => verb !== 'watch' && verb !== 'list' && verb !== 'get' && !/leases|events/.test(resource),
    );
    process.stdout.write(`writes for ${pools.length} pools: ${JSON.stringify(tally(writes))}\n`);
    expect(writes.length).toBeLessThanOrEqual(8 * pools.length);
  },
  180_000,
);
