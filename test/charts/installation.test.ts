import { App } from 'cdk8s';
import { describe, expect, test } from 'vitest';
import { Installation, type InstallationProps } from '../../charts/installation.ts';
import { PropsRefused } from '../../charts/refused.ts';
import { type Manifest, manifestsOf, ofKind } from './manifests.ts';

const ledger = { secretRef: { name: 'trunkline-ledger', key: 'url' } };

function install(props: InstallationProps): readonly Manifest[] {
  const app = new App();
  new Installation(app, 'install', props);
  return manifestsOf(app.synthYaml());
}

/** What is wrong, as `field: message`. */
function refusal(props: InstallationProps): readonly string[] {
  try {
    install(props);
  } catch (error) {
    if (error instanceof PropsRefused) return error.problems.map(({ field, message }) => `${field}: ${message}`);
    throw error;
  }
  return [];
}

describe('an installation is refused', () => {
  test.each<{ name: string; props: InstallationProps; says: RegExp }>([
    { name: 'with an image that changes by itself', props: { ledger, image: 'trunkline' }, says: /^image: must name a tag/ },
    { name: 'without a namespace to look at', props: { ledger, namespaces: [] }, says: /^namespaces: must have at least 1 entry/ },
    { name: 'with a namespace named twice', props: { ledger, namespaces: ['a', 'a'] }, says: /^namespaces: names a namespace twice/ },
    {
      name: 'with a namespace that can be none',
      props: { ledger, namespace: 'Voice' },
      says: /^namespace: must be the name of a namespace/,
    },
    {
      name: 'with a ledger that is no PostgreSQL',
      props: { ledger: { url: 'mysql://x' } },
      says: /^ledger.url: must be a URL that begins with postgres/,
    },
    {
      name: 'with a tag where any is allowed',
      props: { ledger, workerImages: ['voice/logic:1'] },
      says: /^workerImages\[0\]: must be a repository/,
    },
  ])('$name', ({ props, says }) => {
    expect(refusal(props)).toEqual([expect.stringMatching(says)]);
  });

  test('by the editor as well where it can know', () => {
    // @ts-expect-error an operator needs a ledger
    expect(refusal({})).toEqual(['ledger: must have exactly one of secretRef, url']);
    // @ts-expect-error a property that there is not
    expect(refusal({ ledger, images: 'trunkline:1' })).toEqual([expect.stringMatching(/^images: is not a field here/)]);
  });
});

describe('an operator', () => {
  const operatorOf = (props: InstallationProps) => JSON.stringify(ofKind(install(props), 'Deployment'));

  test('reads its ledger from the Secret that is named, and starts without it', () => {
    const text = operatorOf({ ledger: { secretRef: { name: 'database', key: 'address' } } });
    expect(text).toContain('"items":[{"key":"address","path":"url"}],"optional":true,"secretName":"database"');
  });

  test('is two, in the namespace that is named, and gives workers its own image', () => {
    const [deployment] = ofKind(
      install({ ledger, namespace: 'voice-system', image: 'registry.example.com/trunkline:1.2.0' }),
      'Deployment',
    );
    expect(deployment).toMatchObject({ metadata: { namespace: 'voice-system' }, spec: { replicas: 2 } });
    expect(JSON.stringify(deployment)).toContain('{"name":"TRUNKLINE_WORKER_IMAGE","value":"registry.example.com/trunkline:1.2.0"}');
  });

  test('looks after all namespaces unless some are named', () => {
    expect(operatorOf({ ledger })).not.toContain('TRUNKLINE_NAMESPACES');
    expect(operatorOf({ ledger, namespaces: ['voice', 'sales'] })).toContain('{"name":"TRUNKLINE_NAMESPACES","value":"voice,sales"}');
  });
});
