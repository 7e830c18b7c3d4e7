import { DOORS, eventsOf, PATHS, bodyFor, type Door } from '../support/door-calls.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { jsonOf, post, type ErrorJson } from '../support/router-calls.js';
import { anthropicOn, inOrder, targetOn } from '../support/router-targets.js';
import { answer, errorBody, status } from '../support/upstream-behaviours.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { errorInStream } from '../support/upstream-twists.js';

const PRIVATE = 'Write to jane.doe@example.org.';
const IMAGE = 'data:image/png;base64,iVBORw0KGgo=';
const AUDIO = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } };
const ZIP = 'data:application/zip;base64,UEsDBA==';
const SCHEMA = { type: 'object', properties: {}, additionalProperties: false };
const hello = { role: 'user', content: 'hi' };
const picture = { type: 'input_image', image_url: IMAGE };
const block = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } };
const called = { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' };
const calling = { role: 'assistant', content: [{ type: 'tool_use', id: 'c1', name: 'look', input: {} }] };
const looked = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: [block] }] };
const answered = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: 'x' }] };
const elsewhere = { type: 'image', source: { type: 'url', url: 'ftp://example.org/x.png' } };
const saidPrivately = { role: 'user', content: PRIVATE };

/** What a request that is refused asks for, and how it is told. */
interface Case {
  readonly door: Door;
  readonly what: string;
  readonly body: Record<string, unknown>;
  readonly param: string | null;
  readonly message: RegExp;
}

const responses = (what: string, body: Case['body'], param: string | null, message: RegExp): Case => ({
  ...{ door: 'responses', what, body, param, message },
});
const messages = (what: string, body: Case['body'], param: string | null, message: RegExp): Case => ({
  ...{ door: 'messages', what, body, param, message },
});
const streamedToo = (cases: readonly Case[]) =>
  cases.flatMap((one) => [false, true].map((stream) => ({ ...one, stream })));

/** Words of chat completions, which no caller of these doors has sent. */
const OF_CHAT = /response_format|image_url|max_completion_tokens|messages\[\d+\]/;

const REFUSED: readonly Case[] = [
  responses(
    'a schema where no target promises JSON',
    { text: { format: { type: 'json_schema', name: 'x', schema: SCHEMA } } },
    'text.format',
    /Leave out text\.format,/,
  ),
  responses(
    'more tokens than fit',
    { max_output_tokens: 900_000 },
    'input',
    /The input takes .* lower max_output_tokens/,
  ),
  responses(
    'an image',
    { input: [hello, { role: 'user', content: [picture] }] },
    'input[1].content',
    /out input_image/,
  ),
  responses(
    'an image of a tool',
    { input: [hello, called, { type: 'function_call_output', call_id: 'c1', output: [picture] }] },
    'input[2].output',
    /out input_image parts/,
  ),
  responses(
    'an image after instructions',
    { instructions: 'x', input: [{ role: 'user', content: [picture] }] },
    'input[0].content',
    /./,
  ),
  responses('tools', { tools: [{ type: 'function', name: 'x', parameters: {} }] }, 'tools', /Leave out tools/),
  responses('private instructions', { instructions: PRIVATE }, 'instructions', /private text/),
  responses('private input', { question: PRIVATE, instructions: 'x' }, 'input', /private text/),
  responses('a private item', { instructions: 'x', input: [hello, saidPrivately] }, 'input[1]', /private text/),
  responses(
    'a private result',
    { input: [hello, called, { type: 'function_call_output', call_id: 'c1', output: PRIVATE }] },
    'input[2]',
    /private text/,
  ),
  messages(
    'a schema where no target promises JSON',
    { output_config: { format: { type: 'json_schema', schema: SCHEMA } } },
    'output_config.format',
    /Leave out output_config\.format,/,
  ),
  messages('more tokens than fit', { max_tokens: 900_000 }, 'messages', /lower max_tokens/),
  messages(
    'an image',
    { system: 'x', messages: [{ role: 'user', content: [block] }] },
    'messages[0].content',
    /out image blocks/,
  ),
  messages('an image of a tool', { messages: [hello, calling, looked] }, 'messages[2].content', /out image blocks/),
  messages('a private system', { system: PRIVATE }, 'system', /private text/),
  messages('a private message', { system: 'x', messages: [saidPrivately] }, 'messages[0]', /private text/),
  messages(
    'private text behind results',
    { system: 'x', messages: [hello, calling, answered, saidPrivately] },
    'messages[3]',
    /./,
  ),
  messages('a private name', { metadata: { user_id: 'jane.doe@example.org' } }, 'metadata.user_id', /private text/),
];

const TO_ANTHROPIC: readonly Case[] = [
  responses(
    'audio',
    { instructions: 'x', input: [{ role: 'user', content: [AUDIO] }] },
    'input[0].content[0].type',
    /^input\[0\]\.content\[0\]\.type: .* send input_text, input_image or input_file$/,
  ),
  responses(
    'a file of no kind that it takes',
    { input: [{ role: 'user', content: [{ type: 'input_file', filename: 'x.zip', file_data: ZIP }] }] },
    'input[0].content[0]',
    /^input\[0\]\.content\[0\]: Anthropic takes/,
  ),
  messages(
    'an address that it does not read',
    { system: 'x', messages: [{ role: 'user', content: [elsewhere] }] },
    'messages[0].content',
    /^messages\[0\]\.content: must be https/,
  ),
];

