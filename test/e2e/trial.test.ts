import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { synthesise } from '../../charts/synth.ts';
import { manifests } from './trial.ts';

const image = 'registry.example.com/trunkline:1.2.3';

test('what is applied is what npm run synth writes, but for the speed of the simulated calls', () => {
  const folders = manifests(image);
  for (const { path, text } of synthesise({ image })) {
    const applied = folders.get(path.slice(0, path.indexOf('/'))) ?? '';
    const speed = /\n *- name: TRUNKLINE_SPEED\n *value: "10"/;
    expect(path.startsWith('20-trial')).toBe(speed.test(applied));
    const objects = (yaml: string) => parseAllDocuments(yaml).map((document) => document.toJS());
    expect(objects(applied.replace(speed, ''))).toEqual(objects(text));
  }
});
