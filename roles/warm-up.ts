/**
 * Loads what every role is made of and does nothing else. Run once while the image is built, it leaves the compiled code in the image (NODE_COMPILE_CACHE),
 * so that a container does not strip and compile the same files with every start.
 */
const programs = [
  '../workers/worker.ts',
  '../workers/log.ts',
  '../workers/dispatch/dispatcher.ts',
  '../ledger/election.ts',
  '../simulator/open.ts',
  '../standalone/kept-postgres.ts',
  '../ledger/migrate.ts',
  // The operator's main module would begin to work: what it is made of.
  '../operator/lead.ts',
  '../operator/runtime/access.ts',
  '../operator/runtime/api.ts',
  '../operator/runtime/election.ts',
  '../operator/health.ts',
  '../operator/pool/planner.ts',
];

for (const program of programs) await import(new URL(program, import.meta.url).href);
