import { type TruthEvent, truthEvent } from './events.ts';
import { openNdjson, readLines } from './ndjson.ts';

/** The truth on disk: one event a line, appended before anyone hears of it. */
export type TruthLog = { readonly append: (event: TruthEvent) => void; readonly close: () => void };

export function openTruthLog(file: string): TruthLog {
  return openNdjson(file);
}

/** All events of a log in order; none when there is no log yet. */
export function readTruthLog(file: string): readonly TruthEvent[] {
  return readLines(file).map((line, index) => {
    const event = truthEvent.safeParse(JSON.parse(line));
    if (!event.success)
      throw new Error(`${file}, line ${index + 1} is not an event of the simulator; remove the state directory to begin anew.`);
    return event.data;
  });
}
