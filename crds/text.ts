import { z } from 'zod';

/**
 * Text from outside of so many characters. That it is text is settled before its length is looked at: zod measures whatever has a `length`, and would
 * throw at `{"length":{"toString":1}}` instead of refusing it.
 */
export const textOf = (minLength: number, maxLength: number) => z.string().pipe(z.string().min(minLength).max(maxLength));
