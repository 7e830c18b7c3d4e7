import { troubleOf } from './redis-trouble.js';

const coded = (code: string): Error => Object.assign(new Error('of 10.1.2.3'), { code });

describe('what is wrong with Redis', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'NODE_EXTRA_CA_CERTS'],
    ['CERT_SIGNATURE_FAILURE', 'NODE_EXTRA_CA_CERTS'], // another authority of the same name
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'redis.url'],
    ['CERT_HAS_EXPIRED', 'renew'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'rediss://'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'client certificate'],
  ])('%s has a cure', (code, cure) => {
    expect(troubleOf(coded(code))).toEqual({
      reason: expect.stringContaining(code),
      cure: expect.stringContaining(cure),
    });
  });

  it.each([
    'WRONGPASS invalid username-password pair or user is disabled.',
    'Ready check failed: NOAUTH Authentication required.',
  ])('a refused sign-in is told from "%s"', (message) => {
    expect(troubleOf(new Error(message))).toMatchObject({ cure: expect.stringContaining('redis.entra') });
  });

  it('needs nobody while the server is away, and names no address', () => {
    expect(troubleOf(coded('ECONNREFUSED'))).toEqual({ reason: 'ECONNREFUSED', cure: '' });
  });

  it('says nothing about an error without a cause', () => {
    expect(troubleOf(new Error('Connection is closed.'))).toBeNull();
  });
});
