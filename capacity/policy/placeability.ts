import type { PoolSpec } from '../../crds/pool.ts';
import type { ProjectName, SubscriptionName } from '../../crds/values.ts';
import type { PackingProblem } from '../reservations/packing.ts';
import { solvePacking } from '../reservations/solve-packing.ts';
import { searchNodes } from '../reservations/withholding.ts';
import type { ClassPolicy, Policy } from './policy.ts';
import { listed, type PolicyProblem } from './problem.ts';

/**
 * Whether all reservations fit at once, with every declared line free: below the subscriptions' limits less their margins, and within the upstreams
 * that sessions cross. Sums over the pool's budget are rules of the schema.
 */
export function unplaceableReservations(spec: PoolSpec, policy: Policy): readonly PolicyProblem[] {
  const demands = policy.classes.flatMap((one) => demandsOf(one, policy));
  if (pack(demands, policy) === 'fits') return [];

  // Higher priorities first, so that the blame falls on the reservation that came last.
  const kept: Demand[] = [];
  const problems: PolicyProblem[] = [];
  for (const demand of demands) {
    const verdict = pack([...kept, demand], policy);
    if (verdict === 'fits') kept.push(demand);
    else problems.push({ path: pathOf(demand, spec), message: messageFor(demand, kept, verdict, policy) });
  }
  return problems;
}

type Demand = PackingProblem['demands'][number] & { readonly subscription: SubscriptionName | undefined };
type Packed = 'fits' | 'not-proven' | { readonly placed: number };

function demandsOf(one: ClassPolicy, policy: Policy): readonly Demand[] {
  const projects = [...new Set<ProjectName>([...one.eligible.Inbound, ...one.eligible.Outbound])];
  if (projects.length === 0) return []; // a problem of its own
  if (one.reservedAt === undefined) {
    return one.reserved === 0 ? [] : [{ class: one.name, slots: one.reserved, projects, subscription: undefined }];
  }
  return [...one.reservedAt].flatMap(([subscription, slots]) => {
    const there = projects.filter((name) =>
      policy.projects.some((project) => project.name === name && project.subscription === subscription),
    );
    return slots === 0 || there.length === 0 ? [] : [{ class: one.name, slots, projects: there, subscription }];
  });
}

function pack(demands: readonly Demand[], policy: Policy): Packed {
  const wanted = demands.reduce((total, { slots }) => total + slots, 0);
  if (wanted === 0) return 'fits';
  const { placed, proof } = solvePacking({
    demands,
    projects: policy.projects.map(({ name, subscription, upstreams }) => ({ name, subscription, upstreams: unitsOf(upstreams, policy) })),
    free: {
      subscriptions: new Map(policy.subscriptions.map((one) => [one.name, one.concurrencyLimit - one.safetyMargin])),
      upstreams: new Map(
        policy.upstreams.flatMap(({ name, concurrencyLimit }) =>
          concurrencyLimit === undefined ? [] : [[name, concurrencyLimit] as const],
        ),
      ),
    },
    nodeLimit: searchNodes, // what admission has too: a reserve that it could not prove is of no use
  });
  if (placed >= wanted) return 'fits';
  return proof === 'optimal' ? { placed } : 'not-proven';
}

function unitsOf(names: readonly string[], policy: Policy): PackingProblem['projects'][number]['upstreams'] {
  return policy.upstreams.filter(({ name }) => names.includes(name)).map(({ name, unitsPerSession }) => ({ name, units: unitsPerSession }));
}

function pathOf(demand: Demand, spec: PoolSpec): PolicyProblem['path'] {
  const index = spec.classes.findIndex(({ name }) => name === demand.class);
  const at = ['spec', 'classes', index];
  return demand.subscription === undefined ? [...at, 'reserved'] : [...at, 'reservedAt', demand.subscription];
}

function messageFor(demand: Demand, kept: readonly Demand[], verdict: Exclude<Packed, 'fits'>, policy: Policy): string {
  const others = [...new Set(kept.map((one) => one.class).filter((name) => name !== demand.class))];
  const beside = others.length === 0 ? '' : ` beside what is reserved for ${listed(others)}`;
  const limits = limitsOf(demand, policy);
  if (verdict === 'not-proven') {
    return `it cannot be proven that these ${demand.slots} slots find a place${beside} (limits: ${limits}): reserve less, or let fewer upstreams cross`;
  }
  const placed = Math.max(0, verdict.placed - kept.reduce((total, { slots }) => total + slots, 0));
  return `only ${placed} of these ${demand.slots} slots find a place${beside} (limits: ${limits}): reserve less, or raise the limit`;
}

/** The limits that a demand lies under: usable slots of its subscriptions, units of its upstreams. */
function limitsOf(demand: Demand, policy: Policy): string {
  const projects = policy.projects.filter(({ name }) => demand.projects.includes(name));
  const subscriptions = policy.subscriptions
    .filter(({ name }) => projects.some((project) => project.subscription === name))
    .map(({ name, concurrencyLimit, safetyMargin }) => `subscription ${name} ${concurrencyLimit - safetyMargin} slots`);
  const upstreams = policy.upstreams.flatMap(({ name, concurrencyLimit, unitsPerSession }) =>
    concurrencyLimit !== undefined && projects.some((project) => project.upstreams.includes(name))
      ? [`upstream ${name} ${concurrencyLimit} units, ${unitsPerSession} a session`]
      : [],
  );
  return listed([...subscriptions, ...upstreams]);
}
