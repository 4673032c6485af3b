import { type Call, type CallState, stateAt } from './call.ts';

/** Filters of `GET /call`, already judged by the description. There is none by status, name or customer, and no page token. */
export type CallQuery = Readonly<Record<string, string | number>>;

const defaultLimit = 100;

type Bounds = { readonly created: (instantMs: number) => boolean; readonly updated: (instantMs: number) => boolean };

/**
 * Calls of one project that pass the filters, newest first, as the list knew them at an instant: with a lag, a call or its change is not there yet.
 * Instants are compared to the millisecond, as answers show them.
 */
export function listCalls(
  calls: readonly Call[],
  query: CallQuery,
  asOfMs: number,
): readonly { readonly call: Call; readonly state: CallState }[] {
  const limit = typeof query['limit'] === 'number' ? query['limit'] : defaultLimit;
  const bounds: Bounds = { created: within(query, 'createdAt'), updated: within(query, 'updatedAt') };
  const listed: { readonly call: Call; readonly state: CallState }[] = [];
  for (let index = calls.length - 1; index >= 0 && listed.length < limit; index -= 1) {
    const call = calls[index];
    if (call === undefined || !passes(call, query, bounds)) continue;
    const state = stateAt(call, asOfMs);
    if (state !== undefined && bounds.updated(Math.floor(state.updatedAtMs))) listed.push({ call, state });
  }
  return listed;
}

function passes(call: Call, query: CallQuery, bounds: Bounds): boolean {
  if (query['id'] !== undefined && query['id'] !== call.record.id) return false;
  if (query['assistantId'] !== undefined && query['assistantId'] !== call.assistantId) return false;
  if (query['phoneNumberId'] !== undefined && query['phoneNumberId'] !== call.record.phoneNumberId) return false;
  return bounds.created(Math.floor(call.createdAtMs));
}

function within(query: CallQuery, field: 'createdAt' | 'updatedAt'): (instantMs: number) => boolean {
  const bound = (suffix: string, absent: number) => {
    const text = query[`${field}${suffix}`];
    return text === undefined ? absent : Date.parse(String(text));
  };
  const [gt, ge] = [bound('Gt', Number.NEGATIVE_INFINITY), bound('Ge', Number.NEGATIVE_INFINITY)];
  const [lt, le] = [bound('Lt', Number.POSITIVE_INFINITY), bound('Le', Number.POSITIVE_INFINITY)];
  return (instantMs) => instantMs > gt && instantMs >= ge && instantMs < lt && instantMs <= le;
}
