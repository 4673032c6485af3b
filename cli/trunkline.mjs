#!/usr/bin/env node
// Starts Trunkline on whatever Node is at hand. The program is TypeScript that Node 24 runs as it is, and that Node comes with `npm ci`; this file alone
// is plain JavaScript for Node 20, so that an older one still gets here and hands over. As a package among others, where Node strips no types, it holds
// the same program as JavaScript, and needs Node 24 itself.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

const emitted = fileURLToPath(new URL('../build/cli/main.js', import.meta.url));
const sources = fileURLToPath(new URL('./main.ts', import.meta.url));
const packaged = !existsSync(sources);
const main = packaged ? emitted : sources;
const pinned = fileURLToPath(new URL(`../node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`, import.meta.url));
const dependencies = fileURLToPath(new URL('../node_modules/commander', import.meta.url));
const environmentFailed = 3;

/** Whether this very Node runs the program: TypeScript by itself, without a flag or a warning, or as a package what Node 24 has. */
function runsIt() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (packaged) return major >= 24;
  return Boolean(process.features.typescript) && (major > 24 || (major === 24 && minor >= 12));
}

function explain(problem, command) {
  process.stderr.write(`trunkline: ${problem}\n  Run this in ${fileURLToPath(new URL('..', import.meta.url))}:  ${command}\n`);
  process.exitCode = environmentFailed;
}

/** Runs the program under the pinned Node: same terminal, signals passed on, its exit status for ours. */
function handOver() {
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => explain(`cannot run ${pinned}: ${error.message}`, 'npm rebuild --ignore-scripts=false'));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0)));
}

if (packaged && !runsIt()) {
  process.stderr.write(`trunkline: Node ${process.versions.node} is too old: as a package it needs Node 24 or newer\n`);
  process.exitCode = environmentFailed;
} else if (!packaged && !existsSync(dependencies)) {
  explain('its packages are not installed.', 'npm ci');
} else if (runsIt()) {
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else if (existsSync(pinned)) {
  handOver();
} else {
  explain(
    `Node ${process.versions.node} cannot run it, and the Node 24 that comes with it is missing because npm ran no install scripts.`,
    'npm rebuild --ignore-scripts=false',
  );
}
