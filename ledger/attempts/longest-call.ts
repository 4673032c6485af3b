/**
 * SQL: longest that a call can hold a line: 12 h of talk, the most that a pool may allow and that the provider takes as `maxDurationSeconds`, and the ringing
 * before it. Where the provider was left to do as its number says (a caller refused, forwarded or not answered), no shorter bound was sent with the call.
 */
export const longestCall = `interval '12 h 10 min'`;
