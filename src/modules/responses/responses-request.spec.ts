import { usageJson } from './response-object.js';
import { chatFormOf } from './responses-request.js';
import { responsesRequestSchema } from './responses-request.schema.js';
import { placeOf } from './response-turns.js';
import { codeOf, ownSessionId, responseIdOf } from './response-id.js';

const ULID = '01KAR5F3G0V8S4R1N2Q7W6X5YZ';
const BEFORE = '01KAR5F3G0V8S4R1N2Q7W6X5YA';
const bodyOf = (fields: object) => responsesRequestSchema.parse({ model: 'auto', input: 'hi', ...fields });
const chatOf = (fields: object) => chatFormOf(bodyOf(fields), bodyOf(fields).input);
const placed = (fields: object, header: string | null = null) => placeOf(bodyOf(fields), ULID, header, []);

describe('a request for a response as a chat request', () => {
  it('has the instructions in front, and does not keep them', () => {
    const { request, input } = chatOf({ instructions: 'Be short.' });
    expect(request.messages).toEqual([{ role: 'system', content: 'Be short.' }, ...input]);
    expect(input).toEqual([{ role: 'user', content: 'hi' }]);
  });

  it('has each field under its name there', () => {
    const schema = { type: 'object' };
    const { request } = chatOf({
      stream: true,
      max_output_tokens: 9,
      temperature: 0.5,
      user: 'u',
      service_tier: null,
      reasoning: { effort: 'low', summary: 'auto' },
      text: { format: { type: 'json_schema', name: 'n', schema, strict: true }, verbosity: 'low' },
      top_logprobs: 2,
      metadata: { a: 'b' },
      truncation: 'auto',
      unknown: 1,
    });
    expect(request).toEqual({
      model: 'auto',
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 9,
      temperature: 0.5,
      user: 'u',
      reasoning_effort: 'low',
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema, strict: true } },
      verbosity: 'low',
      logprobs: true,
      top_logprobs: 2,
    });
  });

  it.each([
    [{ text: { format: { type: 'text' } } }, undefined],
    [{ text: { format: { type: 'json_object' } } }, { type: 'json_object' }],
    [{ text: null }, undefined],
  ])('%j: response_format %j', (fields, format) => expect(chatOf(fields).request.response_format).toEqual(format));

  it.each([
    [{ text: { format: { type: 'xml' } } }, 'text.format.type'],
    [{ text: { format: { type: 'json_schema', name: 'n' } } }, 'text.format.schema'],
    [{ text: { format: { type: 'json_schema', schema: {} } } }, 'text.format.name'],
  ])('%j names %s', (fields, param) => {
    expect(() => chatOf(fields)).toThrow(expect.objectContaining({ param, status: 400 }));
  });

  it('has no message of reasoning alone', () => {
    expect(() => chatOf({ input: [{ type: 'reasoning', summary: [] }] })).toThrow(
      expect.objectContaining({ param: 'input', status: 400 }),
    );
  });
});

describe('where a response goes on', () => {
  const id = (sessionId: string) => responseIdOf(codeOf({ ulid: BEFORE, sessionId }));

  it.each([
    ['nothing', {}, null, ownSessionId(ULID), 'new', null, null],
    ['a response', { previous_response_id: id('trip') }, null, 'trip', 'whole', BEFORE, BEFORE],
    [
      'a response, with turns dropped',
      { previous_response_id: id('trip'), truncation: 'auto' },
      'x',
      'trip',
      'stored',
      BEFORE,
      BEFORE,
    ],
    ['a conversation', { conversation: 'trip' }, null, 'trip', 'whole', null, 'session'],
    ['a conversation object', { conversation: { id: 'trip' } }, 'x', 'trip', 'whole', null, 'session'],
    ['the session of the header', {}, 'x', 'x', 'whole', null, 'session'],
    [
      'a response, and nothing kept',
      { previous_response_id: id('trip'), store: false },
      null,
      'trip',
      'whole',
      BEFORE,
      BEFORE,
    ],
    ['nothing, and nothing kept', { store: false }, null, null, 'new', null, null],
  ])('%s', (_, fields, header, sessionId, use, upTo, previous) => {
    expect(placed(fields, header)).toMatchObject({
      sessionId,
      keepsTurn: !('store' in fields),
      turns: { use, upTo, response: { id: ULID, previous, input: 'hi' } },
    });
  });

  it.each([
    [{ previous_response_id: 'resp_123' }, 'previous_response_id', 'previous_response_not_found'],
    [{ previous_response_id: id('trip'), conversation: 'trip' }, 'conversation', 'invalid_request'],
  ])('%j names %s', (fields, param, code) => {
    expect(() => placed(fields)).toThrow(expect.objectContaining({ param, code, status: 400 }));
  });
});

describe('usage in the words of responses', () => {
  it('keeps sums and details', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 3 },
    };
    expect(usageJson(usage)).toEqual({
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 3 },
      total_tokens: 15,
    });
  });

  it('has a number for everything', () => {
    const usage = { prompt_tokens: null, completion_tokens: 5, total_tokens: null, prompt_tokens_details: 'x' };
    expect(usageJson(usage)).toMatchObject({ input_tokens: 0, output_tokens: 5, total_tokens: 5 });
  });
});
