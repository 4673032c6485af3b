import type { ClassName, ProjectName } from '../../crds/values.ts';
import { type Column, type IntegerProgram, placeMost, type Use } from './integer-program.ts';
import type { PackingProblem, PackingResult } from './packing.ts';

/**
 * Finds a home for as many reserved slots as possible, exactly: a session takes a slot of its subscription and units of several upstreams that cross
 * subscriptions, so this is integer packing, and no single flow decides it. Without crossing upstreams it is a flow, and the first bound is the answer.
 *
 * Used by `validate`, which has a declaration and no slots in use; admission keeps its plan up to date with the same search (withholding.ts).
 */
export function solvePacking(problem: PackingProblem): PackingResult {
  const { program, homes } = programOf(problem);
  const wanted = problem.demands.reduce((sum, { slots }) => sum + slots, 0);
  const { counts, placed, most } = placeMost(program, { enough: wanted, atLeast: 0, nodeLimit: problem.nodeLimit });
  const plan = new Map<ClassName, Map<ProjectName, number>>();
  homes.forEach((home, column) => {
    const slots = counts[column] ?? 0;
    if (slots === 0) return;
    const projects = plan.get(home.class) ?? new Map<ProjectName, number>();
    projects.set(home.project, (projects.get(home.project) ?? 0) + slots);
    plan.set(home.class, projects);
  });
  return { placed, plan, proof: placed === most ? 'optimal' : 'node-limit' };
}

type NamedHome = { readonly class: ClassName; readonly project: ProjectName };

function programOf(problem: PackingProblem): { readonly program: IntegerProgram; readonly homes: readonly NamedHome[] } {
  const limits: number[] = [];
  const rowOf = (limit: number): number => limits.push(Math.max(0, limit)) - 1;
  const subscriptionRows = new Map([...problem.free.subscriptions].map(([name, free]) => [name, rowOf(free)]));
  const upstreamRows = new Map([...problem.free.upstreams].map(([name, free]) => [name, rowOf(free)]));
  const places = new Map<ProjectName, readonly Use[]>();
  for (const project of problem.projects) {
    const subscription = subscriptionRows.get(project.subscription);
    if (subscription === undefined) continue; // its ceiling is unknown: nothing is placeable there
    const upstreams = project.upstreams.flatMap(({ name, units }): Use[] => {
      const row = upstreamRows.get(name);
      return row === undefined ? [] : [{ row, units }];
    });
    places.set(project.name, [{ row: subscription, units: 1 }, ...upstreams]);
  }
  const columns: Column[] = [];
  const homes: NamedHome[] = [];
  const bundles = new Map<string, number[]>();
  for (const demand of problem.demands) {
    const row = rowOf(demand.slots);
    const seen = new Set<string>();
    for (const project of demand.projects) {
      const uses = places.get(project);
      const key = JSON.stringify(uses);
      if (uses === undefined || seen.has(key)) continue; // alike to one that is there already
      seen.add(key);
      bundles.set(key, [...(bundles.get(key) ?? []), columns.length]);
      columns.push({ uses: [...uses, { row, units: 1 }] });
      homes.push({ class: demand.class, project });
    }
  }
  return { program: { limits, columns, bundles: [...bundles.values()] }, homes };
}
