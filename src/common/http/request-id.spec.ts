import { requestIdOf } from './request-id.js';

const taken = (id: string) => requestIdOf({ headers: { 'x-request-id': id } }) === id;

describe('the id of a request', () => {
  it.each([
    ...['a', 'req-1', 'checkout_42.retry-1', 'x'.repeat(128), 'e2e-1764140000000-3', 'job-20261126-000123'],
    ...['550e8400-e29b-41d4-a716-446655440000', '0af7651916cd43dd8448eb211c80319c', '01JD0000000000000000000000'],
    ...['1764140000', 'req_011CSHoEeqs5C35K2UUqR7Fy', 'v1.2.3-rc.4', 'V1StGXR8_Z5jdHi6B-myT'],
    ...['Xk29dLm3Qz81Vb47Nt60Rw52Yp18Hs93', '17179869184'],
  ])("is the caller's own: %s", (id) => expect(taken(id)).toBe(true));

  it.each([
    ...['', ' ', 'a b', 'alice@example.com', 'a/b', 'é', 'x'.repeat(129), 'a\nb'],
    ...['4111111111111111', '4111-1111-1111-1111', 'order-4111111111111111', '4111.1111.1111.1111'],
    ...['sk-abcdefghijklmnopqrstuvwxyz123456', 'ghp_abcdefghijklmnopqrstuvwxyz0123456789', 'AKIAIOSFODNN7EXAMPLE'],
    ...['DE89370400440532013000', 'DE89-3704-0044-0532-0130-00', '192.168.17.4', '856-45-6789', '212-555-0147'],
  ])('is a new one instead of "%s"', (id) => expect(taken(id)).toBe(false));

  it('is a new one where there is none, or several', () => {
    expect(requestIdOf({ headers: {} })).toMatch(/^[0-9a-f-]{36}$/);
    expect(requestIdOf({ headers: { 'x-request-id': ['a', 'b'] } })).toMatch(/^[0-9a-f-]{36}$/);
  });
});
