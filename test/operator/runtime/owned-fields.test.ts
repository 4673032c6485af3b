import { describe, expect, test } from 'vitest';
import { type Owner, ownedFieldsDiffer } from '../../../operator/runtime/owned-fields.ts';

const owner: Owner = { manager: 'trunkline-operator', subresource: '' };

const desired = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'sales-vcp', namespace: 'voice', labels: { app: 'sales' } },
  spec: {
    replicas: 2,
    template: {
      spec: {
        containers: [
          {
            name: 'worker',
            image: 'worker:1',
            ports: [{ containerPort: 8080 }],
            resources: { limits: { cpu: '1000m', memory: '1024Mi' } },
          },
        ],
      },
    },
  },
};

const owned = {
  'f:metadata': { 'f:labels': { 'f:app': {} } },
  'f:spec': {
    'f:replicas': {},
    'f:template': {
      'f:spec': {
        'f:containers': {
          'k:{"name":"worker"}': {
            '.': {},
            'f:name': {},
            'f:image': {},
            'f:ports': { 'k:{"containerPort":8080,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            'f:resources': { 'f:limits': { 'f:cpu': {}, 'f:memory': {} } },
          },
        },
      },
    },
  },
};

function live(change: { readonly image?: string; readonly cpu?: string; readonly label?: string; readonly fields?: object } = {}) {
  const { image = 'worker:1', cpu = '1', label = 'sales', fields = owned } = change;
  const sidecar = { name: 'injected', image: 'mesh:1' };
  const worker = {
    name: 'worker',
    image,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ containerPort: 8080, protocol: 'TCP' }],
    resources: { limits: { cpu, memory: '1Gi' } },
  };
  return {
    metadata: {
      name: 'sales-vcp',
      labels: { app: label, theirs: 'too' },
      managedFields: [
        { manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:theirs': {} } } } },
        { manager: 'trunkline-operator', operation: 'Apply', fieldsV1: fields },
      ],
    },
    spec: { replicas: 2, progressDeadlineSeconds: 600, template: { spec: { containers: [sidecar, worker] } } },
  };
}

describe('an object that we own', () => {
  test('is as wanted in spite of defaults, fields of others, and quantities in another form', () => {
    expect(ownedFieldsDiffer(desired, live(), owner)).toBe(false);
  });

  test.each([
    { name: 'a value that a hand changed', live: live({ image: 'worker:2' }) },
    { name: 'another amount', live: live({ cpu: '999m' }) },
    { name: 'a label that only looks like the same amount', live: live({ label: 'sales ' }) },
    { name: 'a field that another took over', live: live({ fields: { ...owned, 'f:metadata': {} } }) },
    { name: 'a field of ours that is not wanted any more', live: live({ fields: { ...owned, 'f:data': { 'f:old': {} } } }) },
    { name: 'an object that we never applied', live: { metadata: { name: 'sales-vcp' } } },
    { name: 'nothing that can be read', live: undefined },
  ])('differs by $name', ({ live: found }) => {
    expect(ownedFieldsDiffer(desired, found, owner)).toBe(true);
  });

  test.each([
    { name: 'a field more', wanted: { ...desired, spec: { ...desired.spec, paused: true } } },
    { name: 'a field less', wanted: { ...desired, spec: { template: desired.spec.template } } },
    { name: 'an element less', wanted: { ...desired, spec: { ...desired.spec, template: { spec: { containers: [] } } } } },
  ])('differs when we want $name', ({ wanted }) => {
    expect(ownedFieldsDiffer(wanted, live(), owner)).toBe(true);
  });

  test('does not differ by what is left undefined', () => {
    expect(ownedFieldsDiffer({ ...desired, spec: { ...desired.spec, paused: undefined } }, live(), owner)).toBe(false);
  });

  test('is another one under another manager, and its status is its own', () => {
    expect(ownedFieldsDiffer(desired, live(), { ...owner, manager: 'other' })).toBe(true);
    expect(ownedFieldsDiffer(desired, live(), { ...owner, subresource: 'status' })).toBe(true);
  });

  test('may hold numbers as text only where they are amounts', () => {
    const config = (value: string, manager: readonly object[]) => ({ metadata: { managedFields: manager }, data: { cpu: value } });
    const fields = [{ manager: 'trunkline-operator', operation: 'Apply', fieldsV1: { 'f:data': { 'f:cpu': {} } } }];
    expect(ownedFieldsDiffer({ data: { cpu: '1000m' } }, config('1', fields), owner)).toBe(true);
    expect(ownedFieldsDiffer({ data: { cpu: '1' } }, config('1', fields), owner)).toBe(false);
  });
});
