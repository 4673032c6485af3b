/** Requests of the current UTC minute: the window in which the provider counts. After a 429 only half may be used until the next minute. */
export type MinuteBudget = {
  left(perMinute: number): number;
  spend(requests: number): void;
  halve(): void;
};

export function openMinuteBudget(wallClock: () => number): MinuteBudget {
  let minute = -1;
  let spent = 0;
  let halved = false;
  const roll = () => {
    const now = Math.floor(wallClock() / 60_000);
    if (now === minute) return;
    minute = now;
    spent = 0;
    halved = false;
  };
  return {
    left(perMinute) {
      roll();
      return Math.max(0, Math.floor(halved ? perMinute / 2 : perMinute) - spent);
    },
    spend(requests) {
      roll();
      spent += requests;
    },
    halve() {
      roll();
      halved = true;
    },
  };
}
