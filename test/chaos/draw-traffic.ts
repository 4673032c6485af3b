import type { Scenario } from '../../simulator/contract.ts';
import type { Random } from '../../simulator/random.ts';
import { leadNumber } from '../../simulator/traffic/numbers.ts';
import { between, chance } from './dice.ts';
import type { DrawnPool } from './draw-pool.ts';

/** Draws who calls and who is called: short talks, so that lines change hands often. */

export type DrawnTraffic = {
  readonly traffic: Scenario['traffic'];
  /** Files of leads that the traffic names, by name: no two classes have a person in common. */
  readonly files: Readonly<Record<string, string>>;
};

/** Means of 20 to 30 s at speed 1, and nobody talks for longer than 80 s, so that a seed's last call ends soon. */
const drawLength = (random: Random) => ({ mu: 2.6 + random() * 0.5, sigma: 0.6, minSeconds: 4, maxSeconds: 80 });

export function drawTraffic(random: Random, pool: DrawnPool): DrawnTraffic {
  const files: Record<string, string> = {};
  const outbound = pool.outboundClasses.map((name, index): Scenario['traffic'][number] => {
    const file = `${name}.csv`;
    files[file] = leads(index, between(random, 120, 300));
    return {
      kind: 'outbound',
      class: name,
      leads: file,
      ...(chance(random, 0.3) ? { perMinute: between(random, 25, 60) } : {}),
      length: drawLength(random),
      answer: { noAnswer: 0.1, busy: 0.1, voicemail: 0.1, fault: 0.02 },
      ringSeconds: { min: 2, max: 12 },
    };
  });
  if (pool.inboundNumber === undefined) return { traffic: outbound, files };
  const inbound: Scenario['traffic'][number] = {
    kind: 'inbound',
    number: pool.inboundNumber,
    perMinute: between(random, 1, 8),
    length: drawLength(random),
    patienceSeconds: 280,
  };
  return { traffic: [inbound, ...outbound], files };
}

function leads(list: number, count: number): string {
  const lines = Array.from({ length: count }, (_, index) => `${leadNumber(list * 10_000 + index)},Lead ${index + 1}`);
  return ['number,name', ...lines, ''].join('\n');
}