const nested = { type: 'function', function: { name: 'x', parameters: {} } };
/** What was written for another API. */
const MISTAKEN: readonly Case[] = [
  responses('nested functions', { tools: [nested] }, 'tools[0].name', /tools are flat here/),
  responses('messages in place of input', { input: null, messages: [hello] }, 'input', /you sent messages/),
  responses('messages and no input', { input: undefined, messages: [hello] }, 'input', /you sent messages/),
  responses('a search of OpenAI', { tools: [{ type: 'web_search' }] }, 'tools[0].type', /leave it out \(in Codex: /),
  messages("OpenAI's functions", { tools: [nested] }, 'tools[0].type', /OpenAI's form .* `input_schema`/),
];

const BY_SERVER = [
  ['messages.[1].role', 'input[0].role', 'messages[0].role'],
  ['messages.1.content.0', 'input[0].content', 'messages[0].content'],
  ['messages[0].content', 'instructions', 'system'],
  ['messages', 'input', 'messages'],
  ['response_format', 'text.format', 'output_config.format'],
  ['max_completion_tokens', 'max_output_tokens', 'max_tokens'],
  ['reasoning_effort', 'reasoning.effort', 'thinking'],
  ['tools[0].function.parameters', 'tools', 'tools[0].input_schema'],
  ['top_p', 'top_p', 'top_p'],
] as const;
const SAYS = 'Invalid messages[1] and response_format: image_url parts are not taken';
const FULL: Record<Door, Record<string, unknown>> = {
  responses: { instructions: 'Be brief.', input: [hello] },
  messages: { system: 'Be brief.', messages: [hello] },
};
const namedBy = BY_SERVER.flatMap(([sent, ...shown]) => DOORS.map((door, at) => ({ door, sent, shown: shown[at]! })));

describe.each(DOORS)('%s: what is refused is told in the words of the request', (door) => {
  let upstream: UpstreamServer;
  let plain: RouterApp;
  let anthropic: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'm' });
    const little = { tier: 'cloud' as const, capabilities: [], contextWindow: 8_192 };
    const privacy = { localOnly: true };
    plain = await startRouter(
      inOrder(
        [
          targetOn(upstream, { ...little, id: 'little' }),
          targetOn(upstream, { tier: 'cloud', id: 'able', contextWindow: 8_192 }),
        ],
        { privacy },
      ),
    );
    anthropic = await startRouter(inOrder([anthropicOn(upstream)]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await plain.close();
    await anthropic.close();
    await upstream.close();
  });

  const errorOf = async ({ url }: RouterApp, body: Record<string, unknown>, headers = {}) => {
    const refused = await post(url + PATHS[door], bodyFor(door, { model: 'little', ...body }), headers);
    expect(refused.status).toBe(400);
    return (await jsonOf<ErrorJson>(refused)).error;
  };

  it.each(streamedToo(REFUSED.filter((one) => one.door === door)))(
    '$what, stream $stream',
    async ({ body, stream, param, message }) => {
      const error = await errorOf(plain, { ...body, stream });
      expect(error.param ?? null).toBe(param);
      expect(error.message).toMatch(message);
      if (door === 'responses') expect(error.message).not.toMatch(OF_CHAT);
      expect(error.message).not.toMatch(/response_format|image_url/);
    },
  );

  it.each(streamedToo(TO_ANTHROPIC.filter((one) => one.door === door)))(
    'for Anthropic: $what, stream $stream',
    async ({ body, stream, param, message }) => {
      const error = await errorOf(anthropic, { ...body, model: 'auto', stream });
      expect(error).toMatchObject({ param, message: expect.stringMatching(message) });
    },
  );

  const named = namedBy.filter((one) => one.door === door);
  it.each(named)("a server's $sent is $shown, and its sentence stays", async ({ sent, shown }) => {
    upstream.always(status(400, errorBody(SAYS, 'invalid_request_error', null, sent)));
    for (const stream of [false, true]) {
      expect(await errorOf(plain, { ...FULL[door], stream })).toMatchObject({ param: shown, message: SAYS });
    }
  });

  it.each(named)('the same in the middle of a stream: $sent is $shown', async ({ sent, shown }) => {
    const { error } = errorBody(SAYS, 'invalid_request_error', 'context_length_exceeded', sent);
    upstream.always(answer('one two three', {}, errorInStream(2, error)));
    const broken = await post(plain.url + PATHS[door], bodyFor(door, { model: 'little', ...FULL[door], stream: true }));
    const told = eventsOf(await broken.text()).find(({ type }) => type === 'error');
    expect(told).toMatchObject({ error: { param: shown, message: SAYS } });
  });

  it.each(MISTAKEN.filter((one) => one.door === door))('$what', async ({ body, param, message }) => {
    expect(await errorOf(plain, body)).toMatchObject({ param, message: expect.stringMatching(message) });
  });

  it('a place that a server counts with stored turns in front is the list alone', async () => {
    const name = `turns-${door}`;
    const headers = { 'x-session-id': name };
    upstream.always(answer('Hello.'));
    await post(plain.url + PATHS[door], bodyFor(door, { model: 'little', ...FULL[door] }), headers);
    upstream.always(status(400, errorBody(SAYS, 'invalid_request_error', null, 'messages[1].role')));
    const { param } = await errorOf(plain, FULL[door], headers);
    expect(param).toBe(door === 'responses' ? 'input' : 'messages');
  });
});
