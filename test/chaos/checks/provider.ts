import type { Report } from '../../../simulator/contract.ts';
import type { Refusal } from '../history/history.ts';
import type { Draw } from '../seed.ts';
import { found, type Violation } from '../violation.ts';

/** What the simulated provider saw and should not have seen. `crowdedOut`: refusals that callers explain. */
export function checkReport(draw: Draw, report: Report, crowdedOut: readonly Refusal[]): readonly Violation[] {
  const byCallers = (subscription: string) => {
    const projects = draw.spec.subscriptions.find(({ name }) => name === subscription)?.projects ?? [];
    return crowdedOut.filter(({ project }) => projects.some(({ name }) => name === project)).length;
  };
  const explained = draw.faults.some(({ fault }) => fault.refusals === 'explained');
  const refused = Object.entries(report.subscriptions).filter(
    ([name, { overLimitRefusals }]) => overLimitRefusals > byCallers(name) && !explained,
  );
  return [
    ...(report.duplicateDials === 0
      ? []
      : [{ invariant: 'I5', what: `${report.duplicateDials} people were dialled again who should not have been`, ids: [] } as const]),
    ...refused.map(
      ([name, { overLimitRefusals }]): Violation => ({
        invariant: 'I1',
        what: `${name} refused ${overLimitRefusals} calls over its limit and nothing in the schedule explains it`,
        ids: [],
      }),
    ),
    ...(report.live === 0 ? [] : [{ invariant: 'I6', what: `${report.live} calls still live`, ids: [] } as const]),
    ...found('Api', 'requests or webhooks break the published description', report.violations),
  ];
}
