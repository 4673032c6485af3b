import { z } from 'zod';
import type { Manifest } from '../runtime/apply.ts';
import { objectPath, type Resource } from '../runtime/resource.ts';
import { type ObjectKey, objectKeyOf } from './keys.ts';

/** The kinds of objects that a pool consists of, and whose they are. */

export const fieldManager = 'trunkline-operator';
/** What watches of children and pods go by. */
export const ours = `app.kubernetes.io/managed-by=${fieldManager}`;
/** On every pod of a pool's workers: the pool's name. */
export const poolLabel = 'trunkline.dev/pool';

export const pools: Resource = { apiVersion: 'trunkline.dev/v1alpha1', plural: 'voicecapacitypools' };
export const pods: Resource = { apiVersion: 'v1', plural: 'pods' };

export const childKinds = {
  ServiceAccount: { apiVersion: 'v1', plural: 'serviceaccounts' },
  Service: { apiVersion: 'v1', plural: 'services' },
  NetworkPolicy: { apiVersion: 'networking.k8s.io/v1', plural: 'networkpolicies' },
  PodDisruptionBudget: { apiVersion: 'policy/v1', plural: 'poddisruptionbudgets' },
  Deployment: { apiVersion: 'apps/v1', plural: 'deployments' },
} as const satisfies Readonly<Record<string, Resource>>;

export type ChildKind = keyof typeof childKinds;

const childManifest = z.object({
  kind: z.literal(['ServiceAccount', 'Service', 'NetworkPolicy', 'PodDisruptionBudget', 'Deployment']),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
});

/** Where an object of a plan lies. */
export function placeOf(manifest: Manifest): {
  readonly kind: ChildKind;
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly path: string;
} {
  const { kind, metadata } = childManifest.parse(manifest);
  const key = objectKeyOf(metadata.namespace, metadata.name);
  return { kind, key, ...metadata, path: childPath(kind, key) };
}

export function childPath(kind: ChildKind, key: ObjectKey): string {
  const [namespace = '', name = ''] = key.split('/');
  return objectPath(childKinds[kind], namespace, name);
}

const owned = z.object({
  metadata: z.object({
    resourceVersion: z.string(),
    ownerReferences: z
      .array(z.object({ kind: z.string(), name: z.string(), uid: z.string(), controller: z.boolean().default(false) }))
      .default([]),
  }),
});

/** The uid of the object that controls this one. */
export function controllerOf(object: unknown): { readonly kind: string; readonly name: string; readonly uid: string } | undefined {
  return owned.parse(object).metadata.ownerReferences.find(({ controller }) => controller);
}

/** Grows with each change of an object: the API server counts. */
export function versionNumber(object: unknown): number {
  return Number(owned.parse(object).metadata.resourceVersion);
}

const withManagers = z.looseObject({
  metadata: z.looseObject({ managedFields: z.array(z.looseObject({ manager: z.string().default('') })).default([]) }),
});

/** An object without what other managers own: what is kept of a thousand fleets has to be small. */
export function ownPart(object: unknown): Readonly<Record<string, unknown>> {
  const { metadata, ...rest } = withManagers.parse(object);
  return { ...rest, metadata: { ...metadata, managedFields: metadata.managedFields.filter(({ manager }) => manager === fieldManager) } };
}
