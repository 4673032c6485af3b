import type { Family } from './fault.ts';
import { serverSteps, workerClocks } from './faults/clocks.ts';
import { diskFull } from './faults/disk.ts';
import { ledgerWire, providerWire, twoDispatchers } from './faults/network.ts';
import { classLimited, ledThroughAnotherTrunk, linesLowered, poolHeld, projectRemoved, subscriptionsRenamed } from './faults/policy.ts';
import { killed, stopped } from './faults/processes.ts';
import { promotion } from './faults/promotion.ts';
import { creationStorm, lateRelease, linesCancelled, linesTaken, outage, webhooksAstray, webhooksGone } from './faults/provider.ts';
import { stoppedSender } from './faults/sender.ts';
import { serverFull, serverKilled, serverRestarted, serverSlow } from './faults/server.ts';

/** All families of faults that a seed draws from. */
export const families: readonly Family[] = [
  killed,
  stopped,
  stoppedSender,
  serverKilled,
  serverRestarted,
  serverSlow,
  serverFull,
  diskFull,
  ledgerWire,
  providerWire,
  twoDispatchers,
  workerClocks,
  serverSteps,
  promotion,
  outage,
  creationStorm,
  webhooksAstray,
  webhooksGone,
  lateRelease,
  linesTaken,
  linesCancelled,
  linesLowered,
  classLimited,
  poolHeld,
  projectRemoved,
  subscriptionsRenamed,
  ledThroughAnotherTrunk,
];
