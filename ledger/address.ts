import { readFileSync } from 'node:fs';
import pg from 'pg';
import { z } from 'zod';

/** Where the ledger is: its URL, or a file that holds it (a mounted secret), whose content may change. */
export const ledgerAddress = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('url'), url: z.string() }).readonly(),
  z.object({ kind: z.literal('file'), file: z.string() }).readonly(),
]);
export type LedgerAddress = z.infer<typeof ledgerAddress>;

/** The URL as it is now; asked for with every connection that is opened. */
export type LedgerUrl = () => string;

/** The file of the ledger's URL is not there, or holds none. The message says nothing of its content: a URL has a password in it. */
export class LedgerUrlMissing extends Error {
  override readonly name = 'LedgerUrlMissing';
}

const maxCharacters = 8_192;

/**
 * The ledger's URL, read from its file anew for every connection: a rotated password is used by all that are opened after it, and a login that failed is
 * followed by one with the newest. When the file is away, or holds no URL, what it said last holds on. Reading waits for no disk: connections are made
 * where nothing may be awaited, the file is small, and few are made.
 * @throws LedgerUrlMissing when there is nothing to begin with
 */
export function openAddress(address: LedgerAddress): LedgerUrl {
  if (address.kind === 'url') return () => address.url;
  const { file } = address;
  const first = readUrl(file);
  if (first instanceof LedgerUrlMissing) throw first;
  let last = first;
  return () => {
    const newest = readUrl(file);
    if (!(newest instanceof LedgerUrlMissing)) last = newest;
    return last;
  };
}

function readUrl(file: string): string | LedgerUrlMissing {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return new LedgerUrlMissing(`the file ${file}, which is to hold the URL of the ledger, cannot be read (${code})`, { cause: error });
  }
  if (text === '') return new LedgerUrlMissing(`the file ${file}, which is to hold the URL of the ledger, is empty`);
  if (!isUsable(text)) {
    return new LedgerUrlMissing(`the file ${file} holds no URL of a PostgreSQL database: postgres://USER:PASSWORD@HOST:PORT/DATABASE`);
  }
  return text;
}

/** Whether the driver makes something of it: what it cannot read it throws, and that would be in the middle of opening a connection. */
function isUsable(text: string): boolean {
  if (text.length > maxCharacters || !/^postgres(?:ql)?:\/\//.test(text)) return false;
  try {
    return new pg.Client({ connectionString: text }).host !== '';
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
