import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, extname } from 'node:path';
import { createInterface } from 'node:readline';
import { type CsvError, type Info, parse } from 'csv-parse';
import { z } from 'zod';
import { cellText, quotesAndSpaces } from '../crds/csv-cells.ts';

/**
 * Files of leads, read record by record and given idempotency keys, so that a file can be sent again and again and nobody is queued twice. A key is
 * made of the run's name and the record's text: the same line twice is one lead, and so is the same file sent from another machine.
 */
export type LeadFile = {
  readonly contentType: 'text/csv' | 'application/x-ndjson';
  /** What goes before the leads of every request. */
  readonly head: () => string;
  readonly leads: AsyncIterable<Lead>;
};

export type Lead = {
  /** Line of the file, from 1. */
  readonly line: number;
  /** Bytes of the file up to the end of this record. */
  readonly bytes: number;
  /** The record as it stands in the file. */
  readonly content: string;
} & ({ readonly sent: string } | { readonly unreadable: string });

export type Keys = {
  /** Part of every key: by another name the same leads are queued anew. */
  readonly run: string;
  /** Column or field that tells leads apart; absent: the whole record. */
  readonly column: string | undefined;
};

/** The name of a run unless one is given: that of the file, and the class, so that one list can be sent to two classes. */
export function runOf(file: string, className: string | undefined): string {
  return `${basename(file)} ${className ?? ''}`.trim();
}

export function openLeads(file: string, keys: Keys): LeadFile {
  return ['.ndjson', '.jsonl'].includes(extname(file).toLowerCase()) ? ndjsonLeads(file, keys) : csvLeads(file, keys);
}

function keyOf(keys: Keys, text: string): string {
  return createHash('sha256').update(`${keys.run}\0${text}`).digest('base64url');
}

type Row = { readonly info: Info; readonly record: readonly string[]; readonly raw: string };

const keyColumn = 'idempotencyKey';
/** What the intake reads; a key column that is none of these is not sent. */
const sentColumn = /^(?:number|name|class|project|score|notBefore|expiresAt|idempotencyKey|(?:label|context)\..+)$/;

function csvLeads(file: string, keys: Keys): LeadFile {
  let columns: readonly string[] = [];
  let kept: readonly number[] = [];
  const unread: Lead[] = [];
  const fromRow = ({ info, record, raw }: Row): Lead => {
    const at = { line: info.lines, bytes: info.bytes, content: raw.replace(/\r?\n$/, '') };
    if (record.length > columns.length) return { ...at, unreadable: `has ${record.length} cells, the header ${columns.length}` };
    const given = cellText(record[columns.indexOf(keys.column ?? keyColumn)] ?? '');
    if (keys.column !== undefined && given === '') return { ...at, unreadable: `has nothing in column ${keys.column}` };
    const own = keys.column === undefined ? given : keyOf(keys, given);
    const cells = [...kept.map((index) => cellText(record[index] ?? '')), own === '' ? keyOf(keys, at.content) : own];
    return { ...at, sent: cells.map(quoted).join(',') };
  };

  async function* leads(): AsyncGenerator<Lead> {
    const parser = parse({
      bom: true,
      info: true,
      raw: true,
      relax_column_count: true,
      ...quotesAndSpaces,
      skip_empty_lines: true,
      max_record_size: 64 * 1024,
      skip_records_with_error: true,
      on_skip: (error: CsvError | undefined, raw: string | undefined) => {
        const line = error?.['lines'];
        const at = { line: typeof line === 'number' ? line : 0, bytes: 0, content: raw ?? '' };
        unread.push({ ...at, unreadable: wordsFor(error, at) });
        return undefined;
      },
    });
    // Without this, a file that cannot be read any further would end the process rather than the import.
    const rows: AsyncIterable<Row> = createReadStream(file)
      .on('error', (error) => parser.destroy(error))
      .pipe(parser);
    let header = true;
    for await (const row of rows) {
      while (unread[0] !== undefined && unread[0].line < row.info.lines) yield* unread.splice(0, 1);
      if (!header) yield fromRow(row);
      else columns = requireColumn(row.record.map(cellText), keys.column);
      kept = columns.flatMap((column, index) =>
        column === keyColumn || (column === keys.column && !sentColumn.test(column)) ? [] : [index],
      );
      header = false;
    }
    yield* unread;
  }
  return {
    contentType: 'text/csv',
    head: () => `${[...kept.map((index) => columns[index] ?? ''), keyColumn].map(quoted).join(',')}\n`,
    leads: leads(),
  };
}

function wordsFor(error: CsvError | undefined, { line, content }: Pick<Lead, 'line' | 'content'>): string {
  switch (error?.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return `is not CSV: a quote is opened in line ${line - content.trimEnd().split('\n').length + 1} and never closed`;
    case 'CSV_MAX_RECORD_SIZE':
      return 'is longer than 64 KiB: is a quote left open?';
    default:
      return `is not CSV (${error?.code ?? 'unreadable'})`;
  }
}

function requireColumn(columns: readonly string[], column: string | undefined): readonly string[] {
  if (column === undefined || columns.includes(column)) return columns;
  throw new Error(`there is no column ${column}: the file has ${columns.join(', ')}`);
}

const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

const anyObject = z.record(z.string(), z.unknown());

function ndjsonLeads(file: string, keys: Keys): LeadFile {
  const fromLine = (line: number, bytes: number, content: string): Lead => {
    const at = { line, bytes, content };
    const parsed = anyObject.safeParse(jsonOrNothing(content));
    if (!parsed.success) return { ...at, unreadable: 'is no JSON object' };
    const given = parsed.data[keys.column ?? keyColumn];
    if (keys.column !== undefined && typeof given !== 'string') return { ...at, unreadable: `has no text in field ${keys.column}` };
    const { [keys.column ?? keyColumn]: _, ...rest } = parsed.data;
    const fields = keys.column !== undefined && sentColumn.test(keys.column) ? parsed.data : rest;
    const own = keys.column === undefined && typeof given === 'string' ? given : keyOf(keys, typeof given === 'string' ? given : content);
    return { ...at, sent: JSON.stringify({ ...fields, [keyColumn]: own }) };
  };

  async function* leads(): AsyncGenerator<Lead> {
    let line = 0;
    let bytes = 0;
    for await (const content of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
      line += 1;
      bytes += Buffer.byteLength(content) + 1;
      if (content.trim() !== '') yield fromLine(line, bytes, content.trim());
    }
  }
  return { contentType: 'application/x-ndjson', head: () => '', leads: leads() };
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
