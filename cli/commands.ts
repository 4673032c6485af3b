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
  'plan-manifests': {
    summary: 'the objects that make a pool’s fleet in a cluster',
    load: async () => (await import('./plan-manifests.ts')).planManifestsCommand(),
  },
  import: { summary: 'hand leads from a file to a running pool', load: async () => (await import('./import.ts')).importCommand() },
  status: { summary: 'slots, queue and waiting times of a running pool', load: async () => (await import('./status.ts')).statusCommand() },
  explain: {
    summary: 'why a session or class waits and what frees it; why N workers',
    load: async () => (await import('./explain.ts')).explainCommand(),
  },
  hold: { summary: 'admit nothing new, in the pool or one class', load: async () => (await import('./stop-and-go.ts')).holdCommand() },
  resume: { summary: 'lift a hold', load: async () => (await import('./stop-and-go.ts')).resumeCommand() },
  cancel: { summary: 'end what waits in a class', load: async () => (await import('./stop-and-go.ts')).cancelCommand() },
  token: { summary: 'make a token for the intake API', load: async () => (await import('./token.ts')).tokenCommand() },
};
