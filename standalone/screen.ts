import { createLogUpdate } from 'log-update';
import { type Frame, frameLine, frameLines } from './live-view.ts';

/** Where a run tells a person what happens: lines that stay, and a picture of the pool that is drawn anew. */
export type Screen = {
  say(line: string): void;
  show(frame: Frame): void;
  /** Leaves the last picture standing. */
  close(): void;
};

const drawEveryMs = 200;
const lineEveryMs = 5_000;

/** A terminal shows the picture in place; anything else gets a line every 5 seconds. */
export function openScreen(stream: NodeJS.WriteStream, clockMs: () => number = () => performance.now()): Screen {
  return stream.isTTY ? liveScreen(stream, clockMs) : lineScreen(stream, clockMs);
}

function liveScreen(stream: NodeJS.WriteStream, clockMs: () => number): Screen {
  const draw = createLogUpdate(stream);
  let drawnMs = Number.NEGATIVE_INFINITY;
  return {
    say: (line) => draw.persist(line),
    show: (frame) => {
      if (clockMs() - drawnMs < drawEveryMs) return;
      drawnMs = clockMs();
      draw(frameLines(frame, { columns: stream.columns, rows: stream.rows }).join('\n'));
    },
    close: () => draw.done(),
  };
}

function lineScreen(stream: NodeJS.WriteStream, clockMs: () => number): Screen {
  let shownMs = clockMs();
  return {
    say: (line) => stream.write(`${line}\n`),
    show: (frame) => {
      if (clockMs() - shownMs < lineEveryMs) return;
      shownMs = clockMs();
      stream.write(`${frameLine(frame)}\n`);
    },
    close: () => undefined,
  };
}
