import type { Command } from 'commander';

/** A command of `trunkline`: its line in the overview, and how to get at it. */
type CommandEntry = { readonly summary: string; readonly load: () => Promise<Command> };

/** In the order in which `trunkline --help` lists them. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  up: { summary: 'run a pool on this machine', load: async () => (await import('./up.ts')).upCommand() },
  init: {
    summary: 'write a pool.yaml from what the provider knows of your project',
    load: async () => (await import('./init.ts')).initCommand(),
  },
  validate: { summary: 'check manifests', load: async () => (await import('./validate.ts')).validateCommand() },
};
