/**
 * SQL: the entry of call `callId` as a stranger's gives it up, if `gives` holds. A call of ours that was first seen without its name was entered so;
 * whoever binds it to its attempt writes this before, in the same statement, because two rows cannot have one call.
 */
export const strangerGivesUp = (callId: string, gives: string) => `
  stranger as (
    update attempt set state = 'ended', call_id = null, released_at = coalesce(released_at, clock_timestamp())
    where pool_id = $1 and call_id = ${callId} and session_id is null and refusal = 'Foreign' and ${gives}
    returning id)`;

/** SQL condition that is always true, and makes PostgreSQL run {@link strangerGivesUp} before the row that it stands at is written. */
export const afterStranger = '(select count(*) from stranger) >= 0';
