import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { type Clock, sleep } from './clock.ts';
import { type Report, type Scenario, scenario } from './contract.ts';
import type { Declaration } from './declaration.ts';
import { seeded } from './random.ts';
import { Accepted } from './traffic/accepted.ts';
import { sendCallers } from './traffic/callers.ts';
import { takeLines } from './traffic/foreign.ts';
import { handLeads, type Lead, readLeads } from './traffic/leads.ts';
import { openTruthLog, readTruthLog, type TruthLog } from './truth/log.ts';
import { Truth } from './truth/truth.ts';
import { Api } from './vapi/api.ts';
import { Exchange } from './vapi/exchange.ts';
import { Inbound } from './vapi/inbound.ts';
import { RequestRate } from './vapi/requests.ts';
import { type Destination, Webhooks } from './vapi/webhooks.ts';

export type SimulationSettings = {
  readonly declaration: Declaration;
  readonly scenario: Scenario;
  /** Where the scenario's file lies; leads are relative to it. */
  readonly scenarioDirectory: string;
  readonly stateDirectory: string;
  /** The run of the pool that this belongs to; figures of the report begin with it. Absent: with the first event of the state directory. */
  readonly run?: string | undefined;
  readonly speed: number;
  readonly clock: Clock;
  /** Where control URLs of calls begin; known once the server listens. */
  readonly controlBase: () => string;
};

/** The provider, the people on the phone, and the truth about both. */
export class Simulation {
  readonly api: Api;
  readonly exchange: Exchange;
  readonly accepted: Accepted;
  readonly truth: Truth;
  readonly inbound: Inbound;
  readonly #settings: SimulationSettings;
  readonly #webhooks: Webhooks;
  readonly #log: TruthLog;
  readonly #destination: Destination = { url: undefined };
  readonly #startedAtMs: number;
  #traffic: AbortController | undefined;

  constructor(settings: SimulationSettings) {
    const { declaration, scenario: play, clock, speed, controlBase } = settings;
    this.#settings = settings;
    this.#startedAtMs = clock.nowMs();
    const file = join(settings.stateDirectory, 'simulator', 'calls.ndjson');
    const past = readTruthLog(file);
    this.#log = openTruthLog(file);
    this.accepted = new Accepted(join(settings.stateDirectory, 'simulator', 'accepted.ndjson'));
    this.truth = new Truth(declaration, this.#log, past);
    const { truth } = this;
    const drawn = (of: string) => seeded(play.seed, of, past.length);

    this.exchange = new Exchange(truth, clock, drawn('release'), perSpeed(play.provider.releaseLagSeconds, speed));
    const { exchange } = this;
    const webhooks = {
      truth,
      clock,
      random: drawn('webhooks'),
      faults: play.provider.webhooks,
      speed,
      destination: this.#destination,
      controlBase,
    };
    this.#webhooks = new Webhooks(webhooks);
    this.inbound = new Inbound({ declaration, truth, exchange, webhooks: this.#webhooks, clock, random: drawn('talk'), speed });
    const creation = {
      truth,
      exchange,
      scenario: play,
      speed,
      random: drawn('creations'),
      outage: (project: string) => this.#outage(project),
    };
    this.api = new Api({ declaration, truth, exchange, scenario: play, clock, requests: new RequestRate(), creation, speed, controlBase });

    const orgs = new Map(declaration.orgs.map((org) => [org.project, org]));
    exchange.onChange((call) => {
      const org = call.record.project === undefined ? undefined : orgs.get(call.record.project);
      // While the question who answers is pending, the number's server hears only the question.
      const asked = call.record.kind === 'inbound' && call.history.length === 1;
      if (org !== undefined && call.record.kind !== 'foreign' && !asked) this.#webhooks.announce(call, org);
    });
    truth.tell({ event: 'opened', atMs: clock.nowMs(), run: settings.run });
    exchange.recover(past);
  }

  /** Begins traffic towards the pool's workers. Beginning twice only changes where they are. */
  start(to: { readonly url: string; readonly token: string }): void {
    this.#destination.url = to.url;
    if (this.#traffic !== undefined) return;
    const { clock, declaration, scenario: play, scenarioDirectory, speed } = this.#settings;
    // Read before anything begins: a missing file of leads must not leave half the traffic running.
    const leads = play.traffic.map((each, index) => (each.kind === 'outbound' ? readLeads(each, index, scenarioDirectory) : []));
    this.#traffic = new AbortController();
    const { signal } = this.#traffic;
    this.truth.tell({ event: 'traffic', atMs: clock.nowMs(), running: true });
    for (const limit of play.provider.limits) void this.#changeLimit(limit, signal);
    const firstIndex = this.truth.arrivals;
    for (const [index, each] of play.traffic.entries()) {
      if (each.kind === 'inbound')
        void sendCallers({ seed: play.seed, speed, clock, ring: (arrival) => this.inbound.ring(arrival), firstIndex }, each, signal);
      if (each.kind === 'foreign') void takeLines({ clock, exchange: this.exchange, declaration }, each, signal);
      if (each.kind === 'outbound') {
        const onAccepted = (lead: Lead) => this.truth.tell({ event: 'lead', atMs: clock.nowMs(), class: lead.class, number: lead.number });
        const onRefused = (_lead: Lead, status: number | undefined) =>
          this.#violated(`intake refused a lead of class ${each.class} with ${status ?? 'an unknown status'}`);
        void handLeads({ clock, speed, ...to, accepted: this.accepted, onAccepted, onRefused }, each, leads[index] ?? [], signal);
      }
    }
  }

  /** Ends traffic. Live calls go on to their end. */
  stop(): void {
    if (this.#traffic === undefined) return;
    this.#traffic.abort();
    this.#traffic = undefined;
    this.truth.tell({ event: 'traffic', atMs: this.#settings.clock.nowMs(), running: false });
  }

  report(): Report {
    return this.truth.report(this.#settings.clock.nowMs());
  }

  close(): void {
    this.stop();
    this.#webhooks.close();
    this.exchange.close();
    this.#log.close();
    this.accepted.close();
  }

  async #changeLimit(change: Scenario['provider']['limits'][number], signal: AbortSignal): Promise<void> {
    if (!(await sleep(this.#settings.clock, change.atSeconds * 1_000, signal))) return;
    this.truth.tell({ event: 'limit', atMs: this.#settings.clock.nowMs(), subscription: change.subscription, limit: change.limit });
  }

  #outage(project: string): number | undefined {
    const { clock, scenario: play } = this.#settings;
    const seconds = (clock.nowMs() - this.#startedAtMs) / 1_000;
    return play.provider.outages.find((each) => each.project === project && seconds >= each.fromSeconds && seconds < each.toSeconds)
      ?.status;
  }

  #violated(what: string): void {
    this.truth.tell({ event: 'violation', atMs: this.#settings.clock.nowMs(), what });
  }
}

/** Reads a scenario file and says where it lies. */
export async function readScenario(file: string): Promise<{ readonly scenario: Scenario; readonly directory: string }> {
  const parsed = scenario.safeParse(parse(await readFile(file, 'utf8')));
  if (!parsed.success)
    throw new Error(`${file}: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`);
  return { scenario: parsed.data, directory: dirname(file) };
}

function perSpeed(span: { readonly min: number; readonly max: number }, speed: number): { readonly min: number; readonly max: number } {
  return { min: (span.min * 1_000) / speed, max: (span.max * 1_000) / speed };
}
