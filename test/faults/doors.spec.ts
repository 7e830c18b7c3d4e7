import { words } from '../support/openai-answer.js';
import { askedThrough, bodyFor, DOORS, PATHS } from '../support/door-calls.js';
import { FailoverPair } from '../support/failover-pair.js';
import { figure, gapsOf, seconds } from '../support/fault-row.js';
import { allSlotsFree, eventually, openaiAt, post } from '../support/router-calls.js';
import {
  answer,
  contentFiltered,
  contextLengthExceeded,
  headersThenSilence,
  htmlPage,
  hugeBody,
  neverAnswer,
  prefillRejected,
  rateLimited,
  resetBeforeBytes,
  status,
  whenPrefilled,
  wrongKey,
} from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import {
  cutAfter,
  errorInStream,
  invalidJsonAt,
  noDone,
  paced,
  slowFirstToken,
  stallAfter,
} from '../support/upstream-twists.js';

const ANSWER = words(60);
const FORMS = DOORS.flatMap((door) => [true, false].map((stream) => ({ door, stream })));
const STREAMS = DOORS.map((door) => ({ door }));

/** What the primary does, once or always, and how often it is asked then. */
interface Row {
  readonly id: string;
  readonly what: string;
  readonly once?: Behaviour;
  readonly always: Behaviour;
  /** `null`: as often as its backoff allows. */
  readonly calls: readonly [number, number] | null;
}

const GONE_AROUND: readonly Row[] = [
  { id: 'U02', what: '429 for ever', always: rateLimited(), calls: null },
  { id: 'U03', what: '500 once', once: status(500), always: answer(ANSWER), calls: [2, 0] },
  { id: 'U04', what: '503 for ever', always: status(503), calls: [3, 1] },
  { id: 'U05', what: 'a reset before any byte, once', once: resetBeforeBytes, always: answer(ANSWER), calls: [2, 0] },
  { id: 'U18', what: 'a page of HTML', always: htmlPage(), calls: [3, 1] },
  { id: 'U18', what: 'a body without end', always: hugeBody(100_000_000), calls: [3, 1] },
  { id: 'U20', what: 'our key is wrong', always: wrongKey, calls: [1, 1] },
];

const IN_THE_STREAM: readonly Row[] = [
  { id: 'U07', what: 'headers, then silence', always: headersThenSilence, calls: [1, 1] },
  { id: 'U07', what: 'no first token', always: answer(ANSWER, {}, slowFirstToken(20_000, 'token')), calls: [1, 1] },
  { id: 'U08', what: 'cut after 40 of 60 tokens', always: answer(ANSWER, {}, cutAfter(40)), calls: [1, 1] },
  { id: 'U08', what: 'reset after 40 tokens', always: answer(ANSWER, {}, cutAfter(40, 'reset')), calls: [1, 1] },
  {
    id: 'U09',
    what: '20 tokens, then silence',
    always: answer(ANSWER, {}, stallAfter(20, 'close', 30_000)),
    calls: [1, 1],
  },
  { id: 'U10', what: 'an event of invalid JSON', always: answer(ANSWER, {}, invalidJsonAt(10)), calls: [1, 0] },
  { id: 'U11', what: 'no [DONE]', always: answer(ANSWER, {}, noDone), calls: [1, 0] },
];

/** Two models make these answers: which of them is told depends on when the protocol tells it. */
const CUT: ReadonlySet<string> = new Set(['U08', 'U09']);

