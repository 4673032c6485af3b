import { Command } from 'commander';
import { z } from 'zod';
import { type ExplainedSession, explainClass, explainSession } from '../capacity/explain/explain.ts';
import { sessionOutcomes } from '../capacity/outcomes.ts';
import { className, projectName } from '../crds/values.ts';
import { isId } from '../ledger/ids.ts';
import { answering, type Connection, type ConnectionFlags, connect, connectionHelp, withConnection } from './connection.ts';
import { exitCode } from './exit-codes.ts';
import { explainFleet } from './explain-workers.ts';
import { poolAnswer } from './pool-answer.ts';

type Flags = ConnectionFlags & { readonly json?: true };

/** What `GET /v1/sessions/{id}` says, as far as it explains anything. */
const session = z.object({
  id: z.string(),
  class: className,
  state: z.string(),
  project: projectName.optional(),
  notBefore: z.string().optional(),
  ahead: z.number().optional(),
  outcome: z.literal(sessionOutcomes).optional(),
  outcomeReason: z.string().optional(),
  attempt: z.object({ project: projectName }).optional(),
});

/** `trunkline explain SESSION|CLASS|workers`: why it waits, or why there are so many, in the reasons of whoever decided it. */
export function explainCommand(): Command {
  return withConnection(
    new Command('explain').description('say why a session or a class waits and what frees it, or why there are so many workers'),
  )
    .argument('<session|class|workers>', 'id of a session, name of a class, or the word workers')
    .option('--json', 'one JSON object')
    .addHelpText(
      'after',
      `${connectionHelp}\nExamples:\n  trunkline explain campaign\n  trunkline explain 01900000-0000-7000-8000-000000000000\n  trunkline explain workers\n`,
    )
    .action((what: string, flags: Flags) => answering(() => run(what, flags)));
}

async function run(what: string, flags: Flags): Promise<void> {
  const connection = await connect(flags);
  if (what === 'workers') {
    await tellFleet(connection, flags);
    return;
  }
  const { view, ageMs, pool } = await connection.json(poolAnswer, '/v1/pool');
  if (view === null) {
    process.stderr.write(`trunkline: no dispatcher of ${pool} has been at work yet: nothing is known of why anything waits\n`);
    process.exitCode = exitCode.negative;
    return;
  }
  const nowMs = view.atMs + (ageMs ?? 0);
  const lines = isId(what)
    ? explainSession(view, explained(await connection.json(session, `/v1/sessions/${what}`)), nowMs)
    : explainClass(view, what, nowMs);
  if (!isId(what) && !view.classes.some(({ name }) => name === what)) process.exitCode = exitCode.negative;
  tell(what, lines, flags);
}

async function tellFleet(connection: Connection, flags: Flags): Promise<void> {
  const lines = await explainFleet(connection);
  if (lines !== undefined) {
    tell('workers', lines, flags);
    return;
  }
  process.stderr.write('trunkline: nobody has decided yet how many workers there should be\n');
  process.exitCode = exitCode.negative;
}

function tell(what: string, lines: readonly string[], { json }: Flags): void {
  process.stdout.write(json === true ? `${JSON.stringify({ what, lines })}\n` : `${lines.join('\n')}\n`);
}

function explained(shown: z.infer<typeof session>): ExplainedSession {
  return {
    id: shown.id,
    class: shown.class,
    state: shown.state,
    project: (shown.state === 'queued' ? shown.project : shown.attempt?.project) ?? null,
    notBeforeMs: shown.notBefore === undefined ? null : Date.parse(shown.notBefore),
    ahead: shown.ahead ?? null,
    outcome: shown.outcome ?? null,
    outcomeReason: shown.outcomeReason ?? null,
  };
}
