import { hostname } from 'node:os';
import { z } from 'zod';
import { EnvironmentInvalid, logLevel, readVariables } from '../crds/variables.ts';
import type { LedgerAddress } from '../ledger/address.ts';
import type { Scope } from './pool/watches.ts';

/** How an operator is told what to be: in a pod by its Deployment, on a developer's machine by hand. Where the cluster is comes by kubeconfig. */
const environment = z.object({
  /** The ledger of all pools: the URL itself, or a file that holds it and is read again for every connection. One of the two. */
  TRUNKLINE_LEDGER_URL: z.string().min(1).optional(),
  TRUNKLINE_LEDGER_URL_FILE: z.string().min(1).optional(),
  /** Who leads is written into a Lease in this namespace. */
  POD_NAMESPACE: z.string().min(1).max(63).default('default'),
  POD_NAME: z.string().min(1).max(253).optional(),
  /** Namespaces whose pools are looked after, separated by commas. Empty: all of them. */
  TRUNKLINE_NAMESPACES: z.string().max(10_000).default(''),
  /** What workers run where a pool names no image. */
  TRUNKLINE_WORKER_IMAGE: z.string().min(1).max(512),
  TRUNKLINE_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(8081),
  /** Read where the log is opened. */
  TRUNKLINE_LOG_LEVEL: logLevel,
});

export type OperatorEnvironment = {
  readonly ledger: LedgerAddress;
  readonly namespace: string;
  /** Unique among processes, those of the past included. */
  readonly identity: string;
  readonly scope: Scope;
  readonly workerImage: string;
  readonly healthPort: number;
};

/** `unique` tells this process from an earlier one of the same name. @throws EnvironmentInvalid naming the variable */
export function readEnvironment(variables: NodeJS.ProcessEnv, unique: string): OperatorEnvironment {
  const data = readVariables(environment, variables);
  const namespaces = data.TRUNKLINE_NAMESPACES.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return {
    ledger: addressIn(data),
    namespace: data.POD_NAMESPACE,
    identity: `${data.POD_NAME ?? hostname()}_${unique}`,
    scope: namespaces.length === 0 ? 'all' : [...new Set(namespaces)],
    workerImage: data.TRUNKLINE_WORKER_IMAGE,
    healthPort: data.TRUNKLINE_HEALTH_PORT,
  };
}

function addressIn({ TRUNKLINE_LEDGER_URL: url, TRUNKLINE_LEDGER_URL_FILE: file }: z.infer<typeof environment>): LedgerAddress {
  if (url !== undefined && file === undefined) return { kind: 'url', url };
  if (file !== undefined && url === undefined) return { kind: 'file', file };
  throw new EnvironmentInvalid('environment variables TRUNKLINE_LEDGER_URL and TRUNKLINE_LEDGER_URL_FILE: set one of the two');
}
