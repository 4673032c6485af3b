import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from './clock.ts';
import { ready } from './contract.ts';
import { readDeclaration } from './declaration.ts';
import { seeded } from './random.ts';
import { serve } from './server.ts';
import { readScenario, Simulation } from './simulation.ts';

/** The simulator process; contract.ts says how it is started and what it prints. */
async function main(): Promise<void> {
  const options = readOptions();
  const clock = systemClock();
  const declaration = await readDeclaration(options.pool, options.secrets);
  const { scenario, directory } = await readScenario(options.scenario);
  let controlBase = '';
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
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The simulator has no TCP port.');
  controlBase = `http://127.0.0.1:${address.port}`;
  console.log(JSON.stringify(ready.parse({ ready: true, port: address.port })));

  const stop = () => {
    server.close();
    server.closeAllConnections();
    simulation.close();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      pool: { type: 'string' },
      state: { type: 'string' },
      secrets: { type: 'string' },
      speed: { type: 'string', default: '1' },
      scenario: { type: 'string', default: fileURLToPath(new URL('scenarios/trial.yaml', import.meta.url)) },
      port: { type: 'string', default: '0' },
      run: { type: 'string' },
    },
  });
  const { pool, state, secrets, scenario, run } = values;
  if (pool === undefined || state === undefined || secrets === undefined)
    throw new Error('Say --pool POOL.yaml --state DIR --secrets DIR.');
  const [speed, port] = [Number(values.speed), Number(values.port)];
  if (!(speed > 0 && speed <= 1_000)) throw new Error('--speed must be more than 0 and at most 1000.');
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('--port must be a port, or 0 for a free one.');
  return { pool, state, secrets, scenario, run, speed, port };
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
