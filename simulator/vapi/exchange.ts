import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { type Random, uniform } from '../random.ts';
import type { CallRecord, Outcome, Step, TruthEvent } from '../truth/events.ts';
import type { Truth } from '../truth/truth.ts';
import { type Call, hasEnded, newCallId } from './call.ts';

/** Told of every change of a call, after it is true. */
export type CallListener = (call: Call) => void;

/** What a new call is, before it has an identity. */
export type NewCall = Omit<CallRecord, 'id' | 'controlToken'>;

/**
 * The provider's switchboard: calls, the lines they hold, and what happens to them as time goes by. A call takes its line when it is created and gives
 * it back a while after it ended. Everything planned is on record, so that calls go on after the process was killed.
 */
export class Exchange {
  readonly #truth: Truth;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #releaseLagMs: { readonly min: number; readonly max: number };
  readonly #calls = new Map<string, Call>();
  readonly #byProject = new Map<string, Call[]>();
  readonly #timers = new Map<string, () => void>();
  readonly #onChange: CallListener[] = [];
  readonly #onFreed: ((subscription: string) => void)[] = [];

  constructor(truth: Truth, clock: Clock, random: Random, releaseLagMs: { readonly min: number; readonly max: number }) {
    this.#truth = truth;
    this.#clock = clock;
    this.#random = random;
    this.#releaseLagMs = releaseLagMs;
  }

  onChange(listener: CallListener): void {
    this.#onChange.push(listener);
  }

  onFreed(listener: (subscription: string) => void): void {
    this.#onFreed.push(listener);
  }

  get(id: string): Call | undefined {
    return this.#calls.get(id);
  }

  /** Calls of one project, oldest first. */
  ofProject(project: string): readonly Call[] {
    return this.#byProject.get(project) ?? [];
  }

  /** Creates a call when its subscription has a line for it. `stepsAfter` are planned from the instant of creation. */
  create(call: NewCall, stepsAfter: (nowMs: number) => readonly Step[]): Call | 'over-limit' {
    if (this.#truth.lines.free(call.subscription) === 0) return 'over-limit';
    const nowMs = this.#clock.nowMs();
    const record = { ...call, id: newCallId(nowMs), controlToken: randomBytes(18).toString('base64url') };
    const steps = stepsAfter(nowMs);
    this.#truth.tell({ event: 'created', atMs: nowMs, call: record, steps: [...steps] });
    const created = this.#remember(record, nowMs, steps);
    this.#changed(created);
    this.#arm(created);
    return created;
  }

  /** Replaces what is still to come, as when an assistant answers a caller. */
  plan(
    call: Call,
    steps: readonly Step[],
    answer: { readonly assistantId?: string; readonly assistantOverrides?: Readonly<Record<string, unknown>> } = {},
  ): void {
    if (hasEnded(call)) return;
    call.steps = steps;
    call.assistantId = answer.assistantId ?? call.assistantId;
    call.assistantOverrides = answer.assistantOverrides ?? call.assistantOverrides;
    this.#truth.tell({
      event: 'planned',
      atMs: this.#clock.nowMs(),
      id: call.record.id,
      steps: [...steps],
      assistantId: answer.assistantId,
      assistantOverrides: answer.assistantOverrides === undefined ? undefined : { ...answer.assistantOverrides },
    });
    this.#arm(call);
  }

  /** Ends a call now. */
  end(call: Call, reason: string, outcome: Outcome): void {
    if (hasEnded(call)) return;
    const nowMs = this.#clock.nowMs();
    call.steps = [];
    call.freeAtMs = nowMs + uniform(this.#random, this.#releaseLagMs);
    this.#truth.tell({ event: 'ended', atMs: nowMs, id: call.record.id, reason, outcome, freeAtMs: call.freeAtMs });
    call.history.push({ atMs: nowMs, status: 'ended', reason, outcome });
    this.#timers.get(call.record.id)?.();
    // Freed before anyone hears of the end, unless the provider is late with it.
    if (call.freeAtMs <= nowMs) this.#free(call);
    else
      this.#timers.set(
        call.record.id,
        this.#clock.at(call.freeAtMs, () => this.#free(call)),
      );
    this.#changed(call);
  }

  /** Takes up where an earlier process stopped: live calls go on, and what is overdue happens now. */
  recover(past: readonly TruthEvent[]): void {
    const holding = new Map<string, Call>();
    for (const event of past) this.#replay(event, holding);
    for (const call of holding.values()) {
      if (!hasEnded(call)) this.#arm(call);
      else
        this.#timers.set(
          call.record.id,
          this.#clock.at(call.freeAtMs ?? 0, () => this.#free(call)),
        );
    }
  }

  /** Live calls, for a report on what is still going on. */
  live(): readonly Call[] {
    return [...this.#calls.values()].filter((call) => !hasEnded(call));
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #replay(event: TruthEvent, holding: Map<string, Call>): void {
    if (event.event === 'created') holding.set(event.call.id, this.#remember(event.call, event.atMs, event.steps));
    if (!('id' in event)) return;
    const call = this.#calls.get(event.id);
    if (call === undefined) return;
    if (event.event === 'status') this.#pass(call, { atMs: event.atMs, status: event.status });
    if (event.event === 'planned') {
      call.steps = event.steps;
      call.assistantId = event.assistantId ?? call.assistantId;
      call.assistantOverrides = event.assistantOverrides ?? call.assistantOverrides;
    }
    if (event.event === 'ended') {
      call.history.push({ atMs: event.atMs, status: 'ended', reason: event.reason, outcome: event.outcome });
      call.freeAtMs = event.freeAtMs;
      call.steps = [];
    }
    if (event.event === 'freed') holding.delete(event.id);
  }

  #remember(record: CallRecord, nowMs: number, steps: readonly Step[]): Call {
    const { assistantId, assistantOverrides } = record;
    const first = record.kind === 'outbound' ? 'queued' : record.kind === 'inbound' ? 'ringing' : 'in-progress';
    const history = [{ atMs: nowMs, status: first } as const];
    const call: Call = { record, createdAtMs: nowMs, history, steps, assistantOverrides, assistantId, freeAtMs: undefined };
    this.#calls.set(record.id, call);
    if (record.project !== undefined) {
      const ofProject = this.#byProject.get(record.project);
      if (ofProject === undefined) this.#byProject.set(record.project, [call]);
      else ofProject.push(call);
    }
    return call;
  }

  #arm(call: Call): void {
    this.#timers.get(call.record.id)?.();
    const [next] = call.steps;
    if (next === undefined) return;
    this.#timers.set(
      call.record.id,
      this.#clock.at(next.atMs, () => this.#take(call, next)),
    );
  }

  #take(call: Call, step: Step): void {
    if (step.status === 'ended') {
      this.end(call, step.reason, step.outcome);
      return;
    }
    const nowMs = this.#clock.nowMs();
    this.#truth.tell({ event: 'status', atMs: nowMs, id: call.record.id, status: step.status });
    this.#pass(call, { atMs: nowMs, status: step.status });
    this.#changed(call);
    this.#arm(call);
  }

  #pass(call: Call, past: Call['history'][number]): void {
    call.history.push(past);
    call.steps = call.steps.slice(1);
  }

  #free(call: Call): void {
    this.#timers.delete(call.record.id);
    this.#truth.tell({ event: 'freed', atMs: this.#clock.nowMs(), id: call.record.id });
    for (const listener of this.#onFreed) listener(call.record.subscription);
  }

  #changed(call: Call): void {
    for (const listener of this.#onChange) listener(call);
  }
}
