import { type Logger, pino, stdSerializers } from 'pino';

/** What PostgreSQL adds to its errors repeats the values of the statement: whole rows, with the number and the name in them. */
const repeatsValues = ['detail', 'where', 'hint', 'internalQuery'] as const;

function errorOf(error: Error): object {
  const told: Record<string, unknown> = { ...stdSerializers.err(error) };
  for (const field of repeatsValues) delete told[field];
  return told;
}

/**
 * The process's log: JSON lines on standard error. Phone numbers, names and secrets are never handed to it; as a second fence, fields of these names
 * are left out wherever they occur.
 */
export function openLog(fields: { readonly worker: string; readonly part?: string }): Logger {
  return pino(
    {
      level: process.env['TRUNKLINE_LOG_LEVEL'] ?? 'info',
      base: fields,
      serializers: { err: errorOf },
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
    pino.destination({ fd: 2, sync: true }),
  );
}
