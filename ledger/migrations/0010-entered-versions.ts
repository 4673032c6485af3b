/**
 * `attempt.entered_version`: the policy under which a caller was entered that a later decision admitted; null where both are the same. The line was taken
 * where that policy led the project, and `policy_version` says by which the decision was made.
 */
export const enteredVersions = `
alter table attempt add column entered_version bigint;
`;
