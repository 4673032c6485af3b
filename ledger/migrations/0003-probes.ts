/** `attempt.probe`: admitted one slot above the ceiling, to find out whether foreign calls have left. Without it the history could not be judged. */
export const probes = `
alter table attempt add column probe boolean not null default false;
`;
