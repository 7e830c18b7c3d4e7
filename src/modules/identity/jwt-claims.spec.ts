import { jwtProblems, jwtSchema } from '../../common/config/jwt.schema.js';
import { isForUs, isOurIssuer, problemOfTime, subjectOf } from './jwt-claims.js';

const A = '11111111-2222-3333-4444-555555555555';
const B = '99999999-8888-7777-6666-555555555555';
const v1 = (tenant: string) => `https://sts.windows.net/${tenant}/`;
const v2 = (tenant: string) => `https://login.microsoftonline.com/${tenant}/v2.0`;
const jwtOf = (changes: object = {}) => jwtSchema.parse({ issuer: v2(A), audience: 'api://router', ...changes });

describe('the issuer of a token', () => {
  const both = { issuer: [v1('{tid}'), v2('{tid}')], tenants: [A] };
  it.each<[object, object, boolean]>([
    [{}, { iss: v2(A), tid: A }, true],
    [{}, { iss: v2(A) }, true],
    [{}, { iss: v2(B), tid: B }, false],
    [{}, { iss: v2(A), tid: B }, false],
    [{}, { iss: `${v2(A)}/`, tid: A }, false],
    [{}, { iss: v2(A).toUpperCase(), tid: A }, false],
    [{}, {}, false],
    [{}, { iss: [v2(A)] }, false],
    [both, { iss: v1(A), tid: A }, true],
    [both, { iss: v2(A), tid: A }, true],
    [both, { iss: v2(B), tid: B }, false],
    [both, { iss: v2(A), tid: B }, false],
    [both, { iss: v2(B), tid: A }, false],
    [both, { iss: v2('{tid}'), tid: A }, false],
    [both, { iss: v2('{tid}'), tid: '{tid}' }, false],
    [both, { iss: v2(A) }, false],
    [{ issuer: ['https://a.example/', 'https://b.example/'] }, { iss: 'https://b.example/' }, true],
    [{ issuer: 'https://a.example/' }, { iss: 'https://a.example' }, false],
  ])('%j takes %j: %s', (config, claims, taken) => {
    expect(isOurIssuer({ ...claims }, jwtOf(config))).toBe(taken);
  });
});

describe('the audience of a token', () => {
  it.each<[unknown, unknown, boolean]>([
    ['api://router', 'api://router', true],
    [['api://router', 'client-id'], 'client-id', true],
    ['api://router', ['other', 'api://router'], true],
    ['api://router', 'api://router/', false],
    ['api://router', '00000003-0000-0000-c000-000000000000', false],
    ['api://router', undefined, false],
    ['api://router', '', false],
    [['', 'api://router'], '', false],
    ['api://router', [['api://router']], false],
  ])('of a service that is %j: %j is right: %s', (audience, aud, right) => {
    expect(isForUs({ aud }, jwtOf({ audience }))).toBe(right);
  });
});

describe('the times of a token', () => {
  it.each<[object, ReturnType<typeof problemOfTime>]>([
    [{ exp: 1001 }, null],
    [{ exp: 941 }, null],
    [{ exp: 940 }, 'expired'],
    [{}, 'wrong'],
    [{ exp: '2000' }, 'wrong'],
    [{ exp: null }, 'wrong'],
    [{ exp: 2000, nbf: 1060 }, null],
    [{ exp: 2000, nbf: 1061 }, 'wrong'],
    [{ exp: 2000, nbf: 'soon' }, 'wrong'],
  ])('%j at second 1000: %s', (claims, problem) => expect(problemOfTime({ ...claims }, 1000)).toBe(problem));
});

