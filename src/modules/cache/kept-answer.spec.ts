import type { Caller } from '../../common/caller.js';
import type { ChatFrame, Completion } from '../../common/chat.js';
import { routerConfigSchema } from '../../common/config/config.schema.js';
import type { GeneratedAnswer } from '../chat/chat.messages.js';
import { keptAnswer, leftMsOf, ReplayableAnswer, stateOf } from './kept-answer.js';

const CACHE = routerConfigSchema.parse({ cache: { ttlSeconds: 100, staleSeconds: 20, maxEntryBytes: 2_000 } }).cache;
const NOW = 1_700_000_000_000;
const frame = (json: Completion): ChatFrame => ({ text: JSON.stringify(json), json });
const choice = (finish_reason: string | null, index = 0) => ({
  index,
  message: { role: 'assistant', content: 'Hi' },
  finish_reason,
});
const endingIn = (...reasons: (string | null)[]): ChatFrame =>
  frame({ id: 'x', created: 1, model: 'm', choices: reasons.map(choice) });
const caller: Caller = { tenant: 'acme', user: 'alice', scopes: ['chat'], limits: {} };
const generated = (changes: Partial<GeneratedAnswer> = {}): GeneratedAnswer => ({
  ...{ key: 'k', completion: endingIn('stop'), usage: null, costUsd: 0.5, tookMs: 70, beganAt: 0, caller },
  ...{ askedModel: 'auto', sessionId: null, joined: 0, replaces: false, lease: null },
  route: { target: 'local', tier: 'local', model: 'm', simulated: false },
  ...changes,
});
const kept = (changes: Partial<GeneratedAnswer> = {}, random = 0) => keptAnswer(generated(changes), CACHE, NOW, random);

describe('what is kept', () => {
  it.each<[string, Partial<GeneratedAnswer>]>([
    ['a failure, a cut stream, an aborted request', { completion: null }],
    ['an answer of nobody', { route: null }],
    ['a simulated answer', { route: { target: 's', tier: 'local', model: 'm', simulated: true } }],
    ['no choices', { completion: endingIn() }],
    ['a truncated answer', { completion: endingIn('length') }],
    ['a filtered answer', { completion: endingIn('content_filter') }],
    ['an unknown finish', { completion: endingIn('eos?') }],
    ['no finish', { completion: endingIn(null) }],
    ['one of two choices unfinished', { completion: endingIn('stop', null) }],
    ['one of two choices truncated', { completion: endingIn('length', 'stop') }],
    ['an error beside an answer', { completion: frame({ ...endingIn('stop').json, error: { message: 'no' } }) }],
    ['more than maxEntryBytes', { completion: frame({ ...endingIn('stop').json, x: 'é'.repeat(1_000) }) }],
  ])('never %s', (_, changes) => expect(kept(changes)).toBeNull());

  it.each<[string, ChatFrame]>([
    ['tool calls', endingIn('tool_calls')],
    ['a function call', endingIn('function_call')],
    ['two choices', endingIn('stop', 'stop')],
  ])('%s', (_, completion) => expect(kept({ completion })).not.toBeNull());

  it('is text without id and time, with every digit', () => {
    const text =
      '{"id":"a","created":5,"choices":[{"index":0,"message":{"reasoning":"r"},"logprobs":{"p":-0.12345678901234567890},"finish_reason":"stop"}]}';
    const completion = { text, json: JSON.parse(text) as Completion };
    expect(kept({ completion })?.text).toBe(text.replace('"id":"a","created":5,', ''));
  });
});

describe('how long it is kept', () => {
  it('up to 10 % less than ttlSeconds, and past that for staleSeconds', () => {
    expect(kept({}, 0)).toMatchObject({ at: NOW, freshMs: 100_000, staleMs: 20_000 });
    expect(kept({}, 1)).toMatchObject({ freshMs: 90_000 });
  });

  it.each([
    [-60_000, 'HIT', 120_000], // the clock of another replica is ahead
    [0, 'HIT', 120_000],
    [99_999, 'HIT', 20_001],
    [100_000, 'STALE', 20_000],
    [119_999, 'STALE', 1],
    [120_000, null, 0],
  ])('%i ms later it is %s', (ms, state, left) => {
    expect(stateOf(kept()!, NOW + ms)).toBe(state);
    expect(leftMsOf(kept()!, NOW + ms)).toBe(left);
  });
});

describe('how it is given again', () => {
  it.each([
    [null, null],
    [
      { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, completion_tokens_details: { reasoning_tokens: 1 } },
      { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, completion_tokens_details: { reasoning_tokens: 1 } },
    ],
  ])('with its usage: %j', (usage, given) => {
    expect(new ReplayableAnswer(kept({ usage })!, NOW).usage).toEqual(given);
  });

  it('with an id and a time of its own each time', () => {
    const answer = new ReplayableAnswer(kept()!, NOW + 5_900);
    const [one, two] = [answer.replay(), answer.replay()];
    expect(answer).toMatchObject({ ageSeconds: 5, costUsd: 0.5, tookMs: 70, target: 'local', simulated: false });
    expect(one.json).toEqual({ ...endingIn('stop').json, id: one.json.id, created: (NOW + 5_000) / 1000 });
    expect(one.json.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    expect(two.json.id).not.toBe(one.json.id);
  });
});