describe('the faults of model servers, through each door', () => {
  let pair: FailoverPair;
  const restart = async (...args: Parameters<typeof FailoverPair.start>) => {
    await pair.close();
    pair = await FailoverPair.start(...args);
    pair.fallback.always(answer(ANSWER));
  };
  beforeEach(async () => {
    pair = await FailoverPair.start();
    pair.fallback.always(answer(ANSWER));
  });
  afterEach(() => pair.close());

  const rowsOf = (rows: readonly Row[], forms: readonly { door: (typeof DOORS)[number]; stream?: boolean }[]) =>
    rows.flatMap((row) => forms.map((form) => ({ stream: true, ...row, ...form })));
  const isWhole = { status: 200, text: ANSWER, error: null, isComplete: true, ids: 1 };

  it.each([...rowsOf(GONE_AROUND, FORMS), ...rowsOf(IN_THE_STREAM, STREAMS)])(
    '$id $what, $door, stream $stream: the whole answer, once',
    async ({ id, what, door, stream, once, always, calls }) => {
      if (once) pair.primary.script(once);
      pair.primary.always(always);
      const got = await askedThrough(door, pair.router, { stream });
      expect(got).toMatchObject(isWhole);
      expect(got.outputTokens).toBe(60);
      if (calls) expect(pair.calls).toEqual(calls);
      if (!CUT.has(id)) expect(got.model).toBe(pair.calls[1] > 0 ? 'fallback' : 'primary');
      figure(id, `${door}, ${what}: calls ${pair.calls.join(' + ')}, answer after ${seconds(got.ms)}`);
    },
  );

  it.each(FORMS)('U01 429 with Retry-After: 2 is waited for, $door, stream $stream', async ({ door, stream }) => {
    pair.primary.script(rateLimited(2)).always(answer(ANSWER));
    expect(await askedThrough(door, pair.router, { stream })).toMatchObject(isWhole);
    expect(gapsOf(pair.primary.requests)[0]).toBeGreaterThanOrEqual(2_000);
  });

  it.each(FORMS)('U06 accepts and never answers, $door, stream $stream', async ({ door, stream }) => {
    await restart({}, { primary: { timeouts: { firstTokenMs: 500, plainMs: 500 } } });
    pair.primary.always(neverAnswer);
    expect(await askedThrough(door, pair.router, { stream })).toMatchObject(isWhole);
    expect(pair.calls).toEqual([1, 1]);
  });

  it.each(STREAMS)('U08 a cut tool call cannot be joined: the error of the door, $door', async ({ door }) => {
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(answer(`Sure: ${ANSWER}`));
    const got = await askedThrough(door, pair.router, { stream: true });
    expect(got).toMatchObject({ status: 200, text: words(40), isComplete: false });
    expect(got.error).toBe(door === 'messages' ? 'api_error' : 'upstream_error');
    expect(got.message.length).toBeGreaterThan(10);
    figure('U08', `${door}: what cannot be joined ends in ${got.error}`);
  });

  it.each(FORMS)('U12 context_length_exceeded is tried once, $door, stream $stream', async ({ door, stream }) => {
    pair.primary.always(contextLengthExceeded);
    const got = await askedThrough(door, pair.router, { stream, model: 'primary' });
    expect(got).toMatchObject({ status: 400, isComplete: false });
    expect(got.error).toBe(door === 'messages' ? 'invalid_request_error' : 'context_length_exceeded');
    expect(got.headers.get('x-should-retry')).toBe('false');
    expect(pair.calls).toEqual([1, 0]);
  });

  it.each(FORMS)('U13 a content filter is not gone around, $door, stream $stream', async ({ door, stream }) => {
    pair.primary.always(contentFiltered);
    const got = await askedThrough(door, pair.router, { stream });
    expect(got.status).toBe(400);
    expect(got.message).toContain('content management policy');
    expect(pair.calls).toEqual([1, 0]);
  });

  it.each(STREAMS)('U14 a refused prefill is never seen, $door', async ({ door }) => {
    await restart({}, { fallback: { capabilities: ['prefill'] } });
    pair.primary.always(answer(ANSWER, {}, cutAfter(40)));
    pair.fallback.always(whenPrefilled(prefillRejected, answer(ANSWER)));
    const got = await askedThrough(door, pair.router, { stream: true });
    expect(got).toMatchObject(isWhole);
    expect(got.raw).not.toContain('must not be from the assistant');
  });

  it.each(STREAMS)('U17 an error inside a 200 before the first token, $door', async ({ door }) => {
    pair.primary.always(answer(ANSWER, {}, errorInStream()));
    expect(await askedThrough(door, pair.router, { stream: true })).toMatchObject({ ...isWhole, model: 'fallback' });
  });

  it.each(FORMS)(
    'U20 U22 nobody can answer: the status of the door, $door, stream $stream',
    async ({ door, stream }) => {
      pair.primary.always(status(503));
      pair.fallback.always(status(503));
      const got = await askedThrough(door, pair.router, { stream });
      expect(got.status).toBe(door === 'messages' ? 529 : 503);
      expect(got.error).toBe(door === 'messages' ? 'overloaded_error' : 'no_target_available');
      expect(Number(got.headers.get('retry-after'))).toBeGreaterThan(0);
      pair.primary.always(wrongKey);
      const auth = await askedThrough(door, pair.router, { stream, model: 'primary' });
      expect(auth.status).toBe(502);
    },
  );

  it.each(FORMS)('L01 a caller who leaves ends the upstream call, $door, stream $stream', async ({ door, stream }) => {
    pair.primary.always(stream ? answer(ANSWER, {}, paced(200)) : neverAnswer);
    const leaving = new AbortController();
    const asked = askedThrough(door, pair.router, { stream }, {}, leaving.signal).catch((error: unknown) => error);
    await eventually('the primary is asked', 2_000, () => pair.calls[0] === 1);
    leaving.abort();
    expect(await asked).toMatchObject({ name: 'AbortError' });
    await pair.primary.ended(0);
    expect(pair.primary.requests[0]?.ending).toBe('aborted');
    await allSlotsFree(pair.router);
  });

  it.each(STREAMS)('R12 an Idempotency-Key answers once, $door', async ({ door }) => {
    pair.primary.always(answer(ANSWER));
    const headers = { 'idempotency-key': `once-${door}` };
    const first = await askedThrough(door, pair.router, { stream: true }, headers);
    const again = await askedThrough(door, pair.router, { stream: true }, headers);
    expect(again.raw).toBe(first.raw);
    expect(pair.calls).toEqual([1, 0]);
    const other = await post(pair.router.url + PATHS[door], bodyFor(door, { question: 'other' }), headers);
    expect(other.status).toBe(409);
  });

  it('answers that chat completions have made before are found by the other doors', async () => {
    await restart({ cache: { enabled: true } });
    pair.primary.always(answer(ANSWER));
    const { client } = openaiAt(pair.router.url);
    await client.chat.completions.create({ model: 'auto', messages: [{ role: 'user', content: 'hi' }] });
    const got = await askedThrough('responses', pair.router, { stream: true });
    expect(got).toMatchObject({ ...isWhole, outputTokens: 60 });
    expect(got.headers.get('x-router-cache')).toBe('HIT');
    expect(pair.calls).toEqual([1, 0]);
  });
});
