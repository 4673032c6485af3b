import { checkManifest } from '../../../capacity/policy/check.ts';
import { poolName } from '../../../crds/values.ts';
import { scenario } from '../../../simulator/contract.ts';
import { type Draw, DrawRefused } from '../seed.ts';

/** The pool that is measured. */
export type StageSize = { readonly lines: number; readonly leads: number; readonly workers: number };

/** One pool for all measurements: three workers, each with some 30 of 90 live sessions, and a line that changes hands every 70 ms. */
export const fullStage: StageSize = { lines: 90, leads: 12_000, workers: 3 };

const speed = 10;
export const projects = ['project-0', 'project-1'] as const;

const id = (project: number, of: number) => `00000000-0000-4000-8000-0000000${project}000${of}`;

export function recoveryStage({ lines, leads, workers }: StageSize): Draw {
  const name = poolName.parse('recovery');
  const manifest = {
    apiVersion: 'trunkline.dev/v1alpha1',
    kind: 'VoiceCapacityPool',
    metadata: { name },
    spec: {
      subscriptions: [
        {
          name: 'main',
          concurrencyLimit: lines,
          projects: projects.map((project, index) => ({
            name: project,
            apiKeySecretRef: { name: project, key: 'apiKey' },
            webhookSecretRef: { name: project, key: 'webhookSecret' },
            requestsPerMinute: 6_000,
            assistants: [{ name: 'seller', id: id(index, 2) }],
            phoneNumbers: [{ id: id(index, 3), number: `+1415555010${index}` }],
          })),
        },
      ],
      destinations: { allow: ['+1'], maxDialsPerDay: 5 },
      session: { maxDuration: '3m', ringTimeout: '15s' },
      classes: [{ name: 'campaign', priority: 100, direction: 'Outbound', assistant: 'seller', queue: { maxDepth: leads } }],
      workers: { sessionsPerWorker: 50, drain: { timeout: '5s' } },
    },
  };
  const checked = checkManifest(JSON.stringify(manifest), 'recovery.json');
  if (!checked.ok) throw new DrawRefused(checked.problems.map(({ path, message }) => `${path} ${message}`).join('; '));
  return {
    seed: 1,
    pool: { name, manifest, inboundNumber: undefined, outboundClasses: ['campaign'], projects },
    team: { manners: { slow: 0, refuses: 0 }, wishes: [] },
    spec: checked.manifest.spec,
    scenario: scenario.parse({
      seed: 1,
      traffic: [
        {
          kind: 'outbound',
          class: 'campaign',
          leads,
          length: { mu: 3.9, sigma: 0.3, minSeconds: 20, maxSeconds: 120 },
          answer: { noAnswer: 0, busy: 0, voicemail: 0 },
          ringSeconds: { min: 2, max: 10 },
        },
      ],
    }),
    files: {},
    speed,
    workers,
    trafficMs: 0,
    faults: [],
  };
}
