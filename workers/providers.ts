import type { Policy, ProjectPolicy } from '../capacity/policy/policy.ts';
import type { ProjectName } from '../crds/values.ts';
import { type OpenProject, openProject } from '../providers/vapi/client.ts';
import type { VapiProject } from '../providers/vapi/contract.ts';
import type { Metrics } from './metrics.ts';
import type { Secrets } from './secrets.ts';

/** The provider's API for every project of the newest policy; clients live as long as their address and key reference stay the same. */
export type Providers = {
  /** Also for projects that the policy no longer has, as long as the ledger remembers them: their calls are watched to the end. */
  of(project: ProjectName): { readonly api: VapiProject; readonly policy: ProjectPolicy } | undefined;
  /** Closes all connections, those in use included. */
  close(): void;
};

export function openProviders(options: {
  readonly policy: () => Policy;
  readonly formerProjects: () => readonly ProjectPolicy[];
  readonly secrets: Secrets;
  readonly metrics: Metrics;
  /** Overrides every project's address (simulation). */
  readonly baseUrl: string | undefined;
}): Providers {
  const clients = new Map<string, OpenProject>();
  return {
    of(name) {
      const policy = [...options.policy().projects, ...options.formerProjects()].find((project) => project.name === name);
      if (policy === undefined) return undefined;
      const baseUrl = options.baseUrl ?? policy.baseUrl;
      const key = JSON.stringify([name, baseUrl, policy.apiKey]);
      let api = clients.get(key);
      if (api === undefined) {
        api = openProject({
          baseUrl,
          apiKey: () => options.secrets.read(policy.apiKey),
          onRequest: (kind, ms) => options.metrics.providerRequestSeconds.observe({ project: name, kind }, ms / 1_000),
        });
        clients.set(key, api);
      }
      return { api, policy };
    },
    close() {
      for (const api of clients.values()) api.close();
    },
  };
}
