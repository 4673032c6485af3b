import type { Logger } from 'pino';
import type { PoolSpec } from '../crds/pool.ts';
import { secretsOf } from '../crds/secrets.ts';
import type { RejectedPolicy } from '../ledger/policy.ts';
import type { WorkerTrouble } from '../ledger/workers.ts';
import { SecretMissing, type Secrets } from './secrets.ts';

/** What keeps this worker from doing all of its work, as it was last looked at. */
export type Troubles = {
  readonly now: readonly WorkerTrouble[];
  /** Looks at every secret that the pool names. */
  look(): Promise<void>;
};

/**
 * Looks for what is missing, before somebody needs it. A missing key stops its project and nothing else; who can mend it is told through the ledger which
 * one it is, never what is in it.
 */
export function openTroubles(deps: {
  readonly spec: () => PoolSpec;
  readonly rejected: () => RejectedPolicy | undefined;
  readonly secrets: Secrets;
  readonly log: Logger;
}): Troubles {
  let missing: readonly WorkerTrouble[] = [];

  return {
    get now() {
      const rejected = deps.rejected();
      if (rejected === undefined) return missing;
      const unread: WorkerTrouble = { kind: 'PolicyRejected', version: rejected.version, detail: rejected.detail.slice(0, 1_000) };
      return [...missing, unread];
    },
    async look() {
      const found = await missingKeys(deps.spec(), deps.secrets);
      for (const trouble of found) {
        if (!missing.some((known) => JSON.stringify(known) === JSON.stringify(trouble))) deps.log.error(trouble, 'a secret is missing');
      }
      if (missing.length > 0 && found.length === 0) deps.log.info('every secret is there');
      missing = found;
    },
  };
}

async function missingKeys(spec: PoolSpec, secrets: Secrets): Promise<readonly WorkerTrouble[]> {
  const found: WorkerTrouble[] = [];
  for (const { field, ref, project } of secretsOf(spec)) {
    try {
      await secrets.readAll(ref);
    } catch (error) {
      if (!(error instanceof SecretMissing)) throw error;
      found.push({ kind: 'KeyMissing', field, ...(project === undefined ? {} : { project }), secret: ref.name, key: ref.key });
    }
  }
  return found;
}
