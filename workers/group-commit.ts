/**
 * What arrives one by one is written together: the first goes at once, and what comes while it is being committed goes with the next statement. So a
 * flush is shared by as many as arrive within it, and nobody waits for a timer.
 */
export type GroupCommit<Item, Result> = {
  /** Resolves when the item is committed; undefined at once when too many wait already. */
  add(item: Item): Promise<Result> | undefined;
};

export type GroupBounds = {
  /** Items that may wait for the ledger. */
  readonly maxWaiting: number;
  /** Items that one statement writes. */
  readonly maxGroup: number;
};

type Waiting<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/** `write` commits a group and answers for each of its items, in their order. A group that fails fails for each of its items. */
export function createGroupCommit<Item, Result>(
  { maxWaiting, maxGroup }: GroupBounds,
  write: (items: readonly Item[]) => Promise<readonly Result[]>,
): GroupCommit<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let writing = false;

  async function writeAll(): Promise<void> {
    writing = true;
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxGroup);
      waiting = waiting.slice(maxGroup);
      try {
        const results = await write(group.map(({ item }) => item));
        if (results.length !== group.length) throw new Error(`${results.length} answers for ${group.length} items of a group`);
        for (const [index, result] of results.entries()) group[index]?.resolve(result);
      } catch (error) {
        for (const member of group) member.reject(error);
      }
    }
    writing = false;
  }

  return {
    add(item) {
      if (waiting.length >= maxWaiting) return undefined;
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      waiting.push({ item, resolve, reject });
      if (!writing) void writeAll();
      return promise;
    },
  };
}
