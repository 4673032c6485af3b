import type { Contestant } from './contestant.ts';
import { graphileQueues, graphileWorker } from './graphile.ts';
import { pgBoss, pgBossGroup } from './pg-boss.ts';
import { tableCounter } from './table-counter.ts';
import { trunkline } from './trunkline.ts';

/** Everybody, each known by its name. */
export const contestants: readonly Contestant[] = [trunkline, graphileWorker, graphileQueues, pgBoss, pgBossGroup, tableCounter];
