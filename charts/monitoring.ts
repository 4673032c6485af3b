import { ApiObject, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import type { Construct } from 'constructs';
import { stringify } from 'yaml';
import { alerts } from './alerts.ts';
import { operatorName } from './operator.ts';
import { labelsOf, selectorOf } from './workload.ts';

/** Prometheus: a ConfigMap with files that any Prometheus takes. PrometheusOperator: objects of monitoring.coreos.com, which the cluster has to know. */
export type MonitoringKind = 'Prometheus' | 'PrometheusOperator';

export type MonitoringProps = {
  readonly kind: MonitoringKind;
  /** The operator's. */
  readonly namespace: string;
  /** Where pools are looked after. Undefined: everywhere. */
  readonly namespaces: readonly string[] | undefined;
};

const groups = [{ name: 'trunkline', rules: alerts }];
const poolLabel = 'trunkline_dev_pool';

/** What Prometheus needs: whom to scrape, and what somebody should hear of. */
export class Monitoring extends Chart {
  constructor(scope: Construct, id: string, props: MonitoringProps) {
    super(scope, id);
    if (props.kind === 'Prometheus') addFiles(this, props);
    else addMonitors(this, props);
  }
}

function addFiles(scope: Construct, { namespace, namespaces }: MonitoringProps): void {
  const name = 'trunkline-prometheus';
  const text = (content: unknown) => stringify(content, { lineWidth: 0, aliasDuplicateObjects: false });
  const jobs = [
    { job_name: operatorName, ...podsOf([namespace], operatorName) },
    { job_name: 'trunkline-workers', ...podsOf(namespaces, 'trunkline-worker') },
  ];
  new k8s.KubeConfigMap(scope, 'prometheus', {
    metadata: { name, namespace, labels: labelsOf(name) },
    data: { 'scrape.yaml': text({ scrape_configs: jobs }), 'rules.yaml': text({ groups }) },
  });
}

function podsOf(namespaces: readonly string[] | undefined, name: string) {
  const keep = (label: string, regex: string) => ({ source_labels: [`__meta_kubernetes_pod_${label}`], regex, action: 'keep' });
  const copy = (label: string, to: string) => ({ source_labels: [`__meta_kubernetes_${label}`], target_label: to });
  return {
    kubernetes_sd_configs: [{ role: 'pod', ...(namespaces === undefined ? {} : { namespaces: { names: namespaces } }) }],
    relabel_configs: [
      keep('label_app_kubernetes_io_name', name),
      keep('container_port_name', 'http'),
      copy('namespace', 'namespace'),
      copy('pod_name', 'pod'),
      copy(`pod_label_${poolLabel}`, 'pool'),
    ],
  };
}

function addMonitors(scope: Construct, { namespace, namespaces }: MonitoringProps): void {
  const group = 'monitoring.coreos.com/v1';
  new ApiObject(scope, 'operator', {
    apiVersion: group,
    kind: 'ServiceMonitor',
    metadata: { name: operatorName, namespace, labels: labelsOf(operatorName) },
    spec: { selector: { matchLabels: selectorOf(operatorName) }, endpoints: [{ port: 'http', path: '/metrics' }] },
  });
  new ApiObject(scope, 'workers', {
    apiVersion: group,
    kind: 'PodMonitor',
    metadata: { name: 'trunkline-workers', namespace, labels: labelsOf('trunkline-workers') },
    spec: {
      namespaceSelector: namespaces === undefined ? { any: true } : { matchNames: [...namespaces] },
      selector: { matchLabels: selectorOf('trunkline-worker') },
      podMetricsEndpoints: [
        {
          port: 'http',
          path: '/metrics',
          relabelings: [{ sourceLabels: [`__meta_kubernetes_pod_label_${poolLabel}`], targetLabel: 'pool' }],
        },
      ],
    },
  });
  new ApiObject(scope, 'alerts', {
    apiVersion: group,
    kind: 'PrometheusRule',
    metadata: { name: 'trunkline', namespace, labels: labelsOf('trunkline') },
    spec: { groups },
  });
}
