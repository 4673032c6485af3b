import { expect, test } from 'vitest';
import { endReasons } from '../../../providers/vapi/outcomes.ts';

/** `docs/outcomes.md` shows the table that decides. After a change of the table: `npm test -- test/providers/vapi/outcomes-page -u`. */
test('the page about outcomes says what the table says', async () => {
  const rows = endReasons.map(
    ({ group, outcome, reasons }) => `| ${group} | ${outcome} | ${reasons.map((reason) => `\`${reason}\``).join(', ')} |`,
  );
  const page = `# What an ended call means

How a call ended, as Vapi's \`endedReason\` puts it, and what Trunkline makes of it. \`retry.outcomes\` of a class names the outcomes after which a number
is dialled again.

| outcome | what follows |
| --- | --- |
| Normal | the session is completed |
| Busy, NoAnswer, Voicemail, ProviderFault | the attempt counts; dialled again when \`retry\` says so |
| Capacity | no line was free: queued again, the attempt does not count |
| ProjectFault | the project is paused and comes back by probes; the session is queued again, the attempt does not count |
| Permanent | the session is rejected: this number cannot be called, or the provider refuses it in words that this release does not know; after five 400s of the latter kind in a row nothing is sent to the project for 30 s at a time, so that a wrong assistant does not burn a campaign; callers are answered all the same |
| Cancelled | somebody called it off |

| what happened | outcome | \`endedReason\` |
| --- | --- | --- |
${rows.join('\n')}
| Any fault inside the provider or a service behind it | ProviderFault | \`call.in-progress.error-vapifault-*\`, \`call.in-progress.error-providerfault-*\`, \`pipeline-error-*\` |
| A reason that this release does not know, of a call that broke or never began | ProviderFault | \`call.start.*\`, \`call.ringing.error-*\`, \`call.in-progress.error-*\` |
| Any other reason that this release does not know | Normal | |
`;
  await expect(page).toMatchFileSnapshot('../../../docs/outcomes.md');
});
