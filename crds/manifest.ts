import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  visit,
  type YAMLError,
} from 'yaml';
import { type FieldProblem, parseExplained } from './messages.ts';
import { type PoolManifest, poolManifest } from './pool.ts';
import { pathText } from './rules.ts';

/** Reads a pool's manifest, and says where in the file a problem lies. Hostile files cost little: size, depth and aliases are bounded. */

export type Position = { readonly line: number; readonly column: number };

export type ManifestProblem = Position & {
  readonly file: string;
  /** The field, such as `spec.classes[1].assistant`; empty when the problem is the file's. */
  readonly path: string;
  readonly message: string;
};

export type ReadManifest =
  | {
      readonly ok: true;
      readonly manifest: PoolManifest;
      /** Where a field stands: its value, or what encloses it when it is not in the file. Counted from 1. */
      readonly locate: (path: readonly (string | number)[]) => Position | undefined;
    }
  | { readonly ok: false; readonly problems: readonly ManifestProblem[] };

export const maxManifestBytes = 1_048_576;
/** The schema is 8 levels deep. */
const maxDepth = 32;
/** Anchors may spare repetition; more of them than this expand into something else than a pool. */
const maxAliases = 100;
const maxProblems = 100;
/** The parser compares each key of a mapping with all before it. The schema's largest has some twenty. */
const maxKeys = 200;
/** The schema's longest list has 256 entries. */
const maxEntries = 1_000;
/** The schema's longest text has 2,048 characters. */
const maxTextLength = 65_536;
/** Words, signs and the space between them. A file of the largest size that is full of phone numbers has fewer. */
const maxLexemes = 500_000;

/** Parses and checks a manifest. `file` is what problems name; nothing is read from disk. */
export function readManifest(text: string, file: string): ReadManifest {
  const lines = new LineCounter();
  const composed = compose(text, lines);
  if ('document' in composed) return check(composed.content, composed.document, file, lines);
  const problems = composed.map(({ offset, message }): ManifestProblem => ({ file, ...positionOf(lines, offset), path: '', message }));
  return { ok: false, problems: capped(problems) };
}

type Fault = { readonly offset: number; readonly message: string };
type Composed = { readonly document: Document.Parsed; readonly content: unknown };

/** One document as plain data, or what is wrong with the YAML. */
function compose(text: string, lines: LineCounter): Composed | readonly Fault[] {
  if (Buffer.byteLength(text) > maxManifestBytes) return fault(0, `is larger than ${maxManifestBytes / 1024} KiB: a pool is not that long`);
  const tokens = parseBounded(text, lines);
  if ('message' in tokens) return [tokens];
  const unbounded = firstUnbounded(tokens);
  if (unbounded !== undefined) return [unbounded];

  // Its warnings would print pieces of the file.
  const documents = [...new Composer({ version: '1.2', schema: 'core', logLevel: 'error' }).compose(tokens)];
  const [document, second] = documents;
  if (second !== undefined) return fault(second.range[0], `holds ${documents.length} documents: put each pool into a file of its own`);
  if (document === undefined) return fault(0, empty);
  const found = [...document.errors, ...document.warnings];
  if (found.length > 0) return distinct(found.map(yamlFault));
  if (document.directives.yaml.version !== '1.2') return fault(0, 'asks for an old version of YAML: drop the %YAML line');
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return fault(0, empty);
  return expand(document);
}

const empty = 'is empty: a manifest begins with apiVersion and kind';

function fault(offset: number, message: string): readonly Fault[] {
  return [{ offset, message }];
}

