import { found, type Violation } from '../../violation.ts';
import { type AttemptFact, attemptNamedBy, type CallFact, type History } from '../history.ts';
import { checkedThenWrittenMs, clocksApartMs, onTimeMs } from '../tolerances.ts';

/**
 * I2: calls per second, where the provider counts them, and the moment until which an admission may be sent. Creations that a wire held up are left
 * out: they say nothing about how they were paced. Speed plays no part: a simulation shortens calls, not seconds.
 */
export function checkRates(history: History): readonly Violation[] {
  const late = history.attempts.filter(
    ({ direction, sendingAtMs, sendByMs }) =>
      direction === 'Outbound' && sendingAtMs !== null && sendByMs !== null && sendingAtMs > sendByMs + checkedThenWrittenMs,
  );
  const paced = pacedCalls(history);
  return [
    ...found(
      'I2',
      'sent after the moment until which the admission was good',
      late.map(({ id }) => id),
    ),
    ...limiterNames(history).flatMap((limiter) =>
      found(
        'I2',
        `more calls per second than ${limiter} allows`,
        tooDense(
          paced.filter((call) => call.passes.includes(limiter)),
          (call) => call.rates.get(limiter),
        ),
      ),
    ),
  ];
}

type Paced = {
  readonly id: string;
  readonly atMs: number;
  /** Limiters that it passed under the policy that admitted it, and their calls per second. */
  readonly passes: readonly string[];
  readonly rates: ReadonlyMap<string, number>;
};

function pacedCalls({ attempts, calls, policies }: History): readonly Paced[] {
  const byId = new Map(attempts.map((attempt) => [attempt.id, attempt]));
  return calls.flatMap((call): Paced[] => {
    const attempt = call.kind === 'outbound' ? byId.get(attemptNamedBy(call) ?? '') : undefined;
    const policy = policies.get(attempt?.policyVersion ?? -1);
    if (attempt === undefined || policy === undefined || !isOnTime(call, attempt)) return [];
    const project = policy.projects.find(({ name }) => name === attempt.project);
    const rates = new Map<string, number>();
    const subscription = policy.subscriptions.find(({ name }) => name === attempt.subscription);
    if (subscription?.callsPerSecond !== undefined) rates.set(`subscription ${subscription.name}`, subscription.callsPerSecond);
    for (const upstream of policy.upstreams) {
      if (upstream.callsPerSecond !== undefined && project?.upstreams.includes(upstream.name))
        rates.set(`upstream ${upstream.name}`, upstream.callsPerSecond);
    }
    return [{ id: call.id, atMs: call.createdAtMs, passes: [...rates.keys()], rates }];
  });
}

/** A rate is kept by what arrives in the time that pacing allows for the way. */
function isOnTime(call: CallFact, { sendByMs }: AttemptFact): boolean {
  return sendByMs !== null && call.createdAtMs <= sendByMs + onTimeMs;
}

function limiterNames({ policies }: History): readonly string[] {
  const names = [...policies.values()].flatMap(({ subscriptions, upstreams }) => [
    ...subscriptions.map(({ name }) => `subscription ${name}`),
    ...upstreams.map(({ name }) => `upstream ${name}`),
  ]);
  return [...new Set(names)];
}

/** Calls that came too soon after the one that is as many before them as a window holds. Where the rate changed, the highest one counts. */
function tooDense(calls: readonly Paced[], rateOf: (call: Paced) => number | undefined): readonly string[] {
  const inOrder = calls.toSorted((a, b) => a.atMs - b.atMs);
  const highest = Math.max(0, ...inOrder.map((call) => rateOf(call) ?? 0));
  if (highest === 0) return [];
  const perWindow = Math.max(1, Math.floor(highest));
  const windowMs = highest < 1 ? 1_000 / highest : 1_000;
  return inOrder.flatMap((call, index) => {
    const first = inOrder[index - perWindow];
    return first !== undefined && call.atMs - first.atMs < windowMs - clocksApartMs ? [call.id] : [];
  });
}
