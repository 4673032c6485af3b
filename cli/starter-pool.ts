import { countriesOf } from '../capacity/policy/destinations.ts';
import type { Inventory } from '../providers/vapi/inventory.ts';

/** A first declaration for a project that exists at the provider, with comments that say what to change. */

export type StarterOptions = { readonly region: 'us' | 'eu'; readonly baseUrl: string | undefined };

/** What the project has and a pool can declare. */
export type Usable = {
  readonly assistants: readonly { readonly name: string; readonly id: string; readonly original: string }[];
  readonly phoneNumbers: readonly { readonly id: string; readonly number: string; readonly name: string | undefined }[];
  /** Left out because a pool cannot hold them: beyond its bounds, or numbers that are not telephone numbers. */
  readonly skipped: { readonly assistants: number; readonly phoneNumbers: number };
};

const maxAssistants = 64;
const maxPhoneNumbers = 256;
const e164 = /^\+[1-9]\d{6,14}$/;

/** Gives assistants names that a pool accepts, and leaves out what it cannot hold. */
export function usableOf({ assistants, phoneNumbers }: Inventory): Usable {
  const taken = new Set<string>();
  const named = assistants.slice(0, maxAssistants).map(({ id, name }) => ({ id, name: freeName(name, taken), original: name }));
  const seen = new Set<string>();
  const numbers = phoneNumbers.flatMap(({ id, number, name }) => {
    if (number === undefined || !e164.test(number) || seen.has(number)) return [];
    seen.add(number);
    return [{ id, number, name }];
  });
  const kept = numbers.slice(0, maxPhoneNumbers);
  return {
    assistants: named,
    phoneNumbers: kept,
    skipped: { assistants: assistants.length - named.length, phoneNumbers: phoneNumbers.length - kept.length },
  };
}

/** Lower-case letters, digits and hyphens, at most 40, and unlike any before. */
function freeName(original: string, taken: Set<string>): string {
  const plain = original
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 36)
    .replace(/^-+|-+$/g, '');
  const base = plain === '' ? 'assistant' : plain;
  let name = base;
  for (let n = 2; taken.has(name); n += 1) name = `${base}-${n}`;
  taken.add(name);
  return name;
}

/** The manifest's text. There must be at least one assistant and one number. */
export function starterPool({ assistants, phoneNumbers, skipped }: Usable, { region, baseUrl }: StarterOptions): string {
  const speaker = assistants[0]?.name ?? '';
  return `# A pool for one project at the provider. "trunkline validate" checks it after a change; docs/reference/pool.md explains every field.
apiVersion: trunkline.dev/v1alpha1
kind: VoiceCapacityPool
metadata:
  name: starter
spec:
  # Where the provider reaches this machine. Without it calls are followed by polling, and inbound calls are seen, not admitted.
  # publicUrl: https://voice.example.com

  subscriptions:
    # The billing account. All calls of all its projects count against one limit.
    - name: main
      # accountId: …           the billing account's id, so that two pools never count the same lines twice
      region: ${region}
      concurrencyLimit: 10     # the provider's default; set what you have bought ("Reserved Concurrency" in its dashboard)
      safetyMargin: 0          # lines to leave for calls that do not go through the pool
      callsPerSecond: "1"      # outbound calls started per second; carriers often allow no more
      projects:
        - name: main
          apiKeySecretRef: {name: vapi-main, key: apiKey}                  # the file vapi-main/apiKey under --secrets
          # webhookSecretRef: {name: vapi-main, key: webhookSecret}        # needed with publicUrl: a long random text of your own
          requestsPerMinute: 60
${baseUrl === undefined ? '' : `          baseUrl: ${JSON.stringify(baseUrl)}\n`}          assistants:
${assistants.map(({ name, id, original }) => `            - {name: ${name}, id: ${JSON.stringify(id)}}${remark(original === name ? undefined : original)}`).join('\n')}
${skippedNote(skipped.assistants, `assistants: a project of a pool has at most ${maxAssistants}`)}          phoneNumbers:
${phoneNumbers.map(({ id, number, name }) => `            - {id: ${JSON.stringify(id)}, number: ${JSON.stringify(number)}}${remark(name)}`).join('\n')}
${skippedNote(skipped.phoneNumbers, `phone numbers: not telephone numbers, listed twice, or beyond the ${maxPhoneNumbers} of a project`)}
  # Only these countries are dialled: those of your own numbers. Prefixes such as "+4420" can be named too.
  destinations:
    ${allowed(phoneNumbers.map(({ number }) => number))}
    maxDialsPerDay: 3

  # Who comes first. Set the assistant of each class.
  classes:
    - name: inbound
      priority: 1000
      direction: Inbound
      assistant: ${speaker}
      reserved: 3              # always kept free for callers
      limit: 8                 # and at most so many, so that the campaign goes on
      overflow:
        - message: All our lines are busy right now. Please call again in a few minutes.
      whenUnavailable:
        message: We cannot take your call at the moment. Please call again in a few minutes.

    - name: campaign
      priority: 100
      direction: Outbound
      assistant: ${speaker}
      retry:
        maxAttempts: 3
        outcomes: [Busy, NoAnswer, ProviderFault]
        backoff: {initial: 15m, max: 6h}
`;
}

function allowed(numbers: readonly string[]): string {
  const countries = countriesOf(numbers);
  return countries.length === 0
    ? '# allow: ["US"]     your numbers belong to no country that is known: name those to call'
    : `allow: ${JSON.stringify(countries)}`;
}

/** A comment behind a line; what the provider's users wrote is cut to one short line. */
function remark(text: string | undefined): string {
  const line = text
    ?.replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .slice(0, 60);
  return line === undefined || line === '' ? '' : ` # ${line}`;
}

function skippedNote(count: number, what: string): string {
  return count === 0 ? '' : `            # left out: ${count} ${what}\n`;
}