function check(content: unknown, document: Document.Parsed, file: string, lines: LineCounter): ReadManifest {
  const locate = (path: readonly (string | number)[]): Position => positionOf(lines, offsetOf(document, path, 'value'));
  const strange = strangeLength(content);
  if (strange !== undefined) {
    const place = positionOf(lines, offsetOf(document, strange, 'field'));
    return { ok: false, problems: [{ file, ...place, path: pathText(strange), message: 'is not a field here' }] };
  }
  const parsed = parseExplained(poolManifest, content);
  if (parsed.ok) return { ok: true, manifest: parsed.value, locate };
  const problems = parsed.problems.map(
    ({ path, about, message }: FieldProblem): ManifestProblem => ({
      file,
      ...positionOf(lines, offsetOf(document, path, about)),
      path: pathText(path),
      message,
    }),
  );
  return { ok: false, problems: capped([...problems].sort((a, b) => a.line - b.line || a.column - b.column)) };
}

/**
 * Where a mapping has a `length` that is itself a mapping or a list. No field of a pool is called so, and zod would throw at it: where a text or a list is
 * expected, it compares the length of whatever has one. Not recursive, because the depth may be in doubt.
 */
function strangeLength(value: unknown): readonly (string | number)[] | undefined {
  const waiting: { readonly value: unknown; readonly path: readonly (string | number)[] }[] = [{ value, path: [] }];
  const seen = new Set<unknown>();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value: one, path } = next;
    if (typeof one !== 'object' || one === null || seen.has(one)) continue;
    seen.add(one);
    for (const [key, inner] of Object.entries(one)) {
      if (typeof inner !== 'object' || inner === null) continue;
      const at = [...path, Array.isArray(one) ? Number(key) : key];
      if (key === 'length') return at;
      waiting.push({ value: inner, path: at });
    }
  }
  return undefined;
}

function capped(problems: readonly ManifestProblem[]): readonly ManifestProblem[] {
  const last = problems[maxProblems - 1];
  if (last === undefined || problems.length <= maxProblems) return problems;
  const more = { ...last, path: '', message: `and ${problems.length - maxProblems + 1} more problems` };
  return [...problems.slice(0, maxProblems - 1), more];
}

