/** What somebody should hear of, as Prometheus rules. */

export type Alert = {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: 'critical' | 'warning' };
  /** What is the matter, and what to do. */
  readonly annotations: { readonly summary: string; readonly description: string };
};

/** Labels `namespace` and `pool` are put on by whoever scrapes: see monitoring.ts. */
const ofPool = 'namespace, pool';

export const alerts: readonly Alert[] = [
  {
    alert: 'TrunklineOperatorLeaderless',
    expr: 'absent(trunkline_operator_leader) or sum by (namespace) (trunkline_operator_leader) < 1',
    for: '2m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'No operator leads',
      description:
        'Calls go on; changed pools are not taken up and no fleet is scaled. Look at the pods and the log of Deployment trunkline-operator.',
    },
  },
  {
    alert: 'TrunklineOperatorHearsNothing',
    expr: 'max by (namespace) (trunkline_operator_watch_silence_seconds) > 700',
    for: '1m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'A watch of the operator is silent',
      description:
        'Every watch is renewed within ten minutes. After a quarter of an hour the operator starts anew; look whether the API server answers.',
    },
  },
  {
    alert: 'TrunklineNamespaceUnread',
    expr: 'max by (namespace) (trunkline_operator_unread_namespaces) > 0',
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'The operator cannot read a namespace that it is to look after',
      description:
        'Pools there are not taken up; the others go on. Its log names the namespace: make it with its roles, or take it off the list.',
    },
  },
  {
    alert: 'TrunklineOperatorRefused',
    expr: 'sum by (namespace, verb, code) (rate(trunkline_operator_api_requests_total{code=~"401|403|422"}[10m])) > 0',
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'The API server refuses the operator',
      description: 'A role, a quota or an admission policy stands in its way. kubectl get vcp -A -o wide names the pool and the reason.',
    },
  },
  {
    alert: 'TrunklineWorkersMissing',
    expr: 'sum by (namespace) (trunkline_operator_workers_missing) > 0',
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'Fewer workers serve than are wanted',
      description: 'Condition WorkersAvailable of the pools says what keeps them: no room, no image, no ledger, a missing Secret.',
    },
  },
  {
    alert: 'TrunklineNothingAdmitted',
    expr: `min by (${ofPool}) (trunkline_view_age_seconds) > 15`,
    for: '1m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'Pool {{ $labels.namespace }}/{{ $labels.pool }} admits nobody',
      description: 'No worker dispatches: the ledger is away, or no worker serves. Callers are answered from memory meanwhile.',
    },
  },
  {
    alert: 'TrunklineGuarded',
    expr: `max by (${ofPool}) (trunkline_guarded) == 1`,
    for: '5m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'Pool {{ $labels.namespace }}/{{ $labels.pool }} is guarded',
      description:
        'The ledger lost its newest part, and a project has not been listed since: its key, its billing or the provider is at fault.',
    },
  },
  {
    alert: 'TrunklineProjectPaused',
    expr: `max by (${ofPool}, project) (trunkline_project_paused) == 1`,
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'Project {{ $labels.project }} of pool {{ $labels.namespace }}/{{ $labels.pool }} takes no calls',
      description: 'Condition CredentialsReady or BreakerOpen of the pool says why; other projects carry its sessions.',
    },
  },
];
