import { type Logger, pino } from 'pino';

/**
 * The process's log: JSON lines on standard error. Phone numbers, names and secrets are never handed to it; as a second fence, fields of these names
 * are left out wherever they occur.
 */
export function openLog(fields: { readonly worker: string; readonly part?: string }): Logger {
  return pino(
    {
      level: process.env['TRUNKLINE_LOG_LEVEL'] ?? 'info',
      base: fields,
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
