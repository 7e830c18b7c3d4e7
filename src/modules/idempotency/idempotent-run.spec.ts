import { growth, LINEAR } from '../../../test/support/cpu-time.js';
import { MemoryIdempotencyStore } from './adapters/memory.idempotency-store.js';
import type { Claim } from './idempotency-store.js';
import { IdempotentRun } from './idempotent-run.js';

const FRAME = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'word ' } }] })}\n\n`;
const DONE = 'data: [DONE]\n\n';

const KEY = { user: 'alice', name: 'key' };

/** What is kept of a stream of these pieces: what the next one with the key finds. */
async function recorded(pieces: readonly string[], ending: 'last' | 'broken' = 'last'): Promise<Claim> {
  const store = new MemoryIdempotencyStore();
  const { signal } = new AbortController();
  const run = new IdempotentRun(store, { key: KEY, fingerprint: 'print', session: null, signal });
  expect(await run.begin(Infinity)).toBe('claimed');
  const copy = run.stream({ 'x-router-target': 'a', date: 'now' });
  for (const piece of pieces) copy.piece(piece);
  if (ending === 'last') await copy.last(DONE);
  else copy.broken();
  await new Promise(setImmediate);
  return store.claim(KEY, 'print', 'another', 1_000);
}

describe('writing a stream down', () => {
  it('keeps a complete one, as it went out', async () => {
    expect(await recorded([FRAME, FRAME + FRAME])).toEqual({
      state: 'done',
      answer: { status: 200, headers: { 'x-router-target': 'a' }, body: FRAME.repeat(3) + DONE, session: null },
    });
  });

  it.each([
    ['without an end', [FRAME], 'broken'],
    ['that is too large', ['x'.repeat(4_194_305)], 'last'],
  ] as const)('gives the key back for one %s', async (_, pieces, ending) => {
    expect(await recorded(pieces, ending)).toEqual({ state: 'claimed' });
  });

  it('takes linear time: a long answer comes in many pieces', async () => {
    const ofPieces = (length: number) => {
      const pieces = Array.from({ length }, () => FRAME);
      return () => recorded(pieces);
    };
    const claim = await ofPieces(20_000)();
    expect(claim.state === 'done' && claim.answer.body).toHaveLength(20_000 * FRAME.length + DONE.length);
    expect(await growth(ofPieces, 2_500)).toBeLessThan(LINEAR);
  });
});
