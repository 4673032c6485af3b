import type { FleetView } from '../../../capacity/scaling/fleet.ts';
import type { PoolStatus } from '../../../crds/status.ts';
import type { LedgerOutlook } from '../observed.ts';

/**
 * A dispatcher that is killed or stalls is followed by another within 6 s, which publishes at once. What is older than this says that nobody dispatches,
 * and its figures are none any more.
 */
const staleAfterMs = 15_000;

/** What the dispatcher published last, unless it is too old to say anything about now. */
export function freshView(ledger: LedgerOutlook): FleetView | undefined {
  if (ledger.kind !== 'read' || ledger.load?.seen === undefined) return undefined;
  const { view, ageMs } = ledger.load.seen;
  return ageMs + ledger.ageMs <= staleAfterMs ? view : undefined;
}

/** The generation of the policy by which sessions are admitted. Undefined: nobody admits, or by a policy that no generation is known of. */
export function appliedGeneration(ledger: LedgerOutlook): number | undefined {
  const view = freshView(ledger);
  if (view === undefined || ledger.kind !== 'read') return undefined;
  const { newest, workers } = ledger.standing;
  if (newest?.version === view.policyVersion) return newest.generation;
  const dispatcher = ledger.load?.workers.find(({ dispatching }) => dispatching)?.name;
  return workers.find(({ name }) => name === dispatcher)?.appliedGeneration;
}

type Figures = Pick<PoolStatus, 'ceiling' | 'active' | 'queued' | 'classes' | 'subscriptions'>;

/** Longest text that the schema takes for a pause. */
const maxPauseChars = 300;

/** Figures of the whole and of its parts. */
export function figuresOf(view: FleetView): Figures {
  return {
    ceiling: view.slots.ceiling,
    active: view.slots.inUse,
    queued: view.classes.reduce((sum, { queued }) => sum + queued, 0),
    classes: view.classes.map(({ name, inUse, queued, oldestWaitMs }) => ({
      name,
      active: inUse,
      queued,
      ...(oldestWaitMs === null ? {} : { oldestWaitSeconds: Math.floor(oldestWaitMs / 1_000) }),
    })),
    subscriptions: view.subscriptions.map(({ name, ceiling, inUse, learnedLimit, foreign }) => ({
      name,
      ceiling,
      active: inUse,
      ...(learnedLimit === null ? {} : { learnedLimit }),
      foreign,
      projects: view.projects
        .filter(({ subscription }) => subscription === name)
        .map((project) => ({
          name: project.name,
          active: project.inUse,
          ...(project.paused === null ? {} : { paused: project.paused.slice(0, maxPauseChars) }),
        })),
    })),
  };
}
