import { z } from 'zod';

/** What became of a mutant. Only a test that fails because of what it asserts catches one. */
export type Verdict =
  | { readonly kind: 'caught'; readonly file: string; readonly test: string }
  | { readonly kind: 'survived' }
  /** It does not even compile, load or parse: it says nothing about the tests. */
  | { readonly kind: 'broken'; readonly detail: string }
  | { readonly kind: 'too-slow' };

/** What vitest reports, as far as it matters here. */
export const report = z.object({
  testResults: z
    .array(
      z.object({
        name: z.string(),
        status: z.string(),
        message: z.string().optional(),
        assertionResults: z
          .array(z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }))
          .readonly(),
      }),
    )
    .readonly(),
});

/** Errors of a program that is wrong in itself, whatever it was to do. What a constraint of the database refuses is a failure like any other. */
const wrongInItself =
  /SyntaxError|ReferenceError|TypeError|ERR_MODULE|Cannot find module|syntax error at|could not determine data type|(column|relation|function) .* does not exist/;

export function judge(run: z.infer<typeof report>): Verdict {
  for (const { name, status, message, assertionResults } of run.testResults) {
    const failed = assertionResults.find((result) => result.status === 'failed');
    if (failed !== undefined) {
      const why = failed.failureMessages?.join('\n') ?? '';
      if (wrongInItself.test(why)) return { kind: 'broken', detail: why.slice(0, 500) };
      return { kind: 'caught', file: name, test: failed.fullName };
    }
    if (status === 'failed') return { kind: 'broken', detail: (message ?? '').slice(0, 500) };
  }
  return { kind: 'survived' };
}
