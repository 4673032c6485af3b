import { stringify } from 'yaml';
import { poolManifest } from './pool.ts';
import { poolStatus } from './status.ts';
import { type Structural, structuralOf } from './structural.ts';

/** The CustomResourceDefinition of VoiceCapacityPool, made from the schema. `generate.ts` writes it to a file. */

/** Columns of `kubectl get vcp`; the last ones only with `-o wide`. */
const columns = [
  {
    name: 'Ready',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].status',
    description: 'Whether the pool does its work.',
  },
  { name: 'Ceiling', type: 'integer', jsonPath: '.status.ceiling', description: 'Slots usable now.' },
  { name: 'Active', type: 'integer', jsonPath: '.status.active', description: 'Slots in use.' },
  { name: 'Queued', type: 'integer', jsonPath: '.status.queued', description: 'Sessions that wait.' },
  { name: 'Workers', type: 'integer', jsonPath: '.status.replicas', description: 'Workers, those that start or drain included.' },
  { name: 'Limited by', type: 'string', jsonPath: '.status.lastDecision.limitedBy', description: 'Why there are not more workers.' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode', priority: 1, description: 'What the pool is meant to do.' },
  {
    name: 'Message',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Ready")].message',
    priority: 1,
    description: 'Why the pool is ready or not, and what to do.',
  },
] as const;

/** The definition as a manifest. */
export function poolDefinition() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'voicecapacitypools.trunkline.dev' },
    spec: {
      group: 'trunkline.dev',
      scope: 'Namespaced',
      names: {
        plural: 'voicecapacitypools',
        singular: 'voicecapacitypool',
        kind: 'VoiceCapacityPool',
        listKind: 'VoiceCapacityPoolList',
        shortNames: ['vcp'],
        categories: ['trunkline'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: poolSchema() },
        },
      ],
    },
  };
}

/** The definition as YAML, the same on every run. */
export function definitionYaml(): string {
  const head = '# Generated from crds/ by `npm run generate`; do not edit.\n';
  // kubectl reads YAML 1.1, which takes more words for truth values than 1.2.
  return head + stringify(poolDefinition(), { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

function poolSchema(): Structural {
  const { properties: { apiVersion, kind, metadata, spec } = {}, ...root } = structuralOf(poolManifest);
  const name = metadata?.properties?.['name'];
  if (apiVersion === undefined || kind === undefined || name === undefined || spec === undefined)
    throw new Error('a pool lacks a field that every object has');
  return {
    description: 'Limits and priorities of the voice calls of a team, over the subscriptions and projects that carry them.',
    ...root,
    // The names of version, kind and object are the API server's own fields: all that a definition may add is what a name looks like.
    required: ['spec'],
    properties: {
      apiVersion: text(apiVersion),
      kind: text(kind),
      metadata: { type: 'object', properties: { name } },
      spec,
      status: { description: 'What the operator tells about the pool. Nobody else writes it.', ...structuralOf(poolStatus) },
    },
  };
}

function text({ description }: Structural): Structural {
  return { ...(description === undefined ? {} : { description }), type: 'string' };
}
