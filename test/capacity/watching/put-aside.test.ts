import { expect, test } from 'vitest';
import { isPutAside } from '../../../capacity/watching/schedule.ts';

test.each([
  { tries: 10, forMs: 300_000, aside: true },
  { tries: 500, forMs: 3_600_000, aside: true },
  { tries: 9, forMs: 3_600_000, aside: false },
  { tries: 100, forMs: 299_999, aside: false },
  { tries: 1, forMs: 0, aside: false },
])('a call that failed $tries times in $forMs ms is put aside: $aside', ({ aside, ...failing }) => {
  expect(isPutAside(failing)).toBe(aside);
});
