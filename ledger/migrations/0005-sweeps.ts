/**
 * `project_watch`: a list of changes that takes more requests than one look may make. It shows what changed since `sweep_since`, has read all that was
 * created at or after `sweep_before` (both by the provider's clock), and began at `sweep_started` (by the ledger's). `sweep_unreadable`: a row could not
 * be understood. All null when no list is under way.
 */
export const sweeps = `
alter table project_watch add column sweep_since timestamptz, add column sweep_before timestamptz, add column sweep_started timestamptz,
  add column sweep_unreadable boolean;
`;
