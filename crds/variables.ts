import { z } from 'zod';
import { parseExplained } from './messages.ts';
import { pathText } from './rules.ts';

/** What a program is told by environment variables, read by a schema. */

/** A variable is missing or malformed. The message is for people, and says nothing of its value. */
export class EnvironmentInvalid extends Error {
  override readonly name = 'EnvironmentInvalid';
}

type Variables = Readonly<Record<string, string | undefined>>;

/** What a program's log tells; `info` where nobody says. */
export const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info');

/** The variables of a program. @throws EnvironmentInvalid naming the first that is wrong */
export function readVariables<S extends z.ZodType>(schema: S, variables: Variables): z.output<S> {
  const parsed = parseExplained(schema, variables);
  if (parsed.ok) return parsed.value;
  const [problem] = parsed.problems;
  const name = pathText(problem?.path ?? []);
  if (variables[name] === undefined) throw new EnvironmentInvalid(`environment variable ${name} is missing`);
  throw new EnvironmentInvalid(`environment variable ${name}: ${problem?.message ?? 'is malformed'}`);
}
