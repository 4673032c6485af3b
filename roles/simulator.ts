import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readVariables } from '../crds/variables.ts';
import { openSimulator, trialScenario } from '../simulator/open.ts';
import { onLeave, run, say } from './role.ts';

/** The simulated provider with its callers and callees, for pools in a cluster: it serves the provider's API, and sends traffic once the pool serves. */

const variables = z.object({
  /** The pool's manifest. */
  TRUNKLINE_POOL_FILE: z.string().min(1),
  TRUNKLINE_SECRETS: z.string().min(1),
  TRUNKLINE_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Where workers reach it, as in the projects' `baseUrl`. */
  TRUNKLINE_SIMULATOR_URL: z.url(),
  TRUNKLINE_SCENARIO_FILE: z.string().min(1).default(trialScenario),
  TRUNKLINE_SPEED: z.coerce.number().positive().max(1_000).default(1),
  /** What it remembers; kept over restarts if the directory is. */
  TRUNKLINE_STATE: z.string().min(1).default('/tmp/simulator'),
  /** Where leads are handed in and callers ring. Absent: no traffic until somebody begins it. */
  TRUNKLINE_INTAKE_URL: z.url().optional(),
  TRUNKLINE_INTAKE_TOKEN_FILE: z.string().min(1).optional(),
});

const lookEveryMs = 1_000;

await run(async () => {
  const environment = readVariables(variables, process.env);
  const simulator = await openSimulator({
    pool: environment.TRUNKLINE_POOL_FILE,
    state: environment.TRUNKLINE_STATE,
    secrets: environment.TRUNKLINE_SECRETS,
    scenario: environment.TRUNKLINE_SCENARIO_FILE,
    run: undefined,
    speed: environment.TRUNKLINE_SPEED,
    host: '0.0.0.0',
    port: environment.TRUNKLINE_PORT,
    reachedAt: environment.TRUNKLINE_SIMULATOR_URL,
  });
  const leave = new AbortController();
  onLeave(() => {
    leave.abort();
    simulator.close();
  });
  say(`the provider is simulated on port ${simulator.port}`);
  const { TRUNKLINE_INTAKE_URL: url, TRUNKLINE_INTAKE_TOKEN_FILE: tokenFile } = environment;
  if (url === undefined || tokenFile === undefined) return;
  const token = await untilServed(url, tokenFile, leave.signal);
  if (token === undefined) return;
  simulator.start({ url, token });
  say('traffic begins');
});

/** Waits until the pool takes the token, and returns it; undefined when told to leave before. */
async function untilServed(url: string, tokenFile: string, leave: AbortSignal): Promise<string | undefined> {
  for (let said = ''; !leave.aborted; ) {
    const answer = await ask(url, tokenFile);
    if ('token' in answer) return answer.token;
    if (answer.trouble !== said) say(`waiting for the pool: ${answer.trouble}`);
    said = answer.trouble;
    await sleep(lookEveryMs, undefined, { signal: leave }).catch((error: Error) => {
      if (!leave.aborted) throw error;
    });
  }
  return undefined;
}

async function ask(url: string, tokenFile: string): Promise<{ readonly token: string } | { readonly trouble: string }> {
  try {
    const token = (await readFile(tokenFile, 'utf8')).trim();
    const answer = await fetch(new URL('/v1/pool', url), {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    return answer.ok ? { token } : { trouble: `${url} answers ${answer.status}` };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { trouble: error.cause instanceof Error ? error.cause.message : error.message };
  }
}
