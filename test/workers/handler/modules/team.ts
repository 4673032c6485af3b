/** A team's module that does what the event asks for. */

type Asked = { readonly do: string; readonly ms?: number };
const kept: unknown[] = [];

export async function onEvent(event: { readonly type: string; readonly project: string; readonly message: Asked }): Promise<unknown> {
  switch (event.message.do) {
    case 'answer':
      return { results: [{ toolCallId: 't1', result: `${event.type} at ${event.project}` }] };
    case 'nothing':
      return undefined;
    case 'environment':
      return Object.keys(process.env).filter((name) => name.startsWith('TRUNKLINE_'));
    case 'throw':
      throw new Error('no table for +14155550123');
    case 'wait':
      await new Promise((resolve) => setTimeout(resolve, event.message.ms));
      return 'late';
    case 'spin':
      for (;;);
    case 'crash':
      setImmediate(() => {
        throw new Error('out of the blue');
      });
      return new Promise(() => undefined);
    case 'exit':
      return process.exit(1);
    case 'leak':
      for (;;) kept.push(new Array(100_000).fill(Math.random()));
    case 'flood':
      return 'x'.repeat(3_000_000);
    default:
      return 'what?';
  }
}
