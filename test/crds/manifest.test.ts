import { describe, expect, test } from 'vitest';
import { type ManifestProblem, maxManifestBytes, readManifest } from '../../crds/manifest.ts';
import { soundPool } from './pools.ts';

/** Line and column of the first occurrence of a text. */
function placeOf(text: string, part: string): { line: number; column: number } {
  const before = text.slice(0, text.indexOf(part)).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function problemsOf(text: string): readonly ManifestProblem[] {
  const read = readManifest(text, 'pool.yaml');
  return read.ok ? [] : read.problems;
}

describe('a problem lies', () => {
  test.each([
    { where: 'at a value that is wrong', from: 'concurrencyLimit: 20', to: 'concurrencyLimit: many', at: 'many' },
    { where: 'at a value on a line of its own', from: 'priority: 100\n', to: 'priority:\n        high\n', at: 'high' },
    { where: 'at a value inside braces', from: 'unitsPerSession: 2', to: 'unitsPerSession: none', at: 'none' },
    { where: 'at the name of an unknown field', from: 'region: eu', to: 'regio: eu', at: 'regio:' },
    { where: 'at the entry that lacks a field', from: 'name: campaign\n      priority', to: 'priority', at: 'priority: 100\n' },
    { where: 'at the name of a field that is empty', from: 'maxWait: 3s', to: 'maxWait:', at: 'maxWait:' },
    { where: 'at the name of a list that is a mapping', from: '[{message: Please call again.}]', to: '{message: Please}', at: 'overflow:' },
  ])('$where', ({ from, to, at }) => {
    const text = soundPool.replace(from, to);
    expect(problemsOf(text)).toMatchObject([placeOf(text, at)]);
  });

  test('at the same line with line ends of Windows', () => {
    const text = soundPool.replace('concurrencyLimit: 20', 'concurrencyLimit: many').replaceAll('\n', '\r\n');
    expect(problemsOf(text)).toMatchObject([placeOf(text, 'many')]);
  });

  test('at the anchor that an alias repeats', () => {
    const text = soundPool
      .replace('apiKeySecretRef: {name: front, key: apiKey}', 'apiKeySecretRef: &key {name: front, key: ""}')
      .replace('apiKeySecretRef: {name: back, key: apiKey}', 'apiKeySecretRef: *key');
    expect(problemsOf(text)).toMatchObject([placeOf(text, '"", '), placeOf(text, '""}')].slice(1).flatMap((place) => [place, place]));
  });

  test('in the order of the file', () => {
    const text = soundPool
      .replace('region: eu', 'region: moon')
      .replace('name: sales}', 'name: Sales}')
      .replace('priority: 100\n', 'priority: -1\n');
    const lines = problemsOf(text).map(({ line }) => line);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
    expect(lines).toHaveLength(3);
  });
});

describe('locate finds', () => {
  const read = readManifest(soundPool, 'pool.yaml');
  const locate = read.ok ? read.locate : () => undefined;

  test('a value', () => {
    expect(locate(['spec', 'classes', 2, 'retry', 'outcomes', 0])).toEqual(placeOf(soundPool, 'Busy'));
  });

  test('what encloses a field that is not there', () => {
    expect(locate(['spec', 'classes', 0, 'whenUnavailable', 'transfer'])).toEqual(placeOf(soundPool, 'name: vip'));
  });

  test('the beginning for the whole', () => {
    expect(locate([])).toEqual({ line: 1, column: 1 });
  });
});

describe('YAML is refused with a reason:', () => {
  test.each([
    { what: 'nothing', text: '', message: 'is empty', line: 1 },
    { what: 'comments only', text: '# a pool\n', message: 'is empty', line: 1 },
    { what: 'two documents', text: `${soundPool}---\n${soundPool}`, message: 'holds 2 documents', line: soundPool.split('\n').length },
    {
      what: 'a field twice',
      text: soundPool.replace('  budget:', '  publicUrl: https://a.example\n  budget:'),
      message: 'repeats a field',
      line: 6,
    },
    { what: 'a tag', text: soundPool.replace('{name: sales}', '!!js/function {name: sales}'), message: 'has a tag', line: 3 },
    { what: 'a tag of its own', text: soundPool.replace('{name: sales}', '!include other.yaml'), message: 'has a tag', line: 3 },
    { what: 'a tab', text: soundPool.replace('  budget:', '\tbudget:'), message: 'tab', line: 6 },
    { what: 'an open quote', text: `${soundPool}# "\n  x: "open`, message: 'closing quote', line: undefined },
    { what: 'an open bracket', text: 'spec: [a', message: 'lacks the ] or }', line: 1 },
    { what: 'a bracket that ends too far left', text: 'a:\n  b: [\n    c\n ]\n', message: 'lacks the ] or }', line: 4 },
    { what: 'lines askew', text: 'a:\n  b: 1\n c: 2\n', message: 'is not indented like', line: 3 },
    { what: 'an unquoted star', text: soundPool.replace('{name: sales}', '*sales'), message: 'anchor that is not there', line: 3 },
    { what: 'YAML 1.1', text: `%YAML 1.1\n---\n${soundPool}`, message: 'old version', line: 1 },
    { what: 'a list', text: '- a\n', message: 'must be a mapping of fields, but is a list', line: 1 },
    { what: 'a word', text: 'pool\n', message: 'must be a mapping of fields, but is a text', line: 1 },
  ])('$what', ({ text, message, line }) => {
    expect(problemsOf(text)[0]).toMatchObject({ message: expect.stringContaining(message), ...(line === undefined ? {} : { line }) });
  });

  test('once, however many brackets are open', () => {
    expect(problemsOf('spec: {a: [')).toEqual([
      { file: 'pool.yaml', line: 1, column: 12, path: '', message: expect.stringContaining('lacks the ] or }') },
    ]);
  });

  test('and never with what stands in it', () => {
    for (const text of [
      'key: "sk-secret',
      'a: b: sk-secret',
      '&sk-secret x: *sk-secretx',
      '!sk-secret x',
      '"\\sk-secret"',
      '%sk-secret\n---\n',
    ]) {
      expect(JSON.stringify(problemsOf(text))).not.toContain('sk-secret');
    }
  });
});

describe('a hostile file is refused:', () => {
  const laughs = [
    'a0: &a0 [x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`),
  ];

  test.each([
    { what: 'two megabytes', text: `# ${'x'.repeat(2_000_000)}\n${soundPool}`, message: 'is larger than 1024 KiB' },
    { what: 'characters of several bytes', text: `# ${'€'.repeat(maxManifestBytes / 3)}\n`, message: 'is larger than 1024 KiB' },
    { what: 'a billion laughs', text: laughs.join('\n'), message: 'too many aliases' },
    { what: 'a value within itself', text: '&a {apiVersion: *a}', message: 'is required' },
    { what: 'a thousand brackets', text: `a: ${'['.repeat(1_000)}`, message: 'levels deep' },
    { what: 'a hundred thousand braces', text: '{a: '.repeat(100_000), message: 'levels deep' },
    { what: 'a hundred thousand dashes', text: '- '.repeat(100_000), message: 'levels deep' },
    { what: 'a hundred thousand question marks', text: '? '.repeat(100_000), message: 'levels deep' },
    {
      what: 'twenty thousand fields',
      text: Array.from({ length: 20_000 }, (_, n) => `a${n}:\n`).join(''),
      message: 'more than 200 fields',
    },
    {
      what: 'twenty thousand fields in braces',
      text: `{${Array.from({ length: 20_000 }, (_, n) => `a${n}`).join(',')}}`,
      message: 'more than 200 fields',
    },
    {
      what: 'a key that reaches for the prototype',
      text: soundPool.replace('  budget:', '  __proto__: {mode: Hold}\n  budget:'),
      message: 'is not a field here',
    },
    { what: 'a merge', text: soundPool.replace('  budget:', '  <<: {mode: Hold}\n  budget:'), message: 'is not a field here' },
  ])('$what', ({ text, message }) => {
    expect(problemsOf(text)[0]).toMatchObject({ message: expect.stringContaining(message) });
  });

  const megabyte = (part: string) => part.repeat(Math.floor(maxManifestBytes / part.length));
  test.each([
    { what: 'brackets', text: megabyte('['), message: 'levels deep', before: 40 },
    { what: 'braces', text: megabyte('{a: '), message: 'levels deep', before: 150 },
    { what: 'dashes', text: megabyte('- '), message: 'levels deep', before: 80 },
    { what: 'keys', text: megabyte('a: '), message: 'levels deep', before: 120 },
    { what: 'brackets in brackets', text: megabyte('[[1],'), message: 'levels deep', before: 200 },
    { what: 'entries', text: `[${megabyte('1,').slice(2)}`, message: 'more than 1000 entries', before: 2 },
    { what: 'lines of entries', text: megabyte('- 1\n'), message: 'more than 1000 entries', before: 2 },
    { what: 'one text', text: `"${megabyte('\\x').slice(4)}"`, message: 'more than 64 KiB', before: 2 },
  ])('after its first bytes when it is a megabyte of $what', ({ text, message, before }) => {
    const [first, ...others] = problemsOf(text);
    expect(first).toMatchObject({ line: 1, message: expect.stringContaining(message) });
    expect(first?.column).toBeLessThan(before);
    expect(others).toEqual([]);
  });

  test.each([
    { what: 'commas', text: `[${megabyte(',').slice(1)}` },
    { what: 'anchors', text: megabyte('&a ') },
    { what: 'empty lines', text: megabyte('\n ') },
    { what: 'documents', text: megabyte('---\n') },
  ])('in the middle when it is a megabyte of $what', ({ text }) => {
    expect(problemsOf(text)).toMatchObject([{ message: expect.stringContaining('words and signs') }]);
  });

  test('but not one of a megabyte of phone numbers', () => {
    const numbers = Array.from({ length: 256 }, (_, n) => `{id: "n${n}", number: "+1415555${String(n).padStart(4, '0')}"}`).join(', ');
    const projects = Array.from({ length: 100 }, (_, n) => `{name: p${n}, phoneNumbers: [${numbers}]}`).join(', ');
    const text = soundPool.replace('  subscriptions:', `  subscriptions: [{name: many, projects: [${projects}]}]\n  former:`);
    expect(text.length).toBeGreaterThan(0.8 * maxManifestBytes);
    expect(problemsOf(text).map(({ path }) => path)).toContain('spec.former');
  });

  test.each([
    { where: 'a text', text: soundPool.replace('{name: sales}', '{name: {length: {toString: 1}}}'), path: 'metadata.name.length' },
    { where: 'a list', text: soundPool.replace('  classes:', '  classes: {length: [{toString: 1}]}\n  x:'), path: 'spec.classes.length' },
    { where: 'the pool', text: `${soundPool}length: {toString: 1}\n`, path: 'length' },
  ])('with a length that cannot be compared, in place of $where', ({ text, path }) => {
    expect(problemsOf(text)).toMatchObject([{ path, message: 'is not a field here' }]);
  });

  test('with at most a hundred problems told', () => {
    const problems = problemsOf(`${soundPool}${Array.from({ length: 150 }, (_, n) => `x${n}: 1\n`).join('')}`);
    expect(problems).toHaveLength(100);
    expect(problems.at(-1)).toMatchObject({ message: 'and 51 more problems' });
  });
});

test('an empty choice of numbers to call from is refused where callers come in, like any other', () => {
  for (const from of ['{}', '{matchLabels: {}}']) {
    const problems = problemsOf(soundPool.replace('direction: Inbound', `direction: Inbound\n      from: ${from}`));
    expect(problems).toMatchObject([{ path: 'spec.classes[0].from', message: expect.stringContaining('is for outbound sessions') }]);
  }
});
