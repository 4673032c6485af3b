/**
 * SQL: a table expression that makes the commit of its statement not wait for the disk. It must be selected from. The server's log is written in order:
 * whatever commits later and does wait takes this to the disk with it, so a crash can only take back what nothing durable was built upon. For what is
 * read again after a crash, or cannot matter before something else is durable.
 */
export const unflushed = `unflushed as materialized (select set_config('synchronous_commit', 'off', true))`;

/** SQL: the same, but for when the condition is true: then the commit waits. */
export const unflushedUnless = (condition: string) =>
  `unflushed as materialized (select case when not ${condition} then set_config('synchronous_commit', 'off', true) end)`;