describe('who a token is for', () => {
  const claims = { tid: A, oid: 'oid-1', sub: 'sub-1', scp: 'chat' };
  it('is told by the claims that the configuration names', () => {
    expect(subjectOf(claims, jwtOf())).toEqual({ tenant: A, user: 'sub-1', scopes: ['chat'] });
    expect(subjectOf(claims, jwtOf({ userClaim: 'oid' }))?.user).toBe('oid-1');
    expect(subjectOf({ ...claims, org: 'acme' }, jwtOf({ tenantClaim: 'org' }))?.tenant).toBe('acme');
  });

  it.each<[object, string[]]>([
    [{ scp: 'chat' }, ['chat']],
    [{ scp: 'User.Read chat  admin' }, ['chat', 'admin']],
    [{ scp: undefined, roles: ['operator', 'router.chat'] }, ['chat', 'operator']],
    [{ scp: 'router.chat', roles: ['admin'] }, ['chat', 'admin']],
    [{ scp: 'User.Read' }, []],
    [{ scp: 'my.app.chat' }, []],
    [{ scp: '.chat' }, []],
    [{ scp: 'Chat chat.read chatter xchat' }, []],
    [{ roles: ['chat admin', 7, null, { chat: true }], scp: '' }, []],
  ])('%j gives the scopes %j', (held, scopes) => {
    expect(subjectOf({ ...claims, ...held }, jwtOf())?.scopes).toEqual(scopes);
  });

  it.each<[string, object, object?]>([
    ['no tenant', { tid: undefined }],
    ['no user', { sub: undefined }],
    ['an empty user', { sub: '' }],
    ['a user that is no text', { sub: 7 }],
    ['a user of 129 characters', { sub: 'x'.repeat(129) }],
    ['a line break in the user', { sub: 'alice\r\nset-cookie: x' }],
    ['an escape sequence in the user', { sub: '\u001b[31malice' }],
    ['half a character in the user', { sub: 'alice\ud800' }],
    ['a blank in the user', { sub: 'alice bob' }],
    ['another alphabet in the user', { sub: 'аlice' }],
    ['a separator in the tenant', { tid: 'acme|x' }],
    ['a path in the tenant', { tid: 'acme/../other' }],
    ['a tenant that is no text', { tid: [A] }],
    ['a tenant that is not listed', { tid: B }, { tenants: [A] }],
    ['a tenant by another case', { tid: 'ACME' }, { tenants: ['acme'] }],
    ['neither scp nor roles', { scp: undefined }],
    ['empty scp and roles', { scp: '', roles: [] }],
    ['the mark of an ID token', { at_hash: 'x' }],
    ['the mark of a sign-in', { nonce: 'x', roles: ['operator'] }],
    ['an ID token by its own word', { typ: 'ID' }],
    ['an ID token of Cognito', { token_use: 'id' }],
    ['a refresh token by its own word', { typ: 'Refresh', nonce: 'x' }],
    [
      'an ID token of Entra with roles',
      { iss: v2(A), scp: undefined, roles: ['operator'], preferred_username: 'a@b.c' },
    ],
    ['an ID token of version 1', { iss: v1(A), scp: undefined, roles: ['operator'] }],
    ['an empty program', { iss: v2(A), azp: '' }],
  ])('nobody: %s', (_, changes, config = {}) => {
    expect(subjectOf({ ...claims, ...changes }, jwtOf(config))).toBeNull();
  });

  it.each<[string, object]>([
    ['of version 2', { iss: v2(A), azp: 'program' }],
    ['of version 1', { iss: v1(A), appid: 'program' }],
    ['of Entra for a program that acts by itself', { iss: v2(A), azp: 'program', scp: undefined, roles: ['chat'] }],
    ['of another issuer, who names no program', { iss: 'https://idp.example/' }],
    [
      'of Keycloak before 25, which keeps the nonce in them',
      { iss: 'https://idp.example/', nonce: 'x', typ: 'Bearer' },
    ],
  ])('somebody: an access token %s', (_, changes) => {
    expect(subjectOf({ ...claims, ...changes }, jwtOf())?.scopes).toEqual(['chat']);
  });

  it('reads no property that a claim inherits', () => {
    expect(subjectOf(claims, jwtOf({ userClaim: 'constructor' }))).toBeNull();
    expect(subjectOf({ ...claims, scp: undefined }, jwtOf({ scopeClaims: ['toString'] }))).toBeNull();
  });
});

describe('what auth.jwt lacks', () => {
  const keys = 'https://login.microsoftonline.com/common/discovery/v2.0/keys';
  it.each<[object, string[]]>([
    [{}, []],
    [{ issuer: [] }, []],
    [{ issuer: v2(A), audience: 'x', jwksUri: keys }, []],
    [{ issuer: v2(A) }, ['auth.jwt.audience', 'auth.jwt.jwksUri']],
    [{ issuer: v2(A), audience: ['', ''], jwksUri: keys }, ['auth.jwt.audience']],
    [{ audience: 'x' }, ['auth.jwt.issuer']],
    [{ jwksUri: keys }, ['auth.jwt.issuer']],
    [{ tenants: [A] }, ['auth.jwt.issuer']],
    [{ issuer: [v2(A), v2('{tid}')], audience: 'x', jwksUri: keys }, ['auth.jwt.tenants']],
    [{ issuer: v2('{tid}'), audience: 'x', jwksUri: keys, tenants: [A], tenantClaim: 'org' }, ['auth.jwt.tenantClaim']],
    [{ issuer: v2('{tid}'), audience: 'x', jwksUri: keys, tenants: [A] }, []],
  ])('%j: %j', (config, paths) => {
    expect(jwtProblems(jwtSchema.parse(config)).map(({ path }) => path)).toEqual(paths);
  });

  it.each<[object, string, RegExp]>([
    [{ issuer: 'login.example' }, 'issuer', /expected an http/],
    [{ issuer: ['https://a.example', 'b'] }, 'issuer.1', /expected an http/],
    [{ issuer: v2('{tenantid}') }, 'issuer', /"\{tenantid\}" is not known here; \{tid\} stands/],
    [{ issuer: 7 }, 'issuer', /one text or a list/],
    [{ jwksUri: 'http://login.example/keys' }, 'jwksUri', /expected https:/],
    [{ jwksUri: 'https://login.example/{tid}/keys' }, 'jwksUri', /placeholder/],
    [{ jwksUri: 'https://user:secret@login.example/keys' }, 'jwksUri', /leave user and password out/],
    [{ jwksUri: 'file:///etc/keys' }, 'jwksUri', /expected an http/],
    [{ tenants: ['a b'] }, 'tenants.0', /use 1 to 128/],
    [{ scopeClaims: [] }, 'scopeClaims', />=1/],
    [{ secret: 'x' }, '', /secret/],
  ])('%j is refused at %s', (config, path, words) => {
    const issue = jwtSchema.safeParse(config).error?.issues[0];
    expect(issue?.path.join('.')).toBe(path);
    expect(issue?.message).toMatch(words);
    expect(issue?.message).not.toContain('secret@');
  });

  it('takes keys over http from this machine', () => {
    expect(jwtSchema.safeParse({ jwksUri: 'http://127.0.0.1:9/keys' }).success).toBe(true);
  });
});
