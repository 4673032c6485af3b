import type { Report } from '../../simulator/contract.ts';
import type { TruthEvent } from '../../simulator/truth/events.ts';

/** What the provider saw, held against what is promised. Pure. */

/** The provider's word for a call that was ended through its control address. Nobody asks for that in a run. */
const endedByUs = 'manually-canceled';

type Ended = Extract<TruthEvent, { event: 'ended' }>;
type Answered = Extract<TruthEvent, { event: 'answered' }>;

/** Moments at which a worker's process was killed: a caller whose request it held then gets no answer from it. */
export type Killed = { readonly atMs: number };
const aroundKillMs = 3_000;

export type Judgement = {
  readonly callsCut: readonly string[];
  readonly callersUnanswered: readonly string[];
  /** Callers for whom the provider had no line left. */
  readonly callersRefused: readonly string[];
  readonly overLimit: readonly string[];
  readonly dialledTwice: readonly string[];
  readonly broken: readonly string[];
};

export function judge(truth: readonly TruthEvent[], report: Report, kills: readonly Killed[]): Judgement {
  const ended = truth.filter((event): event is Ended => event.event === 'ended');
  const answered = truth.filter((event): event is Answered => event.event === 'answered');
  const unanswered = answered.filter(isUnanswered);
  const explained = ({ atMs, tookMs }: Answered) =>
    kills.some((kill) => kill.atMs >= atMs - tookMs - aroundKillMs && kill.atMs <= atMs + aroundKillMs);
  const refusals = Object.entries(report.subscriptions).filter(([, { overLimitRefusals }]) => overLimitRefusals > 0);
  return {
    callsCut: ended.filter(({ reason }) => reason === endedByUs).map(({ id }) => id),
    callersUnanswered: unanswered.filter((one) => !explained(one)).map(complaint),
    callersRefused: report.inboundRefusedAtProvider === 0 ? [] : [`${report.inboundRefusedAtProvider} callers`],
    overLimit: refusals.map(([name, { overLimitRefusals }]) => `${name} refused ${overLimitRefusals} calls over its limit`),
    dialledTwice: report.duplicateDials === 0 ? [] : [`${report.duplicateDials} people`],
    broken: report.violations,
  };
}

const isUnanswered = ({ answer }: Answered): boolean => answer === 'failed' || answer === 'late' || answer === 'error';
const complaint = ({ id, answer, atMs }: Answered): string => `${id} ${answer} at ${timeOf(atMs)}`;

/** Callers that called in a span of time: how many were answered, and who was not, whenever that came out. */
export function callersBetween(
  truth: readonly TruthEvent[],
  fromMs: number,
  toMs: number,
): { readonly answered: number; readonly lost: readonly string[] } {
  const isWithin = (atMs: number) => atMs >= fromMs && atMs < toMs;
  const answers = truth.filter((event): event is Answered => event.event === 'answered' && isWithin(event.atMs - event.tookMs));
  const lost = answers.filter(isUnanswered).map(complaint);
  const refused = truth.filter((event) => event.event === 'arrival' && !event.taken && isWithin(event.atMs));
  return {
    answered: answers.length - lost.length,
    lost: [...lost, ...refused.map(({ atMs }) => `refused for want of a line at ${timeOf(atMs)}`)],
  };
}

/** When the provider took its first call of the pool; undefined before. */
export function firstCallAtMs(truth: readonly TruthEvent[]): number | undefined {
  return truth.find((event) => event.event === 'created' && event.call.kind === 'outbound')?.atMs;
}

/** Outbound calls that the provider took in a span of time. */
export function callsBetween(truth: readonly TruthEvent[], fromMs: number, toMs: number): number {
  return truth.filter((event) => isOurs(event) && event.atMs >= fromMs && event.atMs < toMs).length;
}

/** The longest time without a new outbound call, milliseconds. */
export function longestPauseMs(truth: readonly TruthEvent[], fromMs: number, toMs: number): number {
  const moments = truth.filter((event) => isOurs(event) && event.atMs > fromMs && event.atMs < toMs).map(({ atMs }) => atMs);
  const pauses = [...moments, toMs].map((atMs, index) => atMs - (moments[index - 1] ?? fromMs));
  return Math.max(...pauses);
}

/** Conversations and dials that came to their own end. */
export function endsOf(truth: readonly TruthEvent[]): number {
  return truth.filter((event) => event.event === 'ended' && event.reason !== endedByUs).length;
}

/** Callers to whom the assistant spoke. */
export function callersAnswered(truth: readonly TruthEvent[]): number {
  return truth.filter((event) => event.event === 'answered' && event.answer === 'assistant').length;
}

const isOurs = (event: TruthEvent): boolean => event.event === 'created' && event.call.kind === 'outbound';

export const timeOf = (atMs: number): string => new Date(atMs).toISOString().slice(11, 23);
