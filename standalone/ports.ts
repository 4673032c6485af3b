import { createServer } from 'node:net';

/** The port that was asked for is taken. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken';
}

/** A port that is free now. Somebody else may take it before it is used; whoever needs it tries again. */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return probe(0, host);
}

/** The port itself when it is free, or any free one for 0. @throws PortTaken */
export function claimPort(port: number, host: string): Promise<number> {
  return probe(port, host).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new PortTaken(`port ${port} is taken by another program: choose another --port, or 0 for any free one`);
    if (error.code === 'EACCES') throw new PortTaken(`port ${port} may not be used by this user: choose a --port above 1023`);
    throw error;
  });
}

function probe(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no free port'))));
    });
  });
}
