import { pause } from '../waiting.ts';
import type { Wish } from './draw.ts';

/** Sessions that were acknowledged one by one, each with when that was. */
export type HandedIn = { readonly id: string; readonly atMs: number };

const answersWithinMs = 8_000;
const againAfterMs = 400;

/** Hands each in at its moment, again and again under its key until it is acknowledged or refused for good. Resolves when all are, or at the signal. */
export async function handIn(
  wishes: readonly Wish[],
  to: { readonly url: string; readonly token: string; readonly note: (what: string) => void },
  signal: AbortSignal,
): Promise<readonly HandedIn[]> {
  const handedIn: HandedIn[] = [];
  const startedMs = performance.now();
  await Promise.all(
    wishes.map(async (wish) => {
      await pause(wish.afterMs - (performance.now() - startedMs), signal);
      const body = bodyOf(wish, Date.now());
      while (!signal.aborted) {
        const answer = await post(to, body);
        if (answer.kind === 'acknowledged') {
          handedIn.push({ id: answer.id, atMs: Date.now() });
          return;
        }
        if (answer.kind === 'refused') return to.note(`${wish.key} was refused: ${answer.status}`);
        await pause(againAfterMs, signal);
      }
    }),
  );
  return handedIn;
}

function bodyOf(wish: Wish, nowMs: number): string {
  return JSON.stringify({
    class: wish.class,
    direction: 'Outbound',
    customer: { number: wish.number },
    labels: { client: wish.client },
    score: wish.score,
    idempotencyKey: wish.key,
    ...(wish.project === undefined ? {} : { project: wish.project }),
    ...(wish.withinMs === undefined ? {} : { expiresAt: new Date(nowMs + wish.withinMs).toISOString() }),
  });
}

type Answer =
  | { readonly kind: 'acknowledged'; readonly id: string }
  | { readonly kind: 'refused'; readonly status: number }
  | { readonly kind: 'again' };

async function post({ url, token }: { readonly url: string; readonly token: string }, body: string): Promise<Answer> {
  try {
    const response = await fetch(`${url}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body,
      signal: AbortSignal.timeout(answersWithinMs),
    });
    const told: unknown = await response.json();
    if (response.ok && typeof told === 'object' && told !== null && 'id' in told) return { kind: 'acknowledged', id: String(told.id) };
    return response.status >= 500 || response.status === 429 ? { kind: 'again' } : { kind: 'refused', status: response.status };
  } catch (error) {
    if (error instanceof Error) return { kind: 'again' };
    throw error;
  }
}
