/** How cells of a CSV are read, the same where leads are sent and where they come in. */

/**
 * Options of the parser. Its own `trim` must stay off: with it, text after a closing quote ends the parsing without an error, and all that follows is
 * gone (csv-parse 7.0.3). Quotes that do not belong there are a part of the cell.
 */
export const quotesAndSpaces = { ltrim: true, relax_quotes: true } as const;

/** A cell without the spaces around it, those after a closing quote included. */
export function cellText(cell: string): string {
  const text = cell.trim();
  return text.length < cell.length && /^"[^"]*"$/.test(text) ? text.slice(1, -1).trim() : text;
}
