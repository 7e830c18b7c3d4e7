import { failureOfFrame, failureOfStatus, failureOfTransport, retryAfterMs } from './upstream-errors.js';

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

describe('failureOfFrame', () => {
  it.each([
    [{ code: 429, message: 'slow down' }, 'rate_limited'],
    [{ type: 'rate_limit_error' }, 'rate_limited'],
    [{ code: 'content_filter' }, 'content_filter'],
    [{ message: 'boom' }, 'server_error'],
  ])('%j is %s', (error, outcome) => expect(failureOfFrame(error).outcome).toBe(outcome));
});

describe('retryAfterMs', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  it.each([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 12:00:03 GMT' }, 3000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after-ms': '150', 'retry-after': '1' }, 150],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('%j', (headers, expected) => expect(retryAfterMs(headers, now)).toBe(expected));
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
