import { isCollection, parseDocument } from 'yaml';

/** A sound pool with one of everything that rules speak about. Tests change one thing in it. */
export const soundPool = `apiVersion: trunkline.dev/v1alpha1
kind: VoiceCapacityPool
metadata: {name: sales}
spec:
  publicUrl: https://voice.example.com
  budget: {maxConcurrentSessions: 50, inbound: 40, outbound: 45}
  subscriptions:
    - name: main
      accountId: sub-main
      concurrencyLimit: 30
      safetyMargin: 2
      callsPerSecond: "2"
      projects:
        - name: front
          apiKeySecretRef: {name: front, key: apiKey}
          webhookSecretRef: {name: front, key: webhookSecret}
          assistants: [{name: reception, id: a1}, {name: seller, id: a2}]
          phoneNumbers:
            - {id: n1, number: "+14155550100", labels: {use: vip}}
            - {id: n2, number: "+14155550101", labels: {use: sales}}
          labels: {geo: west}
          upstreams: [trunk]
        - name: back
          apiKeySecretRef: {name: back, key: apiKey}
          webhookSecretRef: {name: back, key: webhookSecret}
          assistants: [{name: seller, id: a3}]
          phoneNumbers: [{id: n3, number: "+14155550102", labels: {use: sales}}]
    - name: second
      accountId: sub-second
      region: eu
      concurrencyLimit: 20
      projects:
        - name: far
          apiKeySecretRef: {name: far, key: apiKey}
          webhookSecretRef: {name: far, key: webhookSecret}
          assistants: [{name: reception, id: a4}, {name: closer, id: a5}]
          phoneNumbers: [{id: n4, number: "+442079460100"}]
          upstreams: [trunk]
  upstreams:
    - {name: trunk, concurrencyLimit: 60, unitsPerSession: 2}
  destinations: {allow: ["+1", "+44"]}
  classes:
    - name: vip
      priority: 1000
      direction: Inbound
      assistant: reception
      reserved: 5
      limit: 20
      match: {dialled: ["+14155550100"]}
      maxWait: 3s
      overflow: [{message: Please call again.}]
    - name: desk
      priority: 500
      direction: Any
      assistant: reception
      reservedAt: {main: 2, second: 3}
      limit: 10
      match: {dialled: ["+442079460100"]}
      whenUnavailable: {transfer: {number: "+12125550199"}}
    - name: campaign
      priority: 100
      direction: Outbound
      assistant: seller
      reserved: 1
      from: {matchLabels: {use: sales}}
      retry: {maxAttempts: 3, backoff: {initial: 1m, max: 1h}, outcomes: [Busy]}
`;

export type Path = readonly (string | number)[];

/** `spec.classes[1].name` → `['spec', 'classes', 1, 'name']`. */
export function steps(path: string): Path {
  return path
    .split(/[.[\]]+/)
    .filter((step) => step !== '')
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** The sound pool with fields set to other values; undefined drops the field. */
export function poolWith(changes: Readonly<Record<string, unknown>>): string {
  const document = parseDocument(soundPool);
  for (const [path, value] of Object.entries(changes)) {
    if (value === undefined) document.deleteIn(steps(path));
    else {
      const node = document.createNode(value);
      if (isCollection(node)) node.flow = true;
      document.setIn(steps(path), node);
    }
  }
  return document.toString();
}
