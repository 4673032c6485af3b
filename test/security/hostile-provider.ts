import { gzipSync } from 'node:zlib';
import type { Answer } from './world.ts';

/** Answers that prove nothing, each meant to take time, memory or the process with it. */

const json = { 'content-type': 'application/json' };
const mebibyte = 1_048_576;

export type HostileAnswer = { readonly name: string; readonly answer: Answer };

export const hostileAnswers: readonly HostileAnswer[] = [
  { name: 'a stream without end', answer: again(1, 200, (response) => response.write('x'.repeat(mebibyte / 2))) },
  { name: 'a byte now and then', answer: again(300, 200, (response) => response.write(' ')) },
  { name: 'nothing ever', answer: () => undefined },
  { name: '60 MB of small things', answer: (_request, response) => flood(response, '[', '{"a":[]},', 60_000_000, '1]') },
  { name: 'a million levels', answer: (_request, response) => flood(response, '{"id":', '[', mebibyte, `${']'.repeat(mebibyte)}}`) },
  {
    name: 'a page in place of JSON',
    answer: (_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'.repeat(1_000)),
  },
  {
    name: 'half of what it announced',
    answer: (_request, response) => {
      response.writeHead(200, { ...json, 'content-length': 1_000 });
      response.write('{"id":"call-', () => response.destroy());
    },
  },
  { name: 'a cut connection', answer: (_request, response) => void response.destroy() },
  {
    name: 'a head of 2 MB',
    answer: raw((write) => write(`HTTP/1.1 200 OK\r\n${`x-a: ${'a'.repeat(1_000)}\r\n`.repeat(2_000)}\r\n{}`)),
  },
  {
    name: 'a bomb in gzip',
    answer: (_request, response) => void response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(bomb),
  },
];

const bomb = gzipSync(Buffer.alloc(100 * mebibyte));

/** A switch to another protocol, for which nobody asked. */
export const switching: HostileAnswer = {
  name: 'another protocol',
  answer: raw((write) => write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: evil\r\nConnection: Upgrade\r\n\r\n')),
};

/** A failure that repeats what it was sent. */
export function echoing(...texts: readonly string[]): HostileAnswer {
  const body = JSON.stringify({ message: texts.join(' and ') });
  return { name: 'a failure that repeats who is called', answer: (_request, response) => void response.writeHead(500, json).end(body) };
}

type Response = Parameters<Answer>[1];

function again(everyMs: number, status: number, write: (response: Response) => void): Answer {
  return (_request, response) => {
    response.writeHead(status, json);
    const timer = setInterval(() => write(response), everyMs);
    response.once('close', () => clearInterval(timer));
  };
}

/** So many bytes of the same piece between a beginning and an end, no faster than they are read. */
function flood(response: Response, first: string, piece: string, bytes: number, last: string): void {
  const chunk = piece.repeat(Math.ceil(65_536 / piece.length));
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length;
      if (!response.write(chunk)) return void response.once('drain', more);
    }
    response.end(last);
  };
  response.writeHead(200, json);
  response.write(first);
  more();
}

/** Bytes as they are, past everything that makes them HTTP. */
function raw(say: (write: (bytes: string) => void) => void): Answer {
  return (_request, response) => {
    const { socket } = response;
    if (socket !== null) say((bytes) => void socket.write(bytes));
  };
}
