import { readFileSync } from 'node:fs';
import { App, Chart } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PropsRefused } from '../../charts/refused.ts';
import { VoiceCapacityPool, type VoiceCapacityPoolProps, type VoiceCapacityPoolSpec } from '../../charts/voice-capacity-pool.ts';
import { poolManifest } from '../../crds/pool.ts';
import { manifestsOf } from './manifests.ts';

/** The construct as a team meets it in its own app. */

const project = {
  name: 'front',
  apiKeySecretRef: { name: 'vapi-front', key: 'apiKey' },
  assistants: [{ name: 'seller', id: 'a1' }],
  phoneNumbers: [{ id: 'n1', number: '+14155550100' }],
};
const sound = {
  ledger: { secretRef: { name: 'ledger', key: 'url' } },
  subscriptions: [{ name: 'main', accountId: 'sub-main', concurrencyLimit: 10, projects: [project] }],
  classes: [{ name: 'campaign', priority: 100, direction: 'Outbound', assistant: 'seller' }],
} as const satisfies VoiceCapacityPoolSpec;

function aChart() {
  const app = new App();
  return { app, chart: new Chart(app, 'voice', { namespace: 'voice' }) };
}

function refusal(props: VoiceCapacityPoolProps): PropsRefused {
  const { chart } = aChart();
  try {
    new VoiceCapacityPool(chart, 'sales', props);
  } catch (error) {
    if (error instanceof PropsRefused) return error;
    throw error;
  }
  throw new Error('it is taken');
}

describe('a pool of an app', () => {
  test('is applied as it was written: what it leaves open is decided by the release that runs', () => {
    const { app, chart } = aChart();
    new VoiceCapacityPool(chart, 'sales', { metadata: { name: 'sales', labels: { team: 'sales' } }, spec: sound });
    expect(manifestsOf(app.synthYaml())).toEqual([
      {
        apiVersion: 'trunkline.dev/v1alpha1',
        kind: 'VoiceCapacityPool',
        metadata: { name: 'sales', namespace: 'voice', labels: { team: 'sales' } },
        spec: sound,
      },
    ]);
  });

  test('can say all that a manifest can', () => {
    const text = readFileSync(new URL('../../crds/samples/full.yaml', import.meta.url), 'utf8');
    const { spec } = poolManifest.parse(parse(text));
    const { app, chart } = aChart();
    if (spec.ledger === undefined) throw new Error('the sample names its ledger');
    new VoiceCapacityPool(chart, 'full', { metadata: { name: 'sales' }, spec: { ...spec, ledger: spec.ledger } });
    expect(poolManifest.parse(manifestsOf(app.synthYaml())[0]).spec).toEqual(spec);
  });

  test('stays what was judged, whatever becomes of what it was made of', () => {
    const { app, chart } = aChart();
    const classes = [{ name: 'campaign', priority: 100, direction: 'Outbound' as const, assistant: 'seller' }];
    new VoiceCapacityPool(chart, 'sales', { metadata: { name: 'sales' }, spec: { ...sound, classes } });
    classes.length = 0;
    expect(manifestsOf(app.synthYaml())).toMatchObject([{ spec: { classes: sound.classes } }]);
  });

  test('is the same bytes in two syntheses', () => {
    const [one, other] = [aChart(), aChart()].map(({ app, chart }) => {
      new VoiceCapacityPool(chart, 'sales', { metadata: { name: 'sales' }, spec: sound });
      return app.synthYaml();
    });
    expect(one).toBe(other);
  });

  test('says what is probably not meant', () => {
    const { chart } = aChart();
    const classes = [...sound.classes, { name: 'late', priority: 10, direction: 'Outbound', assistant: 'seller' }] as const;
    const { warnings } = new VoiceCapacityPool(chart, 'sales', { metadata: { name: 'sales' }, spec: { ...sound, classes } });
    expect(warnings).toEqual([{ field: expect.stringMatching(/^spec\./), message: expect.stringMatching(/./) }]);
  });
});

describe('an app ends with the field that is wrong, before anything is applied', () => {
  const spec = sound;
  const [subscription] = sound.subscriptions;
  test.each([
    {
      name: 'a value out of bounds',
      props: { metadata: { name: 'sales' }, spec: { ...spec, subscriptions: [{ ...subscription, concurrencyLimit: 0 }] } },
      field: 'spec.subscriptions[0].concurrencyLimit',
    },
    {
      name: 'a rule over several fields',
      props: { metadata: { name: 'sales' }, spec: { ...spec, subscriptions: [{ ...subscription, safetyMargin: 10 }] } },
      field: 'spec.subscriptions[0].safetyMargin',
    },
    {
      name: 'an assistant that no project has',
      props: { metadata: { name: 'sales' }, spec: { ...spec, classes: [{ ...sound.classes[0], assistant: 'reception' }] } },
      field: 'spec.classes[0].assistant',
    },
    {
      name: 'reservations that cannot be kept',
      props: { metadata: { name: 'sales' }, spec: { ...spec, classes: [{ ...sound.classes[0], reserved: 11 }] } },
      field: 'spec.classes[0].reserved',
    },
    { name: 'a name that is too long', props: { metadata: { name: 's'.repeat(41) }, spec }, field: 'metadata.name' },
  ])('$name', ({ props, field }) => {
    const error = refusal(props);
    expect(error.problems.map((problem) => problem.field)).toContain(field);
    expect(error.message).toMatch(/^VoiceCapacityPool s+ales is refused:\n|^VoiceCapacityPool s+ is refused:\n/);
    expect(error.message).toContain(field);
  });

  test('an editor says the same of what it can know', () => {
    // @ts-expect-error the name is what the queue goes by
    expect(refusal({ metadata: {}, spec: sound }).problems).toEqual([{ field: 'metadata.name', message: 'is required' }]);
    const { ledger, ...rest } = sound;
    expect(ledger).toBeDefined();
    // @ts-expect-error a cluster has no embedded ledger
    expect(refusal({ metadata: { name: 'sales' }, spec: rest }).problems[0]?.field).toBe('spec.ledger');
    // @ts-expect-error a field that there is not
    const misspelt: VoiceCapacityPoolSpec = { ...sound, upstream: [] };
    expect(refusal({ metadata: { name: 'sales' }, spec: misspelt }).problems[0]).toEqual({
      field: 'spec.upstream',
      message: expect.stringContaining('did you mean upstreams?'),
    });
  });
});
