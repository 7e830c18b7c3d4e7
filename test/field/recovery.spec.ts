import { AnswerSplice } from '../../src/modules/resilience/answer-splice.js';
import { growth, LINEAR, timed } from '../support/cpu-time.js';
import { FailoverPair } from '../support/failover-pair.js';
import { called, figure } from '../support/fault-row.js';
import { words } from '../support/openai-answer.js';
import { framesOf } from '../support/router-calls.js';
import { answer, sse, twisted } from '../support/upstream-behaviours.js';
import type { Behaviour } from '../support/upstream-script.js';
import { cutAfter } from '../support/upstream-twists.js';

const ANSWER = words(60);
const SENT = words(40);
const CAPITALS = '1. The capital of France is Paris.\n2. The capital of ';
const TABLE = '| name | age |\n| --- | --- |\n| Ann | 41 |\n| Bob | 43 |\n';

describe('an answer that is cut and goes on elsewhere', () => {
  let pair: FailoverPair;
  let prefilling: FailoverPair;
  beforeAll(async () => {
    const patient = { resilience: { breaker: { failures: 1_000 } } }; // this file is about single requests
    pair = await FailoverPair.start(patient);
    prefilling = await FailoverPair.start(patient, { fallback: { capabilities: ['prefill'] } });
  });
  beforeEach(() => {
    for (const { primary, fallback } of [pair, prefilling]) {
      primary.reset();
      fallback.reset();
    }
  });
  afterAll(() => Promise.all([pair.close(), prefilling.close()]));

  /** The primary is cut after `sent`; the fallback says `second`. */
  const cut = (on: FailoverPair, sent: string | readonly string[], second: Behaviour) => {
    const tokens = typeof sent === 'string' ? [sent] : sent;
    on.primary.always(answer(tokens.join(''), { tokens: [...tokens, ' lost'] }, cutAfter(tokens.length)));
    on.fallback.always(second);
    return called(on.router, { stream: true });
  };
  const TYPED_ERROR = { status: 200, done: false, finish: null, error: { code: 'upstream_error' } };

  it('F09 40,000 characters of a short period are joined in linear time', async () => {
    const repeated = (times: number) => 'la di da '.repeat(times);
    const ENDING = 'la di da and out';
    const sent = repeated(4_500);
    const whole = sent + ENDING;
    for (const [continues, size] of [
      [false, 1],
      [false, 4_096],
      [true, 1],
    ] as const) {
      const joined = (times: number) => (): string => {
        const begun = repeated(times);
        const again = begun + ENDING;
        const splice = new AnswerSplice(begun, continues);
        let text = begun;
        for (let at = 0; at < again.length; at += size) text += splice.push(again.slice(at, at + size));
        return text + splice.end();
      };
      const { result, cpuMs } = timed(joined(4_500));
      expect(result).toHaveLength(continues ? sent.length + whole.length : whole.length);
      expect(await growth(joined, 4_500)).toBeLessThan(LINEAR);
      figure('F09', `${sent.length} characters, pieces of ${size}, continues ${continues}: ${cpuMs.toFixed(0)} ms`);
    }
    const pieces = whole.match(/.{1,90}/gs) ?? [];
    const got = await cut(pair, pieces.slice(0, 450), answer(whole, { tokens: pieces }));
    expect(got).toMatchObject({ status: 200, text: whole, done: true, error: null });
  });

  it.each([
    ['common words', CAPITALS, 'The capital of France is Paris. The capital of Italy is Rome.'],
    ['a short end', `${SENT} so the end of`, 'so the end of the matter'],
    ['words found twice', 'We saw the rest of it. We saw the rest of it', 'the rest of it is lost'],
  ])('F21 an overlap that proves nothing, %s: the typed error', async (_, sent, second) => {
    const got = await cut(pair, sent, answer(second));
    expect(got).toMatchObject({ ...TYPED_ERROR, text: sent });
    expect(pair.calls).toEqual([1, 1]);
    figure('F21', `${JSON.stringify(second.slice(0, 16))}: ${got.error?.code}`);
  });

  it('F21 what a model says that was asked to go on is taken as it comes, a repeated row too', async () => {
    const got = await cut(prefilling, TABLE, answer('| Bob | 43 |\n| Cid | 45 |'));
    expect(got).toMatchObject({ text: `${TABLE}| Bob | 43 |\n| Cid | 45 |`, done: true, error: null });
    expect(prefilling.fallback.requests[0]?.body?.messages.at(-1)).toEqual({ role: 'assistant', content: TABLE });
  });

  it('F22 a target that was asked to go on and begins anew: the text once, usage once', async () => {
    const got = await cut(prefilling, SENT.match(/\s*\S+/g) ?? [], answer(ANSWER));
    expect(got).toMatchObject({ text: ANSWER, done: true, error: null, usage: { completion_tokens: 60 } });
    figure('F22', `60 tokens received, ${got.usage?.completion_tokens} counted`);
  });

  it('F22 an overlap is counted once as well', async () => {
    const got = await cut(pair, SENT.match(/\s*\S+/g) ?? [], answer(ANSWER.slice(words(30).length + 1)));
    expect(got).toMatchObject({ text: ANSWER, done: true, error: null, usage: { completion_tokens: 60 } });
  });

  it('F22 a target that begins anew in other words: the typed error', async () => {
    const got = await cut(prefilling, SENT, answer(`${words(30)} or so`));
    expect(got).toMatchObject({ ...TYPED_ERROR, text: SENT });
  });

  it("F35 one id: the first that is not empty, with Azure's first frame on both sides", async () => {
    const azure = (behaviour: Behaviour): Behaviour =>
      twisted(behaviour, (steps) => steps.toSpliced(1, 0, sse({ ...AZURE_FIRST })));
    pair.primary.always(azure(answer(ANSWER, { id: 'chatcmpl-A', created: 1_790_000_001 }, cutAfter(40))));
    pair.fallback.always(azure(answer(ANSWER, { id: 'chatcmpl-B', created: 1_790_000_009 })));
    const got = await called(pair.router, { stream: true });
    expect(got).toMatchObject({ text: ANSWER, done: true, error: null });
    expect(got.raw.split('\n\n')[0]).toBe(`data: ${JSON.stringify(AZURE_FIRST)}`);
    const named = framesOf(got.raw).map(({ id, created }) => `${id} ${created}`);
    const [azureFirst, ...others] = named;
    expect(azureFirst).toBe(' 0');
    expect(new Set(others)).toEqual(new Set(['chatcmpl-A 1790000001']));
    figure('F35', `ids of ${named.length} frames: "", then chatcmpl-A to the end`);
  });
});

const AZURE_FIRST = {
  choices: [],
  created: 0,
  id: '',
  model: '',
  object: '',
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: { hate: { filtered: false, severity: 'safe' } } }],
};
