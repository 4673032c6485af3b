/** A team's module that remembers how many events of each call it has got: what it says is right only where it got all of them. */

const events = new Map<string, number>();

type Event = { readonly type: string; readonly message: { readonly call?: { readonly id: string } } };

export function onEvent({ type, message }: Event): object | undefined {
  const callId = message.call?.id;
  if (callId === undefined) return undefined;
  const count = (events.get(callId) ?? 0) + (type === 'conversation-update' ? 0 : 1);
  events.set(callId, count);
  return { results: [{ toolCallId: 't1', result: `${count} by ${process.pid}` }] };
}
