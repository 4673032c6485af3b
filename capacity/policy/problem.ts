/** Something in a declaration that cannot work, or that may surprise. */
export type PolicyProblem = {
  /** From the manifest's root, such as `['spec', 'classes', 1, 'assistant']`. */
  readonly path: readonly (string | number)[];
  /** What is wrong and what to do about it, for a person. No phone number is in it. */
  readonly message: string;
};

/** Names in a sentence: `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
