import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

/** The one address in front of all workers: every connection goes to the next worker that takes it, as behind a load balancer. */
export type Front = { readonly port: number; close(): Promise<void> };

/** `ports` tells where workers serve now. */
export async function openFront(ports: () => readonly number[]): Promise<Front> {
  const open = new Set<Socket>();
  let turn = 0;

  async function accept(client: Socket): Promise<void> {
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('error', () => client.destroy());
    turn += 1;
    const candidates = ports();
    for (const index of candidates.keys()) {
      const port = candidates[(turn + index) % candidates.length];
      const server = port === undefined ? undefined : await connected(port);
      if (server === undefined) continue;
      join(client, server);
      return;
    }
    client.resetAndDestroy();
  }

  function join(client: Socket, server: Socket): void {
    open.add(server);
    const end = (): void => {
      open.delete(server);
      client.destroy();
      server.destroy();
    };
    server.on('error', end).on('close', end);
    client.on('close', end);
    client.pipe(server);
    server.pipe(client);
  }

  const listener = createServer((client) => void accept(client));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the front has no TCP port');
  return {
    port: address.port,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}

function connected(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = dial({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
