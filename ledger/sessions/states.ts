/**
 * A session's state as people see it: the attempt's state while there is an open one. The ledger itself only knows `queued`, `open` and `ended`.
 */
export const sessionStates = ['queued', 'pending', 'admitted', 'sending', 'bound', 'cooling', 'ended'] as const;
export type SessionState = (typeof sessionStates)[number];

/** SQL for {@link SessionState} of a session `s` and its open attempt `a`. */
export const shownState = `case s.state when 'open' then coalesce(a.state, 'bound') else s.state end`;
