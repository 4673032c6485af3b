/**
 * The product with one mistake in it. Each is a mistake that somebody could make in earnest, in a line that carries a promise; the tests that it names
 * have to fail, or they test nothing.
 */
export type Mutant = {
  readonly name: string;
  /** What goes wrong with it, in a few words; a row of the table. */
  readonly breaks: string;
  readonly file: string;
  /** Exact text, once in the file. */
  readonly before: string;
  readonly after: string;
  /** Files of tests that have to catch it, narrowest first. */
  readonly tests: readonly [string, ...string[]];
};

/** A mutant no longer fits the product: its text is gone, or is there more than once. */
export class PatchDoesNotFit extends Error {
  override readonly name = 'PatchDoesNotFit';
}

/** The file with the mistake in it. @throws PatchDoesNotFit */
export function mutate(mutant: Mutant, text: string): string {
  const times = text.split(mutant.before).length - 1;
  if (times !== 1) throw new PatchDoesNotFit(`${mutant.name}: its text is ${times} times in ${mutant.file}, and has to be there once`);
  return text.replace(mutant.before, () => mutant.after);
}
