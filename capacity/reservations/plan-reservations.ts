import { roomIn } from '../admission/room.ts';
import type { ReservationPlan, Snapshot } from '../admission/snapshot.ts';
import { planOf, wantedBy, withhold } from './withholding.ts';

/**
 * Homes for the reservations as they stand, without admitting anybody: what a dispatcher starts from, and what tells after a change of ceiling how
 * many reserved slots are without a home (`wanted − placed`, condition ReservationAtRisk).
 */
export function planReservations(snapshot: Snapshot): {
  readonly plan: ReservationPlan;
  readonly wanted: number;
  readonly placed: number;
  readonly proof: 'optimal' | 'node-limit';
} {
  const withholding = withhold(roomIn(snapshot), snapshot.plan);
  const { placed, most } = withholding;
  return { plan: planOf(withholding), wanted: wantedBy(withholding), placed, proof: placed === most ? 'optimal' : 'node-limit' };
}
