import { createHash } from 'node:crypto';
import type {
  V1Deployment,
  V1DeploymentSpec,
  V1NetworkPolicy,
  V1NetworkPolicyIngressRule,
  V1NetworkPolicyPeer,
  V1NetworkPolicySpec,
  V1PodDisruptionBudget,
  V1Service,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import { metadataOf, peerPort, selectorOf, templateMark, workerPort } from './names.ts';
import { type PlannedPod, type PodInput, podTemplateOf } from './pod.ts';

/** Replicas undefined: their number is not decided yet, and left as it is. */
export type PlanInput = PodInput & { readonly replicas: number | undefined };

export type PlannedDeployment = Omit<V1Deployment, 'spec'> & {
  readonly spec: Omit<V1DeploymentSpec, 'template'> & { readonly template: PlannedPod };
};

/** The client's own type calls `from` differently, for the sake of its serialiser. */
type Ingress = Omit<V1NetworkPolicyIngressRule, '_from'> & { readonly from?: V1NetworkPolicyPeer[] };
export type PlannedNetworkPolicy = Omit<V1NetworkPolicy, 'spec'> & {
  readonly spec: Omit<V1NetworkPolicySpec, 'ingress' | 'egress'> & { readonly ingress: Ingress[] };
};

/** What kind of object it is, which the client's types leave open. */
type Kind = { readonly apiVersion: string; readonly kind: string };
export type Child = Kind & (V1ServiceAccount | PlannedDeployment | V1Service | V1PodDisruptionBudget | PlannedNetworkPolicy);

/**
 * The objects that make a pool's fleet, in the order in which they are applied; plain data, the same for the same input. Defaults inside values that
 * Kubernetes treats as a whole are spelt out, so that what is read back equals what was applied.
 */
export function planChildren(input: PlanInput): readonly Child[] {
  return [serviceAccountOf(input), deploymentOf(input), serviceOf(input), disruptionBudgetOf(input), networkPolicyOf(input)];
}

/** Workers never speak to the cluster. */
function serviceAccountOf({ pool }: PlanInput): Kind & V1ServiceAccount {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadataOf(pool), automountServiceAccountToken: false };
}

function deploymentOf(input: PlanInput): Kind & PlannedDeployment {
  const { pool, replicas } = input;
  const template = podTemplateOf(input);
  const mark = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 16);
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...metadataOf(pool), annotations: { [templateMark]: mark } },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      revisionHistoryLimit: 3,
      selector: { matchLabels: selectorOf(pool) },
      // A new worker serves before an old one leaves.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
      template,
    },
  };
}

function serviceOf({ pool }: PlanInput): Kind & V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(pool),
    spec: {
      type: 'ClusterIP',
      selector: selectorOf(pool),
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
    },
  };
}

/** One at a time. A worker that is not ready serves nobody and must not keep a node from being drained. */
function disruptionBudgetOf({ pool }: PlanInput): Kind & V1PodDisruptionBudget {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(pool),
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: selectorOf(pool) } },
  };
}

/**
 * In: requests and webhooks from wherever an ingress or the provider sends them, and events of their calls from other workers. Out: anywhere. Where ledger, provider,
 * handler and results are, only their URLs say, and those are names and secrets: a policy of addresses that the team writes beside this one narrows it.
 */
function networkPolicyOf({ pool }: PlanInput): Kind & PlannedNetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(pool),
    spec: {
      podSelector: { matchLabels: selectorOf(pool) },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [{ port: workerPort, protocol: 'TCP' }] },
        { from: [{ podSelector: { matchLabels: selectorOf(pool) } }], ports: [{ port: peerPort, protocol: 'TCP' }] },
      ],
    },
  };
}
