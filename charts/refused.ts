export type PropsProblem = {
  /** The field, such as `spec.classes[1].assistant`. */
  readonly field: string;
  readonly message: string;
};

/** What a construct was given cannot work. Thrown where the construct is made, so that nothing of it reaches a cluster. */
export class PropsRefused extends Error {
  override readonly name = 'PropsRefused';
  readonly problems: readonly PropsProblem[];

  constructor(construct: string, problems: readonly PropsProblem[]) {
    super(`${construct} is refused:\n${problems.map(({ field, message }) => `  ${field}: ${message}`).join('\n')}`);
    this.problems = problems;
  }
}
