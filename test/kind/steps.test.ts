import { describe, expect, test } from 'vitest';
import { bringUp, type Runner, StepFailed, takeDown } from '../../kind/steps.ts';

/** What a machine was told to do, in short, with the clusters that it has. */
function aMachine({ clusters = '', imageId = 'sha256:0123456789abcdef', failing = '' } = {}) {
  const done: string[] = [];
  const said: string[] = [];
  const runner: Runner = {
    run: async (program, args) => {
      const step = `${program} ${args.join(' ')}`;
      if (failing !== '' && step.startsWith(failing)) throw new StepFailed(`${failing} ended with 1`);
      done.push(step);
    },
    read: async (program) => (program === 'kind' ? clusters : `${imageId}\n`),
    say: (line) => void said.push(line),
  };
  return { runner, done, said };
}

const image = 'trunkline:1.0.0-0123456789ab';
const apply = (folder: string) => `kubectl --context kind-trunkline apply --server-side -f dist/${folder}`;

describe('a local cluster', () => {
  test('is made, gets the image and then the manifests in the order of their folders', async () => {
    const { runner, done, said } = aMachine();
    await bringUp(runner, 'trunkline:1.0.0');
    expect(done).toEqual([
      'kind create cluster --name trunkline --config kind-config.yaml --wait 180s',
      'docker build --tag trunkline:1.0.0 .',
      `docker tag trunkline:1.0.0 ${image}`,
      `kind load docker-image ${image} --name trunkline`,
      `synth --image ${image}`,
      apply('00-crd'),
      apply('10-install'),
      apply('20-trial'),
      'kubectl --context kind-trunkline wait --namespace trunkline-trial --for=condition=Ready --timeout=300s vcp/trial',
    ]);
    expect(said.join('\n')).toContain('npm run kind -- --delete');
  });

  test('that is there is kept, and brought up to the sources', async () => {
    const { runner, done } = aMachine({ clusters: 'other\ntrunkline\n' });
    await bringUp(runner, 'trunkline:1.0.0');
    expect(done[0]).toBe('docker build --tag trunkline:1.0.0 .');
    expect(done).toContain(apply('20-trial'));
  });

  test('of a similar name is another one', async () => {
    const { runner, done } = aMachine({ clusters: 'trunkline-old\n' });
    await bringUp(runner, 'trunkline:1.0.0');
    expect(done[0]).toMatch(/^kind create cluster/);
  });

  test('runs another image when the sources have changed, under a name of its own', async () => {
    const { runner, done } = aMachine({ clusters: 'trunkline', imageId: 'sha256:fedcba9876543210' });
    await bringUp(runner, 'trunkline:1.0.0');
    expect(done).toContain('synth --image trunkline:1.0.0-fedcba987654');
  });

  test.each(['docker build', 'kind load', 'synth', apply('10-install')])('is left as it is when %s fails', async (failing) => {
    const { runner, done, said } = aMachine({ failing });
    await expect(bringUp(runner, 'trunkline:1.0.0')).rejects.toThrow(StepFailed);
    expect(done).not.toContain(apply('20-trial'));
    expect(said).toEqual([]);
  });

  test('is deleted with all that is in it', async () => {
    const { runner, done } = aMachine();
    await takeDown(runner);
    expect(done).toEqual(['kind delete cluster --name trunkline']);
  });
});
