import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { logLevel } from '../crds/variables.ts';

/** What PostgreSQL adds to its errors repeats the values of the statement. */
const repeatsValues = ['detail', 'where', 'hint', 'internalQuery'] as const;

/** The operator's log: JSON lines on standard error. Declarations, secrets and phone numbers are never handed to it. */
export function openLog(
  fields: Readonly<Record<string, string>>,
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  return pino(
    {
      // What is no level is refused with the environment: in a line of this log.
      level: logLevel.catch('info').parse(process.env['TRUNKLINE_LOG_LEVEL']),
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: {
        err: (error: unknown) => {
          if (!(error instanceof Error)) return error;
          const told: Record<string, unknown> = { ...stdSerializers.err(error) };
          for (const field of repeatsValues) delete told[field];
          return told;
        },
      },
    },
    destination,
  );
}
