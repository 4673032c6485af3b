#!/usr/bin/env node
// Starts Trunkline on whatever Node is at hand. The program is TypeScript that Node 24 runs as it is, and that Node comes with `npm ci`; this file alone
// is plain JavaScript for Node 20, so that an older one still gets here and hands over.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const pinned = fileURLToPath(new URL(`../node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`, import.meta.url));
const dependencies = fileURLToPath(new URL('../node_modules/commander', import.meta.url));
const environmentFailed = 3;

/** Whether this very Node runs TypeScript by itself, without a flag or a warning. */
function runsTypeScript() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
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

if (!existsSync(dependencies)) {
  explain('its packages are not installed.', 'npm ci');
} else if (runsTypeScript()) {
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
