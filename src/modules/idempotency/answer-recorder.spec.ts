import { growth, LINEAR } from '../../../test/support/cpu-time.js';
import { AnswerRecorder } from './answer-recorder.js';
import type { StoredAnswer } from './idempotency-store.js';
import type { IdempotentRun } from './idempotent-run.js';

const FRAME = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'word ' } }] })}\n\n`;
const DONE = 'data: [DONE]\n\n';

/** A run that only notes what it is told. */
class NotedRun {
  kept: StoredAnswer | null = null;
  released = false;

  complete(answer: StoredAnswer): Promise<void> {
    this.kept = answer;
    return Promise.resolve();
  }

  release(): Promise<void> {
    this.releaseSoon();
    return Promise.resolve();
  }

  releaseSoon(): void {
    this.released ||= this.kept === null;
  }
}

/** What is kept of a stream of these pieces. */
async function recorded(pieces: readonly string[], ending: 'last' | 'broken' = 'last') {
  const run = new NotedRun();
  const copy = new AnswerRecorder(run as unknown as IdempotentRun, null).stream({
    'x-router-target': 'a',
    date: 'now',
  });
  for (const piece of pieces) copy.piece(piece);
  if (ending === 'last') await copy.last(DONE);
  else copy.broken();
  return run;
}

describe('writing a stream down', () => {
  it('keeps a complete one, as it went out', async () => {
    const { kept } = await recorded([FRAME, FRAME + FRAME]);
    expect(kept).toEqual({
      status: 200,
      headers: { 'x-router-target': 'a' },
      body: FRAME.repeat(3) + DONE,
      session: null,
    });
  });

  it.each([
    ['without an end', [FRAME], 'broken'],
    ['that is too large', ['x'.repeat(4_194_305)], 'last'],
  ] as const)('gives the key back for one %s', async (_, pieces, ending) => {
    const { kept, released } = await recorded(pieces, ending);
    expect([kept, released]).toEqual([null, true]);
  });

  it('takes linear time: a long answer comes in many pieces', async () => {
    const ofPieces = (length: number) => {
      const pieces = Array.from({ length }, () => FRAME);
      return () => recorded(pieces);
    };
    const { kept } = await ofPieces(20_000)();
    expect(kept?.body).toHaveLength(20_000 * FRAME.length + DONE.length);
    expect(await growth(ofPieces, 2_500)).toBeLessThan(LINEAR);
  });
});