/** Offset of an alias whose anchor does not come before it. */
function lostAlias(document: Document.Parsed): number | undefined {
  const anchors = new Set<string>();
  let lost: number | undefined;
  visit(document, {
    Value: (_key, { anchor }) => {
      if (anchor !== undefined) anchors.add(anchor);
    },
    Alias: (_key, { source, range }) => {
      if (anchors.has(source)) return undefined;
      lost = range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return lost;
}

/** Plain data, unless aliases lead nowhere or multiply it beyond bounds. */
function expand(document: Document.Parsed): Composed | readonly Fault[] {
  const lost = lostAlias(document);
  if (lost !== undefined) return fault(lost, wording.BAD_ALIAS);
  try {
    return { document, content: document.toJS({ maxAliasCount: maxAliases }) };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error; // the library's word for too many aliases
    return fault(0, `repeats itself through too many aliases (more than ${maxAliases}): write the fields out`);
  }
}

/** Parses up to the first thing that no pool has: what follows is not worth the time, and the library's errors cost more than its tokens. */
function parseBounded(text: string, lines: LineCounter): readonly CST.Token[] | Fault {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1;
    const { offset } = parser;
    if (lexeme.length > maxTextLength)
      return { offset, message: `has a text of more than ${maxTextLength / 1024} KiB: no field is that long` };
    if (lexemes > maxLexemes) return { offset, message: `goes on with more than ${maxLexemes} words and signs: a pool is not that long` };
    tokens.push(...parser.next(lexeme));
    const top = parser.stack.at(-1);
    // On the stack a document and a value stand around what lies in the collections.
    if (top !== undefined && parser.stack.length > maxDepth + 2) return tooDeep(top.offset);
    if (top !== undefined && 'items' in top && top.items.length > maxEntries)
      return isMapping(top) ? tooManyKeys(top.offset) : tooManyEntries(top.offset);
  }
  tokens.push(...parser.end());
  return tokens;
}

const tooDeep = (offset: number): Fault => ({ offset, message: `is nested more than ${maxDepth} levels deep: a pool is not that deep` });
const tooManyKeys = (offset: number): Fault => ({ offset, message: `has more than ${maxKeys} fields: a pool has no mapping that long` });
const tooManyEntries = (offset: number): Fault => ({
  offset,
  message: `has more than ${maxEntries} entries: a pool has no list that long`,
});

/** The first collection that lies too deep, or mapping that is too long. Not recursive, because the depth is what is in doubt. */
function firstUnbounded(tokens: readonly CST.Token[]): Fault | undefined {
  const waiting = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > maxDepth) return tooDeep(token.offset);
    if (token.type === 'document' && token.value !== undefined) waiting.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    if (isMapping(token) && token.items.length > maxKeys) return tooManyKeys(token.offset);
    for (const { key, value } of token.items) {
      if (key) waiting.push({ token: key, depth: depth + 1 });
      if (value) waiting.push({ token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

function isMapping(token: CST.Token): boolean {
  return token.type === 'block-map' || (token.type === 'flow-collection' && token.start.type === 'flow-map-start');
}

/** Where a path leads, as far as it leads. A value is found where it begins, but a mapping or list at the key that it belongs to. */
function offsetOf(document: Document.Parsed, path: readonly (string | number)[], about: FieldProblem['about']): number {
  let node: Node | null | undefined = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    const found = childOf(node, step, about);
    if (found === undefined) return offset;
    ({ node, offset } = found);
  }
  return offset;
}

type Found = { readonly node: Node | null | undefined; readonly offset: number };

function childOf(node: Node | null | undefined, step: string | number, about: FieldProblem['about']): Found | undefined {
  if (isSeq<Node>(node)) {
    const item = typeof step === 'number' ? node.items[step] : undefined;
    return item?.range == null ? undefined : { node: item, offset: item.range[0] };
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  if (pair?.key.range == null) return undefined;
  const own = about === 'value' && isScalar(pair.value) && pair.value.value !== null ? pair.value.range : undefined;
  return { node: pair.value, offset: own?.[0] ?? pair.key.range[0] };
}

function positionOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function yamlFault({ code, pos, message }: YAMLError): Fault {
  // The library has one code for lines that stand askew and for brackets that nothing closes; its constant text tells them apart.
  if (code === 'BAD_INDENT' && message.startsWith('Flow ')) return { offset: pos[0], message: openBracket };
  const known: Partial<Record<YAMLError['code'], string>> = wording;
  return { offset: pos[0], message: known[code] ?? 'is not valid YAML here: check indentation, colons and quotes' };
}

/** Brackets inside each other lack their ends at one place: it is said once. */
function distinct(faults: readonly Fault[]): readonly Fault[] {
  return [...new Map(faults.map((one) => [`${one.offset} ${one.message}`, one])).values()];
}

const openBracket = 'lacks the ] or } of a bracket that is open here: close it, and indent its lines further than its field';

/** Own words for the usual faults; the library's repeat what stands in the file, which may be a secret. */
const wording = {
  BAD_ALIAS: 'refers to an anchor that is not there: a value that begins with * needs quotes',
  BAD_DIRECTIVE: 'has a directive that YAML does not know: drop the line',
  BAD_DQ_ESCAPE: 'has an escape that double quotes do not know: use single quotes',
  BAD_INDENT: 'is not indented like the lines that it belongs with',
  BLOCK_AS_IMPLICIT_KEY: 'has a colon too many on this line: put the value in quotes',
  DUPLICATE_KEY: 'repeats a field of the same mapping: keep one',
  MISSING_CHAR: 'lacks a closing quote or bracket, or a space after a colon',
  MULTILINE_IMPLICIT_KEY: 'lacks a colon after a field name',
  TAB_AS_INDENT: 'is indented by a tab: YAML takes spaces only',
  TAG_RESOLVE_FAILED: 'has a tag (!...): a pool uses none',
  UNEXPECTED_TOKEN: 'has something here that does not belong: a value with special characters needs quotes',
} satisfies Partial<Record<YAMLError['code'], string>>;
