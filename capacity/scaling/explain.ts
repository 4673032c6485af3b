import type { PoolStatus } from '../../crds/status.ts';
import { type Clamp, type Decision, limitedBy, type Reason } from './decision.ts';
import type { SignalName, Unknown } from './signals.ts';

/** Why there are so many workers, in words: the decision's own reason and limits with their figures. No second opinion is formed here. */

/** Line by line, for `trunkline explain workers`. */
export function explainWorkers(decision: Decision): readonly string[] {
  const lines = [headline(decision), fleet(decision), describeReason(decision)];
  lines.push(...decision.clamps.map(describeClamp));
  if (decision.mode === 'panic')
    lines.push('Demand was twice what there is within the last minute: it is judged by seconds, and no worker is taken away.');
  return lines;
}

/** In one sentence or two, for status and events. */
export function describeDecision(decision: Decision): string {
  const limit = limitedBy(decision);
  const held = decision.replicas > decision.asked ? decision.clamps.findLast(({ from, to }) => to > from) : undefined;
  const why = limit ?? held;
  return [headline(decision), describeReason(decision), ...(why === undefined ? [] : [describeClamp(why)])].join(' ');
}

/** The decision as the pool's status keeps it. */
export function lastDecisionOf(decision: Decision, atMs: number): NonNullable<PoolStatus['lastDecision']> {
  const limit = limitedBy(decision);
  return {
    time: new Date(atMs).toISOString(),
    replicas: decision.replicas,
    reason: decision.reason.kind,
    ...(limit === undefined ? {} : { limitedBy: limit.by }),
    message: describeDecision(decision),
  };
}

function headline({ replicas, previous }: Decision): string {
  return replicas === previous ? `${workers(replicas)} wanted, as before.` : `${workers(replicas)} wanted, ${previous} before.`;
}

function fleet({ workers: { serving, starting, draining } }: Decision): string {
  const others = [...(starting > 0 ? [`${starting} starting`] : []), ...(draining > 0 ? [`${draining} draining`] : [])];
  return `${[`${serving} serving`, ...others].join(', ')}.`;
}

function describeReason({ reason, asked, sessionsEach }: Decision): string {
  return `${asksFor(reason)} ${workers(asked)}: ${figuresOf(reason, sessionsEach)}.`;
}

function asksFor(reason: Reason): string {
  switch (reason.kind) {
    case 'SlotUtilization':
      return 'Slots in use ask for';
    case 'Backlog':
      return 'The backlog asks for';
    case 'OldestWait':
      return 'The longest wait asks for';
    case 'WorkerLatency':
      return "The workers' latency asks for";
    case 'SignalsUnknown':
      return 'Nothing is known that would change';
  }
}

function figuresOf(reason: Reason, sessionsEach: number): string {
  const each = `at ${rounded(sessionsEach)} sessions a worker`;
  switch (reason.kind) {
    case 'SlotUtilization':
      return `${rounded(reason.slotsInUse)} slots in use and ${rounded(reason.buffer.sessions)} kept ready (${bufferNames[reason.buffer.from]}), ${each}`;
    case 'Backlog':
      return `${rounded(reason.slotsInUse)} slots in use and ${rounded(reason.backlogSlots)} to start the waiting sessions within ${seconds(reason.withinMs)}, ${each}`;
    case 'OldestWait':
      return `a session has waited for ${seconds(reason.waitMs)} though lines are free, and ${seconds(reason.withinMs)} is the aim`;
    case 'WorkerLatency':
      return `it is ${Math.round(reason.p95Ms)} ms at p95, and ${reason.targetMs} ms is the aim`;
    case 'SignalsUnknown':
      return unknownSignals(reason.unknown);
  }
}

const bufferNames = {
  sessions: 'a fixed number',
  percent: 'a share of those in use',
  arrivals: 'what arrives while a worker starts',
} as const;

function describeClamp(clamp: Clamp): string {
  return `${clamp.from} → ${clamp.to}: ${reasonOf(clamp)}`;
}

function reasonOf(clamp: Clamp): string {
  switch (clamp.by) {
    case 'Tolerance':
      return 'load and workers are within a tenth of each other.';
    case 'ProviderCeiling':
      return `${clamp.to - clamp.spare} can use the ${clamp.ceiling} lines that there are now, and ${clamp.spare} ${clamp.spare === 1 ? 'is' : 'are'} spare (ProviderCeiling).`;
    case 'CeilingUnknown':
      return 'how many lines there are is not known yet, so no worker is added.';
    case 'ScaleUpStabilization':
      return `fewer were enough within the last ${seconds(clamp.windowMs)}.`;
    case 'ScaleDownStabilization':
      return `so many were needed within the last ${seconds(clamp.windowMs)}.`;
    case 'Panic':
      return 'demand was twice what there is within the last minute.';
    case 'ScaleUpLimit':
      return 'behavior.scaleUp lets no more be added now.';
    case 'ScaleDownLimit':
      return 'behavior.scaleDown lets no more be taken away now.';
    case 'SignalsUnknown':
      return `none is taken away on what is not known: ${unknownSignals(clamp.unknown)}.`;
    case 'Restart':
      return `none is taken away for another ${seconds(clamp.remainingMs)}, as what was before the start is not known.`;
    case 'ScheduleFloor':
      return `schedule ${clamp.schedule} wants so many at least.`;
    case 'ScheduleCap':
      return `schedule ${clamp.schedule} allows no more.`;
    case 'MinReplicas':
      return 'minReplicas.';
    case 'MaxReplicas':
      return 'maxReplicas.';
    case 'Draining':
      return `${workers(clamp.draining)} still draining ${clamp.draining === 1 ? 'counts' : 'count'} until gone.`;
    case 'BusyWorkers':
      return clamp.busy === undefined
        ? 'which workers hold sessions of the handler is not known.'
        : `${workers(clamp.busy)} ${clamp.busy === 1 ? 'holds' : 'hold'} sessions of a stateful handler, which stay where they are.`;
  }
}

const signalNames: Readonly<Record<SignalName, string>> = {
  slotsInUse: 'slots in use',
  ceiling: 'the ceiling',
  backlog: 'the backlog',
  oldestWaitMs: 'the longest wait',
  workerLatencyMs: "the workers' latency",
  arrivalsPerSecond: 'the rate of arrivals',
  busyWorkers: 'which workers are busy',
};

const flaws: Readonly<Record<Unknown['why'], string>> = { Missing: 'missing', Stale: 'too old', Invalid: 'no valid amount' };

function unknownSignals(unknown: readonly Unknown[]): string {
  if (unknown.length === 0) return 'the workers have nothing to go by';
  return unknown.map(({ signal, why }) => `${signalNames[signal]} (${flaws[why]})`).join(', ');
}

function workers(many: number): string {
  return `${many} ${many === 1 ? 'worker' : 'workers'}`;
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${Math.ceil(ms / 100) / 10} s` : `${Math.round(ms / 1_000)} s`;
}
