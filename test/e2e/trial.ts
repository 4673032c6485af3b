import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { type SynthFile, synthesise } from '../../charts/synth.ts';
import { intakeToken, intakeUrl, poolName } from '../../charts/trial-pool.ts';
import { type Report, report } from '../../simulator/contract.ts';
import { leadNumber } from '../../simulator/traffic/numbers.ts';
import { type TruthEvent, truthEvent } from '../../simulator/truth/events.ts';
import type { Cluster } from './cluster.ts';
import { trialNamespace } from './objects.ts';

/** The installation and its trial, as `npm run synth` writes them, and what is asked of the pool and of the simulated provider there. */

/** Spans of the simulated calls are divided by this, so that a call takes seconds and a run minutes. Nothing of the product knows of it. */
export const speed = 10;

/** The manifests, folder by folder. The one thing that differs from what a user applies is the simulator's speed. */
export function manifests(image: string): ReadonlyMap<string, string> {
  return new Map(
    synthesise({ image }).map(({ path, text }): [string, string] => [path.slice(0, path.indexOf('/')), faster({ path, text })]),
  );
}

function faster({ text }: SynthFile): string {
  return parseAllDocuments(text)
    .map((document) => {
      const isSimulator = document.get('kind') === 'Deployment' && document.getIn(['metadata', 'name']) === simulator;
      if (isSimulator)
        document.addIn(['spec', 'template', 'spec', 'containers', 0, 'env'], { name: 'TRUNKLINE_SPEED', value: String(speed) });
      return stringify(document.toJS(), { aliasDuplicateObjects: false });
    })
    .join('---\n');
}

const simulator = 'trunkline-simulator';
const inSimulator = ['exec', '-i', '-n', trialNamespace, `deployment/${simulator}`, '--'] as const;

/** Runs a program in the simulator's container, which reaches itself and the pool's workers, also where nobody else may. */
function runThere({ kubectl }: Cluster, program: string, input = ''): Promise<string> {
  return kubectl([...inSimulator, 'node', '--input-type=module', '--eval', program], input);
}

export async function stopTraffic(cluster: Cluster): Promise<void> {
  await runThere(cluster, `await fetch('http://127.0.0.1:8080/_sim/stop', { method: 'POST' })`);
}

export async function startTraffic(cluster: Cluster): Promise<void> {
  const body = JSON.stringify({ url: intakeUrl(trialNamespace), token: intakeToken });
  await runThere(cluster, `await fetch('http://127.0.0.1:8080/_sim/start', { method: 'POST', body: ${JSON.stringify(body)} })`);
}

export async function readReport(cluster: Cluster): Promise<Report> {
  const said = await runThere(cluster, `process.stdout.write(await (await fetch('http://127.0.0.1:8080/_sim/report')).text())`);
  return report.parse(JSON.parse(said));
}

/** Everything that happened at the provider, as it wrote it down itself. */
export async function readTruth({ kubectl }: Cluster): Promise<readonly TruthEvent[]> {
  const text = await kubectl([...inSimulator, 'cat', '/tmp/simulator/simulator/calls.ndjson']);
  // The last line may be half written.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => truthEvent.parse(JSON.parse(line)));
}

const imported = z.object({ atMs: z.number(), status: z.number(), said: z.string() });
const summary = z.object({ summary: z.object({ accepted: z.number() }) });

/** Hands in so many leads at once, none of whom was called before. Returns the moment before, by the clock of the simulator's node. */
export async function handInLeads(cluster: Cluster, count: number, first = 100_000): Promise<number> {
  const lines = Array.from({ length: count }, (_, n) => JSON.stringify({ customer: { number: leadNumber(first + n), name: `Lead ${n}` } }));
  const program = `
    import { text } from 'node:stream/consumers';
    const body = await text(process.stdin);
    const atMs = Date.now();
    const answer = await fetch('${intakeUrl(trialNamespace)}/v1/sessions:import?class=campaign&answers=refused', {
      method: 'POST', body, headers: { authorization: 'Bearer ${intakeToken}', 'content-type': 'application/x-ndjson' },
    });
    process.stdout.write(JSON.stringify({ atMs, status: answer.status, said: await answer.text() }));`;
  const answer = imported.parse(JSON.parse(await runThere(cluster, program, `${lines.join('\n')}\n`)));
  const last = answer.said.trim().split('\n').at(-1) ?? '';
  if (answer.status !== 200) throw new Error(`the pool does not take leads: ${answer.status} ${answer.said.slice(0, 300)}`);
  const { accepted } = summary.parse(JSON.parse(last)).summary;
  if (accepted !== count) throw new Error(`of ${count} leads the pool took ${accepted}: ${last}`);
  return answer.atMs;
}

/** Empties the campaign's queue. Live calls go on. */
export async function cancelWaiting(cluster: Cluster): Promise<void> {
  const program = `
    const answer = await fetch('${intakeUrl(trialNamespace)}/v1/cancel', {
      method: 'POST', body: '{"class":"campaign"}', headers: { authorization: 'Bearer ${intakeToken}', 'content-type': 'application/json' },
    });
    const said = await answer.text();
    if (!answer.ok || said.includes('incomplete')) throw new Error(answer.status + ' ' + said);`;
  await runThere(cluster, program);
}

/** Changes the pool's declaration as a team would. */
export async function patchPool({ kubectl }: Cluster, spec: Readonly<Record<string, unknown>>): Promise<void> {
  await kubectl(['patch', 'vcp', poolName, '-n', trialNamespace, '--type=merge', '-p', JSON.stringify({ spec })]);
}
