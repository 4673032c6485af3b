import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../../../ledger/database.ts';

/** For how long at most a project with calls had nobody who watches it. */
export type FollowedWatches = { readonly longestMs: () => number; readonly end: () => Promise<void> };

const lookEveryMs = 200;

/** Looks at the leases again and again. A gap is seen with the length that it has at the looks, so up to one look too short. */
export function followWatches(database: Database): FollowedWatches {
  const sinceOf = new Map<string, number>();
  let longestMs = 0;
  let over = false;

  async function look(): Promise<void> {
    const { rows } = await database.query<{ project: string; watched: boolean }>(
      `select a.project, coalesce(bool_or(w.lease_until > clock_timestamp()), false) as watched
       from (select distinct pool_id, project from attempt where released_at is null) a
       left join project_watch w on w.pool_id = a.pool_id and w.project = a.project group by a.project`,
    );
    const nowMs = performance.now();
    const unwatched = new Set(rows.filter(({ watched }) => !watched).map(({ project }) => project));
    for (const project of sinceOf.keys()) if (!unwatched.has(project)) sinceOf.delete(project);
    for (const project of unwatched) {
      sinceOf.set(project, sinceOf.get(project) ?? nowMs - lookEveryMs);
      longestMs = Math.max(longestMs, nowMs - (sinceOf.get(project) ?? nowMs));
    }
  }

  const looking = (async () => {
    while (!over) {
      await look();
      await pause(lookEveryMs);
    }
  })();
  return {
    longestMs: () => Math.round(longestMs),
    async end() {
      over = true;
      await looking;
    },
  };
}
