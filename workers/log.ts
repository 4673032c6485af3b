import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { logLevel } from '../crds/variables.ts';

/** What PostgreSQL adds to its errors repeats the values of the statement: whole rows, with the number and the name in them. */
const repeatsValues = ['detail', 'where', 'hint', 'internalQuery'] as const;

/** Errors may hold others, in a field or a list, and each other: so many levels are told. */
const toldLevels = 4;

function errorOf(error: unknown, levels: number = toldLevels): unknown {
  if (!(error instanceof Error)) return error;
  const told: Record<string, unknown> = { ...stdSerializers.err(error) };
  for (const field of repeatsValues) delete told[field];
  const inner = (one: unknown) => (levels > 1 ? errorOf(one, levels - 1) : 'not told');
  for (const [field, value] of Object.entries(error)) if (value instanceof Error && field in told) told[field] = inner(value);
  if (error instanceof AggregateError) told['aggregateErrors'] = error.errors.map(inner);
  return told;
}

/**
 * The process's log: JSON lines on standard error. Phone numbers, names and secrets are never handed to it; as a second fence, fields of these names
 * are left out wherever they occur.
 */
export function openLog(
  fields: { readonly worker: string; readonly part?: string },
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  return pino(
    {
      // What is no level is refused with the environment: in a line of this log.
      level: logLevel.catch('info').parse(process.env['TRUNKLINE_LOG_LEVEL']),
      base: fields,
      serializers: { err: (error: unknown) => errorOf(error) },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: [
          'number',
          'customer',
          'token',
          'secret',
          'authorization',
          '*.number',
          '*.customer',
          '*.token',
          '*.secret',
          '*.authorization',
        ],
        remove: true,
      },
    },
    destination,
  );
}
