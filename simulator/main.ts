import { parseArgs } from 'node:util';
import { ready } from './contract.ts';
import { openSimulator, type SimulatorOptions, trialScenario } from './open.ts';

/** The simulator process; contract.ts says how it is started and what it prints. */
async function main(): Promise<void> {
  const simulator = await openSimulator(readOptions());
  console.log(JSON.stringify(ready.parse({ ready: true, port: simulator.port })));
  process.once('SIGTERM', simulator.close);
  process.once('SIGINT', simulator.close);
}

function readOptions(): SimulatorOptions {
  const { values } = parseArgs({
    options: {
      pool: { type: 'string' },
      state: { type: 'string' },
      secrets: { type: 'string' },
      speed: { type: 'string', default: '1' },
      scenario: { type: 'string', default: trialScenario },
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
  return { pool, state, secrets, scenario, run, speed, port, host: '127.0.0.1' };
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
