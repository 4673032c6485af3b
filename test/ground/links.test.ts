import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));
const textOf = (file: string) => readFileSync(join(root, file), 'utf8');

/** Pages that a reader may open. */
const pages = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** The anchors that a page's headings make. */
function anchorsOf(file: string): readonly string[] {
  return [...textOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What is wrong with the links of a page. */
function brokenLinks(page: string): readonly string[] {
  const prose = textOf(page).replaceAll(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, file))) return [`${page}: ${link} leads nowhere`];
    return anchor === undefined || anchorsOf(file).includes(anchor) ? [] : [`${page}: ${link} names no heading`];
  });
}

describe('the documentation', () => {
  test.each(pages)('%s has no broken link', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  test('can be reached from the README, page by page', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) {
      for (const [, link = ''] of textOf(page).matchAll(/\]\(([^)\s#]+\.md)[^)]*\)/g)) {
        if (!/^[a-z]+:/.test(link)) reached.add(join(dirname(page), link));
      }
    }
    const folders = ['docs/decisions/'];
    expect(pages.filter((page) => !reached.has(page) && !folders.some((folder) => page.startsWith(folder)))).toEqual([]);
  });

  test('names every npm script in CONTRIBUTING', () => {
    const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(textOf('package.json')));
    const commands = Object.keys(scripts).map((name) => (['start', 'test'].includes(name) ? `npm ${name}` : `npm run ${name}`));
    expect(commands.filter((command) => !textOf('CONTRIBUTING.md').includes(`\`${command}\``))).toEqual([]);
  });

  test('names every command of the program, in the README or a page of its own', async () => {
    const { commands } = await import('../../cli/commands.ts');
    const prose = pages.map(textOf).join('\n');
    expect(Object.keys(commands).filter((name) => !prose.includes(`trunkline ${name}`))).toEqual([]);
  });
});
