import type { ClassName, ProjectName, SubscriptionName, UpstreamName } from '../../crds/values.ts';
import type { ReservationPlan } from '../admission/snapshot.ts';

/** Reserved slots that want a home, and the room there is. A class with `reservedAt` gives one demand per subscription. */
export type PackingProblem = {
  readonly demands: readonly { readonly class: ClassName; readonly slots: number; readonly projects: readonly ProjectName[] }[];
  readonly projects: readonly {
    readonly name: ProjectName;
    readonly subscription: SubscriptionName;
    readonly upstreams: readonly { readonly name: UpstreamName; readonly units: number }[];
  }[];
  readonly free: {
    readonly subscriptions: ReadonlyMap<SubscriptionName, number>;
    /** Units; an upstream without a limit is not in here. */
    readonly upstreams: ReadonlyMap<UpstreamName, number>;
  };
  /** Search nodes after which the search gives up and says so. */
  readonly nodeLimit: number;
};

/** The most that can be placed, and where. `node-limit`: at least this much; more was neither found nor ruled out. */
export type PackingResult = { readonly placed: number; readonly plan: ReservationPlan; readonly proof: 'optimal' | 'node-limit' };
