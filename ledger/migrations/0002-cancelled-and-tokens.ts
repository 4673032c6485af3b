/**
 * - `session.cancelled_at`: somebody cancelled it while its call could not be called off; when that call ends, the session does too.
 * - `token.source`: `secret` for those that a file of hashes declares and that go with their line; `issued` for those that the API or the command line
 *   made.
 */
export const cancelledAndTokens = `
alter table session add column cancelled_at timestamptz;
alter table token add column source text not null default 'issued' check (source in ('issued', 'secret'));
`;
