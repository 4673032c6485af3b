import { randomUUID } from 'node:crypto';

/**
 * A new id: a UUID of version 7, so that ids made one after the other lie side by side in an index. `nowMs` is any clock of the process; order
 * within the ledger comes from `session.seq`, never from ids.
 */
export function newId(nowMs: number = Date.now()): string {
  const time = Math.trunc(nowMs).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${randomUUID().slice(15)}`;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID at all; PostgreSQL would fail on anything else. */
export function isId(text: string): boolean {
  return uuid.test(text);
}
