import { failureOfBody, failureOfStatus, failureOfTransport } from './upstream-errors.js';

describe('failureOfStatus', () => {
  const cases: [number, unknown, string, string][] = [
    [400, { error: { message: 'bad temperature', param: 'temperature' } }, 'bad_request', 'none'],
    [400, { error: { code: 'context_length_exceeded', message: 'x' } }, 'context_length', 'larger_window'],
    [400, { error: "This model's maximum context length is 4096 tokens" }, 'context_length', 'larger_window'],
    [
      400,
      { error: { message: 'the request exceeds the available context size (4096)' } },
      'context_length',
      'larger_window',
    ],
    [400, { error: { code: 'content_filter', message: 'x' } }, 'content_filter', 'none'],
    [401, { error: { message: 'Incorrect API key' } }, 'auth', 'other_target'],
    [403, 'Forbidden', 'auth', 'other_target'],
    [404, { error: { message: 'model "x" not found' } }, 'not_found', 'other_target'],
    [408, '', 'timeout', 'other_target'],
    [413, '', 'context_length', 'larger_window'],
    [422, { detail: 'field required' }, 'bad_request', 'none'],
    [429, '', 'rate_limited', 'retry'],
    [500, '<html>', 'server_error', 'retry'],
    [503, '{"error":', 'server_error', 'retry'],
    [302, '', 'bad_answer', 'retry'],
    [529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'server_error', 'retry'],
    [
      400,
      { error: { type: 'invalid_request_error', message: 'prompt is too long: 208310 tokens > 200000 maximum' } },
      'context_length',
      'larger_window',
    ],
    [
      400,
      { error: { message: 'input length and `max_tokens` exceed context limit: 190000 + 16384 > 200000' } },
      'context_length',
      'larger_window',
    ],
    [400, { error: { message: 'Output blocked by content filtering policy' } }, 'content_filter', 'none'],
    [400, { error: { message: 'Your credit balance is too low to access the API' } }, 'auth', 'other_target'],
  ];
  it.each(cases)('%i %j is %s', (status, body, outcome, remedy) => {
    const failure = failureOfStatus(status, typeof body === 'string' ? body : JSON.stringify(body), {});
    expect([failure.outcome, failure.remedy, failure.detail.status]).toEqual([outcome, remedy, status]);
  });

  it("keeps the provider's words only for refusals of the request", () => {
    const body = JSON.stringify({ error: { message: 'at http://10.0.0.1/internal', param: 'p' } });
    expect(failureOfStatus(500, body, {}).detail.providerMessage).toBeUndefined();
    expect(failureOfStatus(400, body, {}).detail).toMatchObject({ providerMessage: expect.any(String), param: 'p' });
  });
});

