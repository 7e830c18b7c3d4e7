import { timesAsLong, wordSearch } from '../../../../test/support/cpu-time.js';
import type { ChatRequest } from '../../../common/chat.js';
import { checkAnswer } from './answer-check.js';

const ask = (over: Partial<ChatRequest> = {}): ChatRequest => ({ model: 'auto', messages: [], ...over });
const check = (content: string, choice: object = {}, over: Partial<ChatRequest> = {}) =>
  checkAnswer(ask(over), { choices: [{ message: { content }, finish_reason: 'stop', ...choice }] });
const json = (schema?: object): Partial<ChatRequest> => ({
  response_format: schema ? { type: 'json_schema', json_schema: { schema } } : { type: 'json_object' },
});
const logprobs = (value: number) => ({ logprobs: { content: [{ logprob: value }, { logprob: value }] } });

describe('checkAnswer', () => {
  it.each([
    ['nothing', '', 'empty', {}, {}],
    ['an end too soon', 'The first', 'cut off', { finish_reason: 'length' }, {}],
    ['a refusal', "I'm sorry, but I can't help with that.", 'refusal', {}, {}],
    ['no JSON', 'Sure! {"a": 1}', 'not JSON', {}, json()],
    ['a missing field', '{"b": 1}', '$.a', {}, json({ type: 'object', required: ['a'] })],
    ['a field of another type', '{"a": "1"}', '$.a', {}, json({ properties: { a: { type: 'integer' } } })],
    ['JSON nested without end', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'not JSON', {}, json({ enum: [1] })],
    ['a bad element', '[1, null]', '$[1]', {}, json({ type: 'array', items: { type: 'number' } })],
    ['broken code', '```js\nconst a = (1;\n```', 'does not parse', {}, {}],
    ['a miscalculation', 'So 12 * 7 = 94 pens.', 'miscalculates', {}, {}],
    ['a miscalculation with thousands', '1,200 + 300 = 1,600', 'miscalculates', {}, {}],
    ['repetition', 'The very same sentence again.\n'.repeat(5), 'repeats', {}, {}],
    ['low probabilities', 'Perhaps so.', 'not sure', logprobs(-2), {}],
  ])('finds %s', (_what, content, fault, choice, over) => {
    expect(check(content, choice, over).fault).toContain(fault);
  });

  it.each([
    ['prose', 'Paris is the capital of France.', {}, {}],
    [
      'JSON that fits',
      '{"a": 1}',
      {},
      json({ type: 'object', required: ['a'], properties: { a: { type: 'integer' } } }),
    ],
    ['a right calculation', 'So 12 * 7 = 84, and 10 / 3 = 3.33.', {}, {}],
    ['a chain, which one pair cannot judge', '2 + 3 * 4 = 14', {}, {}],
    ['code that parses', '```js\nconst a = (1);\n```', {}, {}],
    ['a module', '```js\nimport a from "a";\n```', {}, {}],
    ['JSON longer than what is read', JSON.stringify(Array.from({ length: 20_000 }, (_, i) => i)), {}, json()],
    ['high probabilities', 'Yes.', logprobs(-0.1), {}],
  ])('passes %s', (_what, content, choice, over) => expect(check(content, choice, over).fault).toBeNull());

  it.each([
    ['12 * 7 = 84.\n#### 84', '84'],
    ['The answer is (C).', 'C'],
    ['It costs $1,250.50 in all', '1250.5'],
    ['Nobody knows', null],
  ])('takes the final answer out of %j', (content, final) => expect(check(content).final).toBe(final));

  it.each(['1+'.repeat(100_000), '9'.repeat(200_000), '```'.repeat(60_000), '1,'.repeat(100_000)])(
    'is quick with hostile text',
    async (content) => {
      expect(await timesAsLong(() => check(content), wordSearch(content.length))).toBeLessThan(10);
    },
  );
});
