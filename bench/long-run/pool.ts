import { type PoolManifest, poolManifest } from '../../crds/pool.ts';
import { benchPool } from '../stage.ts';

/** Mean time that a call holds a line, about: 95 s, lived at the scenario's speed. */
const meanCallSeconds = 95;

/** The pool of a bench, with three times the lines that the stream needs, so that lines are never what bounds it. */
export function longRunPool(rate: number): PoolManifest {
  const manifest = benchPool(Math.ceil(rate * (meanCallSeconds / 20) * 3));
  return poolManifest.parse({ ...manifest, spec: { ...manifest.spec, ledger: { secretRef: { name: 'ledger', key: 'url' } } } });
}

/** Leads at the rate, calls of lognormal length, some unanswered, and one caller for every ten leads. */
export function longRunScenario(rate: number, seconds: number, speed: number): object {
  const perMinute = (rate * 60) / speed;
  return {
    seed: 1,
    traffic: [
      { kind: 'outbound', class: 'campaign', leads: Math.ceil(rate * seconds), perMinute, length: { mu: 4.34, sigma: 0.944 } },
      { kind: 'inbound', number: '+14155550100', perMinute: perMinute / 10, length: { mu: 3.65, sigma: 0.944 } },
    ],
  };
}
