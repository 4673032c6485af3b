import { describe, expect, test } from 'vitest';
import { EnvironmentInvalid } from '../../crds/variables.ts';
import { readEnvironment } from '../../workers/environment.ts';

const complete = {
  TRUNKLINE_LEDGER_URL_FILE: '/var/run/trunkline/secrets/ledger/url',
  TRUNKLINE_POOL: '6f1e9a52-1111-2222-3333-444455556666/voice/sales',
  TRUNKLINE_SECRETS: '/var/run/trunkline/secrets',
  TRUNKLINE_WORKER_NAME: 'sales-vcp-5d8f-x2k7',
};

describe('what a worker is told', () => {
  test('in a pod, with what it need not be told', () => {
    expect(readEnvironment(complete)).toEqual({
      ledger: { kind: 'file', file: complete.TRUNKLINE_LEDGER_URL_FILE },
      pool: complete.TRUNKLINE_POOL,
      secrets: complete.TRUNKLINE_SECRETS,
      name: complete.TRUNKLINE_WORKER_NAME,
      port: 8080,
      host: '0.0.0.0',
      peer: { host: '127.0.0.1', port: 0 },
      publicUrl: undefined,
      providerUrl: undefined,
    });
  });

  test.each([
    { name: 'no ledger', change: { TRUNKLINE_LEDGER_URL_FILE: undefined }, says: /TRUNKLINE_LEDGER_URL.*set one of the two/ },
    { name: 'two ledgers', change: { TRUNKLINE_LEDGER_URL: 'postgres://user:s3cret@ledger/x' }, says: /set one of the two/ },
    { name: 'half a key', change: { TRUNKLINE_POOL: 'voice/sales' }, says: /TRUNKLINE_POOL: must be the name of a pool/ },
    { name: 'no name', change: { TRUNKLINE_WORKER_NAME: undefined }, says: /environment variable TRUNKLINE_WORKER_NAME is missing$/ },
    { name: 'a port that is none', change: { TRUNKLINE_PORT: '70000' }, says: /TRUNKLINE_PORT: must be at most 65535$/ },
    { name: 'a port in words', change: { TRUNKLINE_PORT: 'http' }, says: /TRUNKLINE_PORT: must be a number$/ },
    { name: 'a level that is none', change: { TRUNKLINE_LOG_LEVEL: 'loud' }, says: /TRUNKLINE_LOG_LEVEL: must be one of trace, / },
  ])('with $name is refused, the variable named and nothing of its value', ({ change, says }) => {
    const reading = () => readEnvironment({ ...complete, ...change });
    expect(reading).toThrow(EnvironmentInvalid);
    expect(reading).toThrow(says);
    expect(reading).not.toThrow(/s3cret/);
  });
});
