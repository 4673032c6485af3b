import type { Inserted, NewSession } from '../../ledger/sessions/insert.ts';

/**
 * Sessions that arrive one by one are written together: the first goes at once, and what comes while it is being committed goes with the next
 * statement. So a flush is shared by as many as arrive within it, and nobody waits for a timer.
 */
export type GroupCommit = {
  /** Resolves when the session is committed; undefined at once when too many wait already. */
  add(session: NewSession): Promise<Inserted> | undefined;
};

const maxWaiting = 5_000;
const maxGroup = 500;

type Waiting = { readonly session: NewSession; readonly resolve: (inserted: Inserted) => void; readonly reject: (error: unknown) => void };

export function createGroupCommit(insert: (sessions: readonly NewSession[]) => Promise<readonly Inserted[]>): GroupCommit {
  let waiting: Waiting[] = [];
  let writing = false;

  const write = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxGroup);
      waiting = waiting.slice(maxGroup);
      try {
        const inserted = await insert(group.map(({ session }) => session));
        for (const [index, member] of group.entries()) {
          const own = inserted[index];
          if (own === undefined) member.reject(new Error(`no answer for session ${member.session.id}`));
          else member.resolve(own);
        }
      } catch (error) {
        for (const member of group) member.reject(error);
      }
    }
    writing = false;
  };

  return {
    add(session) {
      if (waiting.length >= maxWaiting) return undefined;
      const { promise, resolve, reject } = Promise.withResolvers<Inserted>();
      waiting.push({ session, resolve, reject });
      if (!writing) void write();
      return promise;
    },
  };
}
