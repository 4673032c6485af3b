import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { systemClock } from './clock.ts';
import type { start } from './contract.ts';
import { readDeclaration } from './declaration.ts';
import { seeded } from './random.ts';
import { serve } from './server.ts';
import { readScenario, Simulation } from './simulation.ts';

export type SimulatorOptions = {
  /** Files and directories. */
  readonly pool: string;
  readonly state: string;
  readonly secrets: string;
  readonly scenario: string;
  readonly run: string | undefined;
  readonly speed: number;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Where those who listen to control URLs reach it; absent: on this machine. */
  readonly reachedAt?: string;
};

/** A simulator that listens. */
export type OpenSimulator = { readonly port: number; start(traffic: z.infer<typeof start>): void; close(): void };

/** The scenario of the trial, which suits any pool that has its classes and numbers. */
export const trialScenario = fileURLToPath(new URL('scenarios/trial.yaml', import.meta.url));

export async function openSimulator(options: SimulatorOptions): Promise<OpenSimulator> {
  const clock = systemClock();
  const declaration = await readDeclaration(options.pool, options.secrets);
  const { scenario, directory } = await readScenario(options.scenario);
  let controlBase = options.reachedAt?.replace(/\/+$/, '') ?? '';
  const simulation = new Simulation({
    declaration,
    scenario,
    scenarioDirectory: directory,
    stateDirectory: options.state,
    run: options.run,
    speed: options.speed,
    clock,
    controlBase: () => controlBase,
  });
  const server = serve(simulation, { clock, random: seeded(scenario.seed, 'latency'), latencyMs: scenario.provider.latencyMs });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The simulator has no TCP port.');
  if (options.reachedAt === undefined) controlBase = `http://127.0.0.1:${address.port}`;
  return {
    port: address.port,
    start: (traffic) => simulation.start(traffic),
    close() {
      server.close();
      server.closeAllConnections();
      simulation.close();
    },
  };
}
