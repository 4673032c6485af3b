import type { HandlerSpec, PoolSpec } from '../../crds/pool.ts';
import type { ScalingRuleSpec, ScalingSpec } from '../../crds/scaling.ts';
import { durationMs } from '../../crds/values.ts';
import type { ScalingRule } from './behavior.ts';
import { type ScalingPolicy, type Statefulness, spareWorkers } from './policy.ts';
import type { ScalingSchedule } from './schedule.ts';

/** Makes what a pool declares about its workers ready for decisions. */
export function scalingPolicyOf({ scaling, workers, classes, handler }: PoolSpec): ScalingPolicy {
  return {
    minReplicas: scaling.minReplicas,
    maxReplicas: scaling.maxReplicas,
    sessionsPerWorker: workers.sessionsPerWorker,
    slotUtilization: Number(scaling.slotUtilization),
    spareWorkers: spareWorkers(scaling.spareWorkers, classes),
    drainBacklogWithinMs: durationMs(scaling.drainBacklogWithin),
    dispatchLatencyMs: durationMs(scaling.dispatchLatency),
    buffer: scaling.buffer,
    schedules: scaling.schedules.map(scheduleOf),
    behavior: { scaleUp: ruleOf(scaling.behavior.scaleUp), scaleDown: ruleOf(scaling.behavior.scaleDown) },
    handler: statefulnessOf(handler),
  };
}

/** Any worker takes any event of a session, unless the team's module keeps something of it between two. */
export function statefulnessOf(handler: HandlerSpec | undefined): Statefulness {
  return handler !== undefined && 'module' in handler && handler.stateful ? 'stateful' : 'stateless';
}

function scheduleOf(schedule: ScalingSpec['schedules'][number]): ScalingSchedule {
  const { name, timezone, days, start, end, minReplicas, maxReplicas } = schedule;
  return { name, timezone, days, startMinute: minuteOf(start), endMinute: minuteOf(end), minReplicas, maxReplicas };
}

/** Minutes after midnight of `09:30`. */
function minuteOf(time: string): number {
  const [hour, minute] = time.split(':').map(Number);
  return (hour ?? 0) * 60 + (minute ?? 0);
}

function ruleOf({ stabilizationWindow, selectPolicy, policies }: ScalingRuleSpec): ScalingRule {
  return { stabilizationWindowMs: durationMs(stabilizationWindow), limit: limitOf(selectPolicy, policies) };
}

function limitOf(selected: ScalingRuleSpec['selectPolicy'], policies: ScalingRuleSpec['policies']): ScalingRule['limit'] {
  if (selected === 'Disabled') return { kind: 'disabled' };
  if (policies.length === 0) return { kind: 'none' };
  return {
    kind: selected === 'Max' ? 'most' : 'least',
    policies: policies.map(({ type, value, period }) => ({
      kind: type === 'Workers' ? 'workers' : 'percent',
      value,
      periodMs: durationMs(period),
    })),
  };
}
