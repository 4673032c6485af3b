import { EventEmitter, once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A wire that can be hurt: TCP connections to one port, passed on to another. What a worker reaches it reaches through a proxy of its own, so that one
 * worker can be cut off while the others go on.
 */

/**
 * What a wire does.
 *
 * - `cut`: what stands is reset and what comes is refused.
 * - `black-hole`: connections are taken and nothing goes on, as behind a firewall that drops packets. Healed, what stands goes on with every byte that
 *   was held (TCP sends again): the packets of somebody long given up arrive late.
 * - `deaf`: requests arrive, answers are held.
 * - `slow`: every piece takes so much longer, each way.
 */
export type Traffic =
  | { readonly kind: 'pass' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'black-hole' }
  | { readonly kind: 'deaf' }
  | { readonly kind: 'slow'; readonly delayMs: number };

export type Wire = {
  readonly port: number;
  set(traffic: Traffic): void;
  /** Sets the traffic of the one connection that reaches its server from this local port, whatever the wire does; false when there is none. */
  setLink(serverSidePort: number, traffic: Traffic | undefined): boolean;
  /** Leads new connections elsewhere and resets those that stand. */
  aim(port: number): void;
  close(): Promise<void>;
};

const pass: Traffic = { kind: 'pass' };

type Link = { readonly client: Socket; readonly server: Socket; own: Traffic | undefined };

/** Opens a proxy on a free port of this machine. */
export async function openWire(targetPort: number): Promise<Wire> {
  let target = targetPort;
  let traffic = pass;
  const changes = new EventEmitter().setMaxListeners(0);
  const links = new Set<Link>();
  const waiting = new Set<Socket>();

  const trafficOf = (link: Link): Traffic => link.own ?? traffic;

  async function untilOpen(link: Link, way: 'request' | 'answer'): Promise<void> {
    for (;;) {
      const now = trafficOf(link);
      if (now.kind === 'slow') return sleep(now.delayMs);
      if (now.kind !== 'black-hole' && !(now.kind === 'deaf' && way === 'answer')) return;
      await once(changes, 'change');
    }
  }

  async function pump(link: Link, way: 'request' | 'answer'): Promise<void> {
    const [from, to] = way === 'request' ? [link.client, link.server] : [link.server, link.client];
    for await (const chunk of from) {
      await untilOpen(link, way);
      await new Promise<void>((resolve, reject) => to.write(chunk, (error) => (error ? reject(error) : resolve())));
    }
    await untilOpen(link, way);
    to.end();
  }

  function reset(link: Link): void {
    links.delete(link);
    link.client.resetAndDestroy();
    link.server.resetAndDestroy();
  }

  async function accept(client: Socket): Promise<void> {
    // A wire that breaks is what these are for; both ends learn of it by the reset.
    client.on('error', () => client.destroy());
    waiting.add(client);
    while (traffic.kind === 'black-hole') await once(changes, 'change');
    waiting.delete(client);
    if (client.destroyed) return;
    if (traffic.kind === 'cut') {
      client.resetAndDestroy();
      return;
    }
    const server = dial({ port: target, host: '127.0.0.1', noDelay: true });
    const link: Link = { client, server, own: undefined };
    server.on('error', () => reset(link));
    links.add(link);
    client.setNoDelay(true);
    await Promise.all([pump(link, 'request'), pump(link, 'answer')]).catch(() => reset(link));
    links.delete(link);
  }

  const listener = createServer((client) => void accept(client));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no TCP port');

  const resetAll = (): void => {
    for (const link of [...links]) reset(link);
    for (const client of waiting) client.resetAndDestroy();
  };

  return {
    port: address.port,
    set(next) {
      traffic = next;
      if (next.kind === 'cut') resetAll();
      changes.emit('change');
    },
    setLink(serverSidePort, next) {
      const link = [...links].find(({ server }) => server.localPort === serverSidePort);
      if (link === undefined) return false;
      link.own = next;
      if (next?.kind === 'cut') reset(link);
      changes.emit('change');
      return true;
    },
    aim(port) {
      target = port;
      resetAll();
    },
    async close() {
      traffic = { kind: 'cut' };
      resetAll();
      changes.emit('change');
      await new Promise<void>((resolve) => listener.close(() => resolve()));
    },
  };
}
