/**
 * SQL: whether an open attempt of pool $1 holds this number, an inbound call from it included (I5). Two looks, one in each partial index of open
 * attempts; `offset 0` keeps PostgreSQL from making a join with all attempts out of them when it misjudges how many there are.
 */
export const numberBusy = (column: string) => `
  (exists (select from attempt o where o.pool_id = $1 and o.number = ${column} and o.released_at is null and o.direction = 'Outbound' offset 0)
   or exists (select from attempt o where o.pool_id = $1 and o.number = ${column} and o.released_at is null and o.direction = 'Inbound' offset 0))`;
