import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type PoolStatus, poolStatus } from '../../crds/status.ts';
import { type Report, report } from '../../simulator/contract.ts';
import { forward, isReady, kubectl, type Listed, list, viaApiServer } from './kubectl.ts';

/** The trial that `npm run synth` writes, in a cluster: its pool, its provider, its workers. */

export const trialNamespace = 'trunkline-trial';
export const systemNamespace = 'trunkline-system';
const program = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export async function poolStatusNow(): Promise<PoolStatus> {
  const [pool] = await list('vcp', trialNamespace);
  return poolStatus.parse(pool?.status ?? {});
}

export async function isPoolReady(): Promise<boolean> {
  const { conditions } = await poolStatusNow();
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** The provider's truth. */
export async function providerReport(): Promise<Report> {
  return report.parse(JSON.parse(await kubectl(['get', '--raw', viaApiServer(trialNamespace, 'trunkline-simulator', '/_sim/report')])));
}

/** No new callers and leads; live calls go on. */
export async function stopTraffic(): Promise<void> {
  await kubectl(['create', '--raw', viaApiServer(trialNamespace, 'trunkline-simulator', '/_sim/stop'), '-f', '-'], '{}');
}

export const workers = (): Promise<readonly Listed[]> => list('pods', trialNamespace, 'app.kubernetes.io/name=trunkline-worker');

export async function readyWorkers(): Promise<readonly Listed[]> {
  return (await workers()).filter(isReady);
}

/** Ends what waits, as a person would: by the command, through a forwarded port. */
export async function cancelCampaign(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-e2e-'));
  const service = await forward(trialNamespace, 'trial-vcp');
  try {
    const encoded = await kubectl(['get', 'secret', '-n', trialNamespace, 'trunkline-simulator', '-o', 'jsonpath={.data.token}']);
    await writeFile(join(folder, 'token'), Buffer.from(encoded, 'base64'), { mode: 0o600 });
    const args = [program, 'cancel', '--class', 'campaign', '--url', service.url, '--token-file', join(folder, 'token')];
    await promisify(execFile)(process.execPath, args, { timeout: 120_000 });
  } finally {
    service.close();
    await rm(folder, { recursive: true, force: true });
  }
}
