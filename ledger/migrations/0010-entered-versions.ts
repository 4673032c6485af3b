/**
 * `attempt.entered_version`: of an admitted caller, the policy under which the call was entered: the line was taken where that one led the project, while
 * `policy_version` says by which the decision was made. Null where `policy_version` says both.
 */
export const enteredVersions = `
alter table attempt add column entered_version bigint;
`;
