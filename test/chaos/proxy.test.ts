import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openWire, type Wire } from './proxy.ts';

/** A server that says back what it hears, behind a wire. */
async function echoBehindWire(): Promise<Wire> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const wire = await openWire(typeof address === 'object' && address !== null ? address.port : 0);
  onTestFinished(async () => {
    await wire.close();
    server.close();
  });
  return wire;
}

async function connected(wire: Wire): Promise<{ readonly socket: Socket; readonly heard: () => string }> {
  const socket = dial({ port: wire.port, host: '127.0.0.1' });
  let heard = '';
  socket.on('error', () => undefined);
  socket.setEncoding('utf8').on('data', (text) => {
    heard += text;
  });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return { socket, heard: () => heard };
}

/** Also by an error, for which `once` would reject. */
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

describe('a wire', () => {
  test('passes both ways', async () => {
    const { socket, heard } = await connected(await echoBehindWire());
    socket.write('one');
    await expect.poll(heard).toBe('one');
  });

  test('cut, resets what stands and what comes', async () => {
    const wire = await echoBehindWire();
    const standing = await connected(wire);
    wire.set({ kind: 'cut' });
    await closed(standing.socket);
    await closed(dial({ port: wire.port, host: '127.0.0.1' }).on('error', () => undefined));
  });

  test('as a black hole, swallows everything and delivers it when healed', async () => {
    const wire = await echoBehindWire();
    const standing = await connected(wire);
    wire.set({ kind: 'black-hole' });
    standing.socket.write('late');
    const newcomer = await connected(wire);
    newcomer.socket.write('later');
    await sleep(100);
    expect(standing.heard() + newcomer.heard()).toBe('');
    wire.set({ kind: 'pass' });
    await expect.poll(standing.heard).toBe('late');
    await expect.poll(newcomer.heard).toBe('later');
  });

  test('deaf, holds answers only', async () => {
    const wire = await echoBehindWire();
    const { socket, heard } = await connected(wire);
    wire.set({ kind: 'deaf' });
    socket.write('asked');
    await sleep(100);
    expect(heard()).toBe('');
    wire.set({ kind: 'pass' });
    await expect.poll(heard).toBe('asked');
  });
});
