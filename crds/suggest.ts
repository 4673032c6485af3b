/** The known name that was probably meant: at most a third of the letters differ, or it was cut short. Undefined when nothing is near. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const wanted = given.slice(0, maxLength).toLowerCase();
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance <= Math.max(1, Math.floor(name.length / 3)) && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name ?? (wanted.length < 3 ? undefined : known.find((name) => name.toLowerCase().startsWith(wanted)));
}

const maxLength = 64;

/** Levenshtein distance: letters to insert, drop or change. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
