import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
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

/** What of a stream of these pieces is sent on, and what is kept. */
async function recorded(pieces: readonly string[]) {
  const run = new NotedRun();
  const reply = { statusCode: 200, getHeaders: () => ({}) } as FastifyReply;
  const recorder = new AnswerRecorder(reply, run as unknown as IdempotentRun, null);
  let sent = '';
  for await (const piece of recorder.through(Readable.from(pieces))) sent += String(piece);
  return { sent, run };
}

describe('writing a stream down', () => {
  it('keeps a complete one, as it went out', async () => {
    const { sent, run } = await recorded([FRAME, FRAME + DONE]);
    expect(sent).toBe(FRAME + FRAME + DONE);
    expect(run.kept?.body).toBe(sent);
  });

  it.each([
    ['without an end', [FRAME]],
    ['that says its end in the middle', [FRAME, FRAME.replace('word ', DONE.trim())]],
  ])('gives the key back for one %s', async (_, pieces) => {
    const { sent, run } = await recorded(pieces);
    expect(sent).toBe(pieces.join(''));
    expect([run.kept, run.released]).toEqual([null, true]);
  });

  it('takes linear time: a long answer comes in many pieces', async () => {
    const ofPieces = (length: number) => {
      const pieces = [...Array.from({ length }, () => FRAME), DONE];
      return () => recorded(pieces);
    };
    const { run } = await ofPieces(20_000)();
    expect(run.kept?.body).toHaveLength(20_000 * FRAME.length + DONE.length);
    expect(await growth(ofPieces, 2_500)).toBeLessThan(LINEAR);
  });
});
