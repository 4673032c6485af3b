import { Readable } from 'node:stream';
import { type CsvError, type Info, Parser } from 'csv-parse';
import { cellText, quotesAndSpaces } from '../../crds/csv-cells.ts';
import type { ImportLine, UnreadableKind } from './import-lines.ts';
import { Problem } from './problem.ts';
import { maxSessionBytes } from './session-request.ts';

/**
 * CSV with a header. Columns: number, name, class, project, score, notBefore, expiresAt, idempotencyKey, label.<name>, context.<name>; an empty cell
 * is a value that is not given. A record that spans lines has the number of its last one.
 */

type Row = { readonly info: Info; readonly record: readonly string[] };

const plainColumns: ReadonlySet<string> = new Set([
  'number',
  'name',
  'class',
  'project',
  'score',
  'notBefore',
  'expiresAt',
  'idempotencyKey',
]);
const maxColumns = 100;

/** Rows that are handed on together: crossing a promise per row would cost more than reading it. */
const rowsPerTurn = 256;

/** @throws Problem when the header names a column that we do not know */
export async function* csvLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly ImportLine[]> {
  const unread: ImportLine[] = [];
  const parser = new Parser({
    bom: true,
    info: true,
    relax_column_count: true,
    ...quotesAndSpaces,
    skip_empty_lines: true,
    max_record_size: maxSessionBytes,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      unread.push({ line: lineOf(error), bytes: 0, ...reasonOf(error) });
      return undefined;
    },
  });
  const rows: AsyncIterable<Row> = Readable.from(chunks, { objectMode: false })
    .on('error', (error) => parser.destroy(error))
    .pipe(parser);
  let columns: readonly string[] | undefined;
  let lines: ImportLine[] = [];
  for await (const { info, record } of rows) {
    if (columns === undefined) {
      columns = requireColumns(record.map(cellText));
      continue;
    }
    // Records with errors are told of while those before them still wait to be read.
    while (unread[0] !== undefined && unread[0].line < info.lines) lines.push(...unread.splice(0, 1));
    lines.push(lineFrom(columns, record, info.lines));
    if (lines.length >= rowsPerTurn || parser.readableLength === 0) {
      yield lines;
      lines = [];
    }
  }
  lines.push(...unread);
  if (lines.length > 0) yield lines;
}

function requireColumns(header: readonly string[]): readonly string[] {
  if (header.length > maxColumns)
    throw new Problem('invalid-field', { detail: `a CSV may have ${maxColumns} columns at most`, field: 'header' });
  for (const [index, column] of header.entries()) {
    // A cell of a column named __proto__ would be lost without a word.
    const known = plainColumns.has(column) || /^(?:label|context)\.(?!__proto__$).+$/.test(column);
    const problem = known ? (header.indexOf(column) === index ? undefined : 'stands there twice') : 'is no column that is read here';
    if (problem === undefined) continue;
    const detail = `column ${index + 1} ${problem}: use ${[...plainColumns].join(', ')}, label.NAME or context.NAME`;
    throw new Problem('invalid-field', { detail, field: `header.${column.slice(0, 63).replaceAll(/[\p{C}\uFFFD]/gu, '?')}` });
  }
  if (!header.includes('number'))
    throw new Problem('invalid-field', { detail: 'the first line must name the columns, number among them', field: 'header.number' });
  return header;
}

function lineFrom(columns: readonly string[], record: readonly string[], line: number): ImportLine {
  if (record.length > columns.length)
    return { line, bytes: 0, kind: 'malformed-body', detail: `has ${record.length} cells, the header ${columns.length}` };
  const plain: Record<string, string> = {};
  const labels: Record<string, string> = {};
  const context: Record<string, string> = {};
  for (const [index, column] of columns.entries()) {
    const cell = cellText(record[index] ?? '');
    if (cell === '') continue;
    if (column.startsWith('label.')) labels[column.slice('label.'.length)] = cell;
    else if (column.startsWith('context.')) context[column.slice('context.'.length)] = cell;
    else plain[column] = cell;
  }
  const { number, name, score, ...rest } = plain;
  const value = {
    ...rest,
    customer: { number, ...(name === undefined ? {} : { name }) },
    ...(score === undefined ? {} : { score: numberOr(score) }),
    labels,
    ...(Object.keys(context).length === 0 ? {} : { context }),
  };
  return { line, bytes: record.reduce((sum, cell) => sum + cell.length, 0), value };
}

/** What is no number is left as it is, so that the answer says what is wrong with it. */
function numberOr(cell: string): number | string {
  return Number.isNaN(Number(cell)) ? cell : Number(cell);
}

function lineOf(error: CsvError | undefined): number {
  const lines = error?.['lines'];
  return typeof lines === 'number' ? lines : 0;
}

function reasonOf(error: CsvError | undefined): { readonly kind: UnreadableKind; readonly detail: string } {
  if (error?.code === 'CSV_MAX_RECORD_SIZE')
    return { kind: 'body-too-large', detail: `a record may have ${maxSessionBytes} bytes at most: is a quote left open?` };
  if (error?.code === 'CSV_QUOTE_NOT_CLOSED')
    return { kind: 'malformed-body', detail: 'a quote is opened in the record and never closed: all that follows it was read as one cell' };
  return { kind: 'malformed-body', detail: `the record is not CSV (${error?.code ?? 'unreadable'})` };
}