describe('failureOfBody', () => {
  it.each([
    [{ code: 429, message: 'slow down' }, 'rate_limited'],
    [{ type: 'rate_limit_error' }, 'rate_limited'],
    [{ code: 'content_filter' }, 'content_filter'],
    [{ message: 'boom' }, 'server_error'],
  ])('%j is %s', (error, outcome) => expect(failureOfBody({ error }).outcome).toBe(outcome));

  it.each([
    [{ object: 'error', message: 'bad top_p', type: 'BadRequestError', code: 400 }, 'bad_request', 400],
    [{ error: { message: 'no such model', code: '404' } }, 'not_found', 404],
    [{ error: { message: 'x', type: 'invalid_request_error', code: null } }, 'bad_request', 400],
    [{ error: { message: 'x', code: 'context_length_exceeded' } }, 'context_length', 400],
    [{ error: { message: 'x', code: 'rate_limit_exceeded' } }, 'rate_limited', 429],
    [{ error: { message: 'x', code: 'invalid_api_key' } }, 'auth', 401],
    [{ error: { message: 'x', status: 'RESOURCE_EXHAUSTED' } }, 'rate_limited', 429],
    [{ error: { message: 'Loading model', type: 'unavailable_error', code: 503 } }, 'loading', 503],
    [{ error: { message: 'unexpected server status: llm server loading model', code: 500 } }, 'loading', 500],
    [{ error: { message: 'Model org/x-7b is currently loading', code: 503 } }, 'loading', 503],
    [{ error: { message: 'The server is still warming up', code: 503 } }, 'loading', 503],
    [{ error: { message: 'Error loading model: out of memory', code: 500 } }, 'server_error', 500],
    [{ error: { message: 'Failed to load the model', code: 500 } }, 'server_error', 500],
    [{ error: { message: 'no credits', code: 402 } }, 'auth', 402],
    [{ error: { message: 'too long', code: 413 } }, 'context_length', 413],
    [{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'server_error', 529],
    [[{ error: { code: 400, message: 'x', status: 'INVALID_ARGUMENT' } }], 'bad_request', 400],
    ['engine died', 'server_error', 500],
  ])('F46 %j counts as its status would', (body, outcome, status) => {
    expect(failureOfBody(body)).toMatchObject({ outcome, detail: { status } });
  });

  it('F46 a time to wait in the body', () => {
    expect(failureOfBody({ error: { code: 429, retry_after: 3 } }).detail.retryAfterMs).toBe(3_000);
    expect(failureOfBody({ error: { code: 429 } }, { 'retry-after': '7' }).detail.retryAfterMs).toBe(7_000);
  });

  it('F60 keeps the category of a content filter, bounded', () => {
    const innererror = { code: 'X', content_filter_result: { hate: { filtered: true, severity: 'high' } } };
    const failed = (inner: object) =>
      failureOfBody({ error: { code: 'content_filter', message: 'm', innererror: inner } });
    expect(failed(innererror).detail.innererror).toEqual(innererror);
    expect(failed({ ...innererror, trace: 'x'.repeat(10_000) }).detail.innererror).toEqual(innererror);
    expect(failed({ trace: 'x'.repeat(10_000) }).detail.innererror).toBeUndefined();
  });
});

describe('F63 the reason of a refusal', () => {
  it.each([
    ['temperature must be below 2', 'temperature must be below 2', null],
    [['a is bad', 'b is bad'], 'a is bad; b is bad', null],
    [{ detail: 'field required' }, 'field required', null],
    [
      { detail: [{ loc: ['body', 'messages', 0, 'role'], msg: 'Field required', type: 'missing' }] },
      'messages.0.role: Field required',
      'messages.0.role',
    ],
    [{ message: 'no' }, 'no', null],
    [{ error: 'no' }, 'no', null],
    [{ error: { message: { content: 'x' }, detail: 'no' } }, 'no', null],
    [{ errors: [{ message: 'a' }, 'b'] }, 'a; b', null],
    [{ error: { errors: [{ reason: 'no' }] } }, 'no', null],
    [{ title: 'Bad', detail: 'too hot' }, 'too hot', null],
    [[{ error: { code: 400, message: 'no', status: 'INVALID_ARGUMENT' } }], 'no', null],
    [{ problem: { temperature: 'too high' } }, '{"problem":{"temperature":"too high"}}', null],
  ])('of %j', (body, message, param) => {
    const { detail } = failureOfStatus(400, JSON.stringify(body), {});
    expect([detail.providerMessage, detail.param ?? null]).toEqual([message, param]);
  });

  it('of plain words, but not of the page of a proxy', () => {
    expect(failureOfStatus(422, 'missing field `role`\n', {}).detail.providerMessage).toBe('missing field `role`');
    expect(failureOfStatus(400, '<html><h1>Bad</h1>', {}).detail.providerMessage).toBeUndefined();
  });

  it('is cut between characters', () => {
    for (const lead of ['', 'x']) {
      const message = failureOfStatus(400, JSON.stringify({ message: lead + '👋'.repeat(400) }), {}).detail
        .providerMessage;
      expect(message?.isWellFormed()).toBe(true);
      expect(message?.length).toBeGreaterThan(490);
    }
    expect(failureOfStatus(400, '{"message":"half \\ud83d"}', {}).detail.providerMessage).toBe('half \ufffd');
  });
});

describe('failureOfTransport', () => {
  it.each([
    ['ECONNREFUSED', true, 'unreachable'],
    ['ECONNRESET', false, 'cut'],
    ['UND_ERR_CONNECT_TIMEOUT', true, 'timeout'],
    ['UND_ERR_RES_EXCEEDED_MAX_SIZE', false, 'bad_answer'],
    ['HPE_INVALID_CONSTANT', true, 'bad_answer'],
  ])('%s', (code, before, outcome) => {
    expect(failureOfTransport(Object.assign(new Error('x'), { code }), before).outcome).toBe(outcome);
  });
});
