import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { requireScenario } from '../../standalone/scenario.ts';

async function scenarioFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-scenario-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'scenario.yaml');
  await writeFile(file, text);
  return file;
}

test('every scenario that comes with the simulator is one', async () => {
  for (const name of ['trial', 'faults', 'foreign', 'late-release', 'no-webhooks']) {
    await requireScenario(new URL(`../../simulator/scenarios/${name}.yaml`, import.meta.url).pathname);
  }
});

test.each([
  { name: 'an unknown field', text: 'traffic: []\nfaultz: {}\n', says: /faultz is not a field here/ },
  { name: 'a missing field', text: 'seed: 1\n', says: /traffic is required/ },
  { name: 'broken YAML', text: 'traffic: [\n', says: /is no YAML/ },
])('a scenario with $name is refused before anything starts', async ({ text, says }) => {
  await expect(requireScenario(await scenarioFile(text))).rejects.toThrow(says);
});

test('a scenario that is not there is named', async () => {
  await expect(requireScenario('/nowhere/scenario.yaml')).rejects.toThrow(
    'cannot read the scenario /nowhere/scenario.yaml: there is no such file',
  );
});
