import type { Report } from '../../../simulator/contract.ts';
import type { Draw } from '../seed.ts';
import { found, type Violation } from '../violation.ts';

/** What the simulated provider saw and should not have seen. */
export function checkReport(draw: Draw, report: Report): readonly Violation[] {
  const explained = draw.faults.some(({ fault }) => fault.refusals === 'explained');
  const refused = Object.entries(report.subscriptions).filter(([, { overLimitRefusals }]) => overLimitRefusals > 0 && !explained);
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
