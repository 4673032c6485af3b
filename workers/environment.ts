import { z } from 'zod';
import { poolName } from '../crds/values.ts';

/** How a worker is told what to be: the same on one machine and in a pod. */
const environment = z.object({
  /** Where the ledger is: the URL itself, or a file that holds it (a mounted secret). */
  TRUNKLINE_LEDGER_URL: z.string().min(1),
  TRUNKLINE_POOL: poolName,
  /** Directory of secrets, `DIR/<name>/<key>`. */
  TRUNKLINE_SECRETS: z.string().min(1),
  TRUNKLINE_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  TRUNKLINE_HOST: z.string().default('0.0.0.0'),
  /** Where the provider reaches the workers; overrides the pool's `publicUrl`. */
  TRUNKLINE_PUBLIC_URL: z.string().optional(),
  /** Overrides every project's provider address; for simulation. */
  TRUNKLINE_PROVIDER_URL: z.string().optional(),
  TRUNKLINE_WORKER_NAME: z.string().min(1).max(253),
});

export type WorkerEnvironment = z.infer<typeof environment>;

/** A variable is missing or malformed. */
export class EnvironmentInvalid extends Error {
  override readonly name = 'EnvironmentInvalid';
}

/** @throws EnvironmentInvalid naming the variable */
export function readEnvironment(variables: NodeJS.ProcessEnv): WorkerEnvironment {
  const parsed = environment.safeParse(variables);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EnvironmentInvalid(`environment variable ${issue?.path.join('.') ?? '?'}: ${issue?.message ?? 'invalid'}`);
}
