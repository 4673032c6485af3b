import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { PoolView } from '../capacity/view.ts';
import { handlerMessages, watchedMessages } from '../providers/vapi/requests.ts';
import { fleetGauges } from './fleet-metrics.ts';

/**
 * The worker's metrics: few labels with few values, in the words of the design. Counters and histograms are this worker's own; what is a property of
 * the pool comes from the dispatcher's view at the time of the scrape, so that every worker tells the same and none of it is counted twice
 * (`max by (…)` over workers). What is not known is absent, never zero.
 */
export type Metrics = ReturnType<typeof createMetrics>;

const fast = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const waits = [0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200];

const messageTypes: ReadonlySet<string> = new Set([...watchedMessages, ...handlerMessages, 'assistant-request']);

/** The label of a message's type. Senders name types as they like, and every new one would be a series that stays. */
export function messageLabel(type: string): string {
  return messageTypes.has(type) ? type : 'other';
}

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers });
  const seconds = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });

  return {
    registry,
    sessionsAccepted: counter('trunkline_sessions_accepted_total', 'Sessions accepted by this worker.', ['class', 'direction']),
    requestsRefused: counter('trunkline_requests_refused_total', 'Requests and lines of imports that the intake refused.', ['problem']),
    attemptOutcomes: counter('trunkline_attempt_outcomes_total', 'Attempts that ended, by outcome.', ['project', 'outcome']),
    waitSeconds: seconds(
      'trunkline_wait_seconds',
      'From the moment a session could have been admitted until it was.',
      ['class', 'direction'],
      waits,
    ),
    httpRequestSeconds: seconds(
      'trunkline_http_request_seconds',
      'Requests to the intake API, imports not counted.',
      ['route', 'status'],
      fast,
    ),
    providerRequestSeconds: seconds('trunkline_provider_request_seconds', "Requests to the provider's API.", ['project', 'kind'], fast),
    webhookSeconds: seconds('trunkline_webhook_seconds', "The provider's messages, from arrival to our answer.", ['type'], fast),
    handlerSeconds: seconds('trunkline_handler_seconds', "Answers of the team's handler.", ['type'], fast),
    view: viewGauges(registry),
    fleet: fleetGauges(registry),
  };
}

/** Gauges that mirror the dispatcher's view. */
function viewGauges(registry: Registry) {
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const gauges = {
    viewAge: gauge('trunkline_view_age_seconds', "Age of the dispatcher's view; beyond a few seconds nothing is admitted.", []),
    guarded: gauge('trunkline_guarded', '1 while nothing is admitted because the ledger lost its newest part.', []),
    queueDepth: gauge('trunkline_queue_depth', 'Sessions waiting.', ['class']),
    oldestWait: gauge('trunkline_oldest_wait_seconds', 'How long the oldest session of the class has been waiting.', ['class']),
    classSlots: gauge('trunkline_class_slots_in_use', 'Slots in use by the class.', ['class']),
    classWithheld: gauge('trunkline_class_slots_withheld', 'Slots withheld for the class from all others.', ['class']),
    subscriptionSlots: gauge('trunkline_slots_in_use', 'Slots in use, those whose line is still being freed included.', ['subscription']),
    directionSlots: gauge('trunkline_direction_slots_in_use', 'Slots in use per direction.', ['direction']),
    ceiling: gauge('trunkline_ceiling', 'Slots usable now.', ['subscription']),
    limit: gauge('trunkline_limit', 'Lines that the subscription is declared to have.', ['subscription']),
    foreign: gauge('trunkline_foreign_calls', 'Lines taken by calls that are not of this pool.', ['subscription']),
    projectPaused: gauge('trunkline_project_paused', '1 while the project takes no new calls.', ['project']),
    upstreamUnits: gauge('trunkline_upstream_units_in_use', 'Units in use of a limit that projects share.', ['upstream']),
    callsPerSecond: gauge('trunkline_calls_per_second', 'Outbound calls admitted in the last second.', []),
  };
  return {
    /** Takes over what the dispatcher saw; without a view everything is absent. */
    show(seen: { readonly view: PoolView; readonly ageMs: number } | undefined): void {
      for (const one of Object.values(gauges)) one.reset();
      // Resetting a gauge without labels sets it to zero, and zero is something else than unknown.
      for (const one of [gauges.viewAge, gauges.guarded, gauges.callsPerSecond]) one.remove();
      if (seen === undefined) return;
      const { view, ageMs } = seen;
      gauges.viewAge.set(ageMs / 1_000);
      gauges.guarded.set(view.guard === undefined ? 0 : 1);
      gauges.callsPerSecond.set(view.callsPerSecond);
      for (const direction of ['Inbound', 'Outbound'] as const) gauges.directionSlots.set({ direction }, view.directions[direction].inUse);
      for (const one of view.classes) {
        gauges.queueDepth.set({ class: one.name }, one.queued);
        gauges.classSlots.set({ class: one.name }, one.inUse);
        gauges.classWithheld.set({ class: one.name }, one.withheld);
        if (one.oldestWaitMs !== null) gauges.oldestWait.set({ class: one.name }, one.oldestWaitMs / 1_000);
      }
      for (const one of view.subscriptions) {
        gauges.subscriptionSlots.set({ subscription: one.name }, one.inUse);
        gauges.ceiling.set({ subscription: one.name }, one.ceiling);
        gauges.limit.set({ subscription: one.name }, one.limit);
        gauges.foreign.set({ subscription: one.name }, one.foreign);
      }
      for (const one of view.projects) gauges.projectPaused.set({ project: one.name }, one.paused === null ? 0 : 1);
      for (const one of view.upstreams) gauges.upstreamUnits.set({ upstream: one.name }, one.unitsInUse);
    },
  };
}
