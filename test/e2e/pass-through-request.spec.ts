import assert from 'node:assert/strict';
import { UpstreamServer } from '../support/upstream-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { post } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

/** As JSON text, so that keys such as `constructor` are ordinary ones. */
const BODIES: Record<string, string> = {
  'tools with every kind of schema': `{
    "model": "auto", "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": false,
    "messages": [{"role": "user", "content": "hi"}],
    "tools": [
      {"type": "function", "x_tool": 1, "function": {"name": "f", "strict": true, "x_function": [1], "parameters": {
        "type": "object", "x_schema": null, "additionalProperties": false, "required": ["constructor"],
        "properties": {"constructor": {"type": "string"}, "prototype": {"type": "number"},
          "toString": {"enum": [1, null]}, "hasOwnProperty": {"const": true}}}}},
      {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}}
    ]}`,
  'a conversation with tool calls': `{
    "model": "auto", "messages": [
      {"role": "system", "content": "Be brief.", "name": "boss"},
      {"role": "user", "content": "hi", "x_message": {"constructor": 1, "toString": {"prototype": []}}},
      {"role": "assistant", "content": null, "tool_calls": [
        {"id": "c1", "type": "function", "x_call": 1, "function": {"name": "f", "arguments": "{}", "x_inner": 2}}]},
      {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "42", "x_part": true}]},
      {"role": "assistant", "content": "It is 42.", "refusal": null, "audio": {"id": "a1"}},
      {"role": "developer", "content": "Stay brief."},
      {"role": "user", "content": ""}
    ]}`,
  'vision and audio parts': `{
    "model": "auto", "messages": [{"role": "user", "content": [
      {"type": "text", "text": "What is this?", "cache_control": {"type": "ephemeral"}},
      {"type": "image_url", "image_url": {"url": "${PIXEL}", "detail": "low", "x_deep": {"constructor": "c"}}},
      {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    ]}]}`,
  'a JSON schema as response format': `{
    "model": "auto", "messages": [{"role": "user", "content": "hi"}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {
      "type": "object", "properties": {"prototype": {"type": "string"}}, "$defs": {"toString": {}}}}}}`,
  'sampling parameters': `{
    "model": "auto", "messages": [{"role": "user", "content": "hi"}], "logprobs": true, "top_logprobs": 3, "seed": 7,
    "user": "u-1", "metadata": {"a": "b", "constructor": "c"}, "temperature": 0.2, "top_p": 0.9, "n": 1,
    "stop": ["a", "b"], "max_tokens": 5, "presence_penalty": -1, "frequency_penalty": 1, "logit_bias": {"50256": -100},
    "store": true, "service_tier": "flex", "reasoning_effort": "low"}`,
  'fields that nobody here knows': `{
    "model": "auto", "messages": [{"role": "user", "content": "hi"}], "x_top": {"list": [1, 2.5, "three", null, true]},
    "constructor": {"a": 1}, "prototype": [1], "toString": "s", "valueOf": 0, "top_k": 40, "min_p": 0.05,
    "stream_options": {"x_option": 1}}`,
  'text of all kinds': `{
    "model": "auto", "messages": [{"role": "user", "content": "caf\\u00e9 \\ud83d\\ude80 \\u0000 \\u2028 日本 \\\\ \\" /"}]}`,
  'null where OpenAI allows it': `{
    "model": "auto", "messages": [{"role": "user", "content": "hi"}], "temperature": null, "max_tokens": null,
    "stop": null, "response_format": null, "seed": null, "stream_options": null}`,
};

describe('requests reach the model server unchanged', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'their-name' });
    router = await startRouter(inOrder([targetOn(upstream, { id: 'our-name' })]));
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  const send = async (body: Record<string, unknown>) => {
    const response = await post(`${router.url}/v1/chat/completions`, JSON.stringify(body));
    await response.text();
    expect(response.status).toBe(200);
    return JSON.parse(upstream.requests[0]?.text ?? '') as unknown;
  };

  it.each(Object.keys(BODIES))('plain: %s', async (name) => {
    const body = JSON.parse(BODIES[name] as string) as Record<string, unknown>;
    // Jest's own equality looks at `constructor`; node's is exact about data
    assert.deepStrictEqual(await send(body), { ...body, model: 'their-name' });
  });

  it.each(Object.keys(BODIES))('streamed, with usage asked for: %s', async (name) => {
    const body = { ...(JSON.parse(BODIES[name] as string) as Record<string, unknown>), stream: true };
    const options = (body as { stream_options?: object | null }).stream_options;
    assert.deepStrictEqual(await send(body), {
      ...body,
      model: 'their-name',
      stream_options: { ...options, include_usage: true },
    });
  });

  it('keeps numbers that JSON can hold exactly', async () => {
    await send({ model: 'auto', messages: [{ role: 'user', content: 'hi' }], seed: -3, temperature: 1e-7, x: 0.1 });
    expect(upstream.requests[0]?.text).toContain('"temperature":1e-7');
    expect(upstream.requests[0]?.text).toContain('"x":0.1');
  });

  it("sends the target's key and none of the caller's headers", async () => {
    await router.reload(inOrder([targetOn(upstream, { id: 'our-name', apiKey: 'sk-upstream' })]));
    const headers = {
      authorization: 'Bearer caller',
      'x-session-id': 's1',
      cookie: 'a=b',
      'x-forwarded-for': '1.2.3.4',
    };
    const body = { model: 'auto', messages: [{ role: 'user', content: 'hi' }] };
    await (await post(`${router.url}/v1/chat/completions`, body, headers)).text();
    const { headers: seen } = upstream.requests[0] ?? { headers: {} };
    expect(seen).toMatchObject({ authorization: 'Bearer sk-upstream', 'content-type': 'application/json' });
    expect(Object.keys(seen).filter((name) => /cookie|session|forwarded/.test(name))).toEqual([]);
  });
});
