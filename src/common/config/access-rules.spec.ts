import { listenProblem, needsCredential, reloadProblems } from './access-rules.js';
import { routerConfigSchema } from './config.schema.js';

const JWT = { issuer: 'https://login.example/', audience: 'api://router', jwksUri: 'https://login.example/keys' };
const KEY = { id: 'alice', sha256: 'a'.repeat(64), tenant: 'acme', user: 'alice' };
const configOf = (auth: object, host = '127.0.0.1') => routerConfigSchema.parse({ auth, server: { host } });
const pathsOf = (from: object, to: object) => reloadProblems(configOf(to), {}, configOf(from)).map(({ path }) => path);

describe('tokens as a credential', () => {
  it('let the service listen off loopback', () => {
    expect(listenProblem(configOf({ jwt: JWT }, '0.0.0.0'))).toBeNull();
    expect(listenProblem(configOf({ jwt: { ...JWT, issuer: [''] } }, '0.0.0.0'))?.path).toBe('server.host');
    expect([{ jwt: JWT }, { keys: [KEY] }, {}].map((auth) => needsCredential(configOf(auth)))).toEqual([
      ...[true, true, false],
    ]);
  });

  it.each<[string, object, object, string[]]>([
    ['the issuer, the last credential', { jwt: JWT }, {}, ['auth.keys']],
    ['the issuer beside keys', { jwt: JWT, keys: [KEY] }, { keys: [KEY] }, []],
    ['the last key beside an issuer', { jwt: JWT, keys: [KEY] }, { jwt: JWT }, []],
    ['the list of tenants', { jwt: { ...JWT, tenants: ['a'] } }, { jwt: JWT }, ['auth.jwt.tenants']],
    ['one tenant of two', { jwt: { ...JWT, tenants: ['a', 'b'] } }, { jwt: { ...JWT, tenants: ['a'] } }, []],
    ['tenants and issuer beside keys', { jwt: { ...JWT, tenants: ['a'] }, keys: [KEY] }, { keys: [KEY] }, []],
  ])('F47 a reload that takes away %s', (_, from, to, paths) => expect(pathsOf(from, to)).toEqual(paths));
});
