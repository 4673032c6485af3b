import { describe, expect, test } from 'vitest';
import { EnvironmentInvalid } from '../../crds/variables.ts';
import { readEnvironment } from '../../operator/environment.ts';

const given = {
  TRUNKLINE_LEDGER_URL_FILE: '/var/run/trunkline/ledger/url',
  TRUNKLINE_WORKER_IMAGE: 'trunkline:1.0.0',
  POD_NAME: 'operator-0',
};

describe('the environment of an operator', () => {
  test('in a pod says where the ledger is, who it is, and what workers run', () => {
    expect(readEnvironment({ ...given, POD_NAMESPACE: 'trunkline' }, 'abc')).toEqual({
      ledger: { kind: 'file', file: '/var/run/trunkline/ledger/url' },
      namespace: 'trunkline',
      identity: 'operator-0_abc',
      scope: 'all',
      workerImage: 'trunkline:1.0.0',
      healthPort: 8081,
    });
  });

  test.each([
    { namespaces: '', scope: 'all' },
    { namespaces: 'voice', scope: ['voice'] },
    { namespaces: 'voice, sales,', scope: ['voice', 'sales'] },
    { namespaces: 'voice,sales,voice', scope: ['voice', 'sales'] },
  ])('with namespaces "$namespaces" it looks after $scope', ({ namespaces, scope }) => {
    expect(readEnvironment({ ...given, TRUNKLINE_NAMESPACES: namespaces }, 'x').scope).toEqual(scope);
  });

  test.each([
    { what: 'no ledger', variables: { TRUNKLINE_WORKER_IMAGE: 'i' }, names: /TRUNKLINE_LEDGER_URL/ },
    { what: 'two ledgers', variables: { ...given, TRUNKLINE_LEDGER_URL: 'postgres://h/d' }, names: /one of the two/ },
    { what: 'no image', variables: { TRUNKLINE_LEDGER_URL: 'postgres://h/d' }, names: /TRUNKLINE_WORKER_IMAGE is missing$/ },
    {
      what: 'a level that is none',
      variables: { ...given, TRUNKLINE_LOG_LEVEL: 'loud' },
      names: /TRUNKLINE_LOG_LEVEL: must be one of trace, /,
    },
  ])('with $what it does not start, and names the variable', ({ variables, names }) => {
    const reading = () => readEnvironment(variables, 'x');
    expect(reading).toThrow(EnvironmentInvalid);
    expect(reading).toThrow(names);
  });
});
