import { z } from 'zod';
import { type PoolKey, poolKey } from '../crds/values.ts';
import { EnvironmentInvalid, logLevel, readVariables } from '../crds/variables.ts';
import type { LedgerAddress } from '../ledger/address.ts';

/** How a worker is told what to be: the same on one machine and in a pod. */

/** Where the ledger is: the URL itself, or a file that holds it (a mounted secret) and is read again for every connection. One of the two. */
export const ledgerVariables = {
  TRUNKLINE_LEDGER_URL: z.string().min(1).optional(),
  TRUNKLINE_LEDGER_URL_FILE: z.string().min(1).optional(),
};

const environment = z.object({
  ...ledgerVariables,
  /** What the pool is called in the ledger. */
  TRUNKLINE_POOL: poolKey,
  /** Directory of secrets, `DIR/<name>/<key>`. */
  TRUNKLINE_SECRETS: z.string().min(1),
  TRUNKLINE_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  TRUNKLINE_HOST: z.string().default('0.0.0.0'),
  /** Where the pool's other workers reach this one alone; port 0 takes a free one. */
  TRUNKLINE_PEER_HOST: z.string().default('127.0.0.1'),
  TRUNKLINE_PEER_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  /** Where the provider reaches the workers; overrides the pool's `publicUrl`. */
  TRUNKLINE_PUBLIC_URL: z.string().optional(),
  /** Overrides every project's provider address; for simulation. */
  TRUNKLINE_PROVIDER_URL: z.string().optional(),
  TRUNKLINE_WORKER_NAME: z.string().min(1).max(253),
  /** Read where the log is opened, in a thread of its own as well. */
  TRUNKLINE_LOG_LEVEL: logLevel,
});

export type WorkerEnvironment = {
  readonly ledger: LedgerAddress;
  readonly pool: PoolKey;
  readonly secrets: string;
  readonly port: number;
  readonly host: string;
  readonly peer: { readonly host: string; readonly port: number };
  readonly publicUrl: string | undefined;
  readonly providerUrl: string | undefined;
  readonly name: string;
};

/** @throws EnvironmentInvalid naming the variable */
export function readEnvironment(variables: NodeJS.ProcessEnv): WorkerEnvironment {
  const data = readVariables(environment, variables);
  return {
    ledger: addressIn(data),
    pool: data.TRUNKLINE_POOL,
    secrets: data.TRUNKLINE_SECRETS,
    port: data.TRUNKLINE_PORT,
    host: data.TRUNKLINE_HOST,
    peer: { host: data.TRUNKLINE_PEER_HOST, port: data.TRUNKLINE_PEER_PORT },
    publicUrl: data.TRUNKLINE_PUBLIC_URL,
    providerUrl: data.TRUNKLINE_PROVIDER_URL,
    name: data.TRUNKLINE_WORKER_NAME,
  };
}

/** @throws EnvironmentInvalid when neither says it, or both do */
export function addressIn(variables: { [name in keyof typeof ledgerVariables]?: string | undefined }): LedgerAddress {
  const { TRUNKLINE_LEDGER_URL: url, TRUNKLINE_LEDGER_URL_FILE: file } = variables;
  if (url !== undefined && file === undefined) return { kind: 'url', url };
  if (file !== undefined && url === undefined) return { kind: 'file', file };
  throw new EnvironmentInvalid('environment variables TRUNKLINE_LEDGER_URL and TRUNKLINE_LEDGER_URL_FILE: set one of the two');
}
