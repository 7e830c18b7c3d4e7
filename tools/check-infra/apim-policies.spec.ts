import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apimPolicies } from './apim-policies.js';
import { lineAt } from './finding.js';
import { APIM } from './gateway-operations.js';
import { NAMED_VALUES, namedValuesIn } from './policy-expressions.js';

const ID = '11111111-2222-3333-4444-555555555555';
const LOOKUP = '<cache-lookup vary-by-developer="false"';
const ADMIN =
  '"displayName": "Forget cached answers",\n    "method": "DELETE",\n    "urlTemplate": "/admin/cache",\n    "policy": ';

interface Defect {
  readonly what: string;
  /** In `infra/apim`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly problem: string;
  /** Where it is told, when not where the change begins. */
  readonly at?: string;
  readonly inFile?: string;
}

const inPlaceOf = (file: string, from: string, to: string, problem: string, at?: string): Defect => ({
  what: problem,
  file,
  from,
  to,
  problem,
  ...(at === undefined ? {} : { at }),
});

const NO_XML: readonly Defect[] = [
  inPlaceOf('admin.xml', '<set-body>', '<set-body><![CDATA[{}]]>', 'a CDATA section'),
  inPlaceOf('global.xml', '&amp;&amp;', '&&', 'a bare &'),
  inPlaceOf('open.xml', '</outbound>', '</outbond>', 'unexpected close tag'),
  inPlaceOf('open.xml', 'name="withoutToken" value', 'name="withoutToken" name', 'duplicate attribute'),
];

const SHAPES: readonly Defect[] = [
  inPlaceOf('open.xml', '<on-error>', '<retry /><on-error>', 'retry may not stand in policies'),
  inPlaceOf('open.xml', '<on-error>\n    <base />\n  </on-error>', '', 'there is no section on-error', '<policies>'),
  inPlaceOf(
    'open.xml',
    '<on-error>\n    <base />\n  </on-error>',
    '<outbound><base /></outbound>',
    'a second section outbound',
  ),
  inPlaceOf('open.xml', '<outbound>\n    <base />', '<outbound>', '0 times <base /> in outbound'),
  inPlaceOf('open.xml', '<outbound>', '<outbound><base />', '2 times <base /> in outbound'),
  inPlaceOf('global.xml', '<outbound>', '<outbound><base />', '1 times <base /> in outbound'),
  inPlaceOf('open.xml', '<outbound>', '<outbound>base', 'text in outbound'),
  inPlaceOf('open.xml', '<backend>', '<backend><base />', '2 policies in backend'),
  inPlaceOf(
    'chat.xml',
    '<outbound>',
    '<outbound><find-and-replace from="a" to="b" />',
    'find-and-replace is not on the list',
  ),
  inPlaceOf('chat.xml', '<base />', '<retry count="3" />', 'retry is not on the list'),
  inPlaceOf('api.xml', '<choose>', '<cors /><choose>', 'cors is not on the list'),
  inPlaceOf('api.xml', '<choose>', '<quota-by-key /><choose>', 'quota-by-key is not on the list'),
  inPlaceOf('chat.xml', '<outbound>', '<outbound><set-body>a</set-body>', 'set-body may not stand in outbound'),
  inPlaceOf(
    'models.xml',
    '<cache-store duration="30" />',
    '<set-backend-service backend-id="{{router-backend}}" />',
    'set-backend-service may not stand in when',
  ),
  inPlaceOf('api.xml', ' require-scheme="Bearer"', '', 'validate-jwt has no require-scheme', '<validate-jwt'),
  inPlaceOf(
    'api.xml',
    'require-signed-tokens="true"',
    'require-signed-tokens="false"',
    'require-signed-tokens of validate-jwt is false',
  ),
  inPlaceOf(
    'api.xml',
    'renewal-period="60"',
    'renewal-period="60" increment-condition="@(true)"',
    'rate-limit-by-key takes no increment-condition',
  ),
  inPlaceOf(
    'api.xml',
    'renewal-period="60"',
    'renewal-period="a minute"',
    'renewal-period of rate-limit-by-key is a minute',
  ),
  inPlaceOf(
    'global.xml',
    'buffer-response="false"',
    `buffer-response="@(true)"`,
    'buffer-response of forward-request is @(true)',
  ),
  inPlaceOf('global.xml', 'ignore-case="true"', 'ignore-case="yes"', 'ignore-case of check-header is yes'),
  inPlaceOf('models.xml', 'vary-by-developer="false"', 'vary-by-developer=""', 'vary-by-developer of cache-lookup is '),
  inPlaceOf('chat.xml', '<dimension name="API ID" />', '<dimension name="API ID">a</dimension>', 'text in dimension'),
  inPlaceOf(
    'models.xml',
    '<vary-by-header>Accept</vary-by-header>',
    '<vary-by-header />',
    'vary-by-header has no text',
  ),
  inPlaceOf(
    'api.xml',
    '<issuer>https://login.microsoftonline.com/{{entra-tenant-id}}/v2.0</issuer>',
    '',
    'issuers has no issuer',
    '<issuers>',
  ),
];

const TEXTS: readonly Defect[] = [
  inPlaceOf('api.xml', '{{api-audience}}', '{{audience}}', 'there is no named value audience'),
  inPlaceOf('api.xml', '{{entra-tenant-id}}', ID, 'an id or a key is written out'),
  inPlaceOf(
    'admin.xml',
    '<value>false</value>',
    '<value>k3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3yk3y=</value>',
    'an id or a key is written out',
  ),
  inPlaceOf(
    'admin.xml',
    '@((string)context.Variables["requestId"])',
    '@((string)context.Variables["requestId"]',
    'brackets or quotes of an expression do not match',
  ),
  inPlaceOf(
    'admin.xml',
    '@((string)context.Variables["requestId"])',
    '@((string)context.Variables["requestId])',
    'brackets or quotes of an expression do not match',
  ),
  inPlaceOf(
    'admin.xml',
    '@((string)context.Variables["requestId"])',
    'id @((string)context.Variables["requestId"])',
    'an expression is mixed with text',
  ),
  inPlaceOf(
    'admin.xml',
    '@((string)context.Variables["requestId"])',
    '@((string)context.Variables["requestId"]) id',
    'an expression is mixed with text',
  ),
  inPlaceOf('admin.xml', 'return !held', 'var no = !held', 'an expression without return', '<when condition'),
  inPlaceOf(
    'admin.xml',
    'return !held',
    '// all of them\n return !held',
    'a comment in an expression',
    '<when condition',
  ),
  inPlaceOf(
    'admin.xml',
    'return !held',
    'var n = {{user-requests-per-minute}}; return !held',
    'a named value is code',
    '<when condition',
  ),
  inPlaceOf(
    'admin.xml',
    'return !held',
    'var b = context.Request.Body.As&lt;string>(); return !held',
    'a body is read',
    '<when condition',
  ),
];

const RULES: readonly Defect[] = [
  inPlaceOf(
    'api.xml',
    '<rate-limit-by-key',
    '<set-backend-service backend-id="{{router-backend}}" /><rate-limit-by-key',
    'set-backend-service comes before rate-limit-by-key',
  ),
  inPlaceOf(
    'api.xml',
    '<validate-jwt',
    '<rate-limit-by-key calls="1" renewal-period="60" retry-after-variable-name="retryAfter" counter-key=\'@("token" + "tid" + "oid")\' /><validate-jwt',
    'rate-limit-by-key comes before validate-jwt',
  ),
  inPlaceOf('api.xml', '"tid"', '"sub"', 'the counter-key does not know tid', '<rate-limit-by-key'),
  inPlaceOf(
    'global.xml',
    '<value>{{front-door-id}}</value>',
    '<value>any</value>',
    'another Front Door may come in',
    '<policies>',
  ),
  inPlaceOf('global.xml', 'name="X-Powered-By"', 'name="Server"', 'the header Server cannot be changed'),
  inPlaceOf(
    'global.xml',
    '<set-header name="X-Powered-By" exists-action="delete"',
    '<set-header name="X-Powered-By" exists-action="override"',
    'X-Powered-By: a value and exists-action do not fit',
  ),
  inPlaceOf('global.xml', 'timeout="240"', 'timeout="100"', 'timeout is 100 s', '<forward-request'),
  inPlaceOf('global.xml', 'timeout="240"', 'timeout="600"', 'timeout is 600 s', '<forward-request'),
  inPlaceOf('api.xml', 'backend-id="{{router-backend}}"', 'backend-id="other"', 'there is no backend other'),
  inPlaceOf(
    'api.xml',
    'backend-id="{{router-backend}}"',
    'backend-id="{{router-backend}}" base-url="https://a"',
    'base-url and backend-id',
  ),
  inPlaceOf(
    'api.xml',
    '"https://{{router-app-name}}---"',
    '"https://" + context.Request.Headers["host"]',
    'is not that of a label',
  ),
  inPlaceOf(
    'chat.xml',
    '<dimension name="API ID" />',
    '<dimension name="User ID" />',
    'the dimension User ID has no end',
  ),
  inPlaceOf(
    'chat.xml',
    '<dimension name="API ID" />',
    '<dimension name="User" value=\'@(((Jwt)context.Variables["token"]).Subject)\' />',
    'the dimension User has no end',
  ),
  inPlaceOf(
    'chat.xml',
    '<dimension name="API ID" />',
    '<dimension name="API ID" />'.repeat(4),
    '6 dimensions',
    '<llm-emit-token-metric',
  ),
  inPlaceOf(
    'models.xml',
    'context.Request.Method == "GET"',
    'context.Request.Method != "DELETE"',
    'cache-lookup for any method',
    LOOKUP,
  ),
  inPlaceOf(
    'models.xml',
    '<cache-store duration="30" />',
    '<set-variable name="kept" value="no" />',
    'an answer is kept and not looked for',
    LOOKUP,
  ),
  inPlaceOf(
    'models.xml',
    'allow-private-response-caching="true"',
    'allow-private-response-caching="false"',
    'allow-private-response-caching is false where a token',
    LOOKUP,
  ),
  inPlaceOf(
    'pages.xml',
    'allow-private-response-caching="false"',
    'allow-private-response-caching="true"',
    'allow-private-response-caching is true where no token',
    LOOKUP,
  ),
  inPlaceOf(
    'models.xml',
    '<vary-by-header>Authorization</vary-by-header>',
    '',
    'a cached answer of one caller is given to another one',
    LOOKUP,
  ),
  inPlaceOf(
    'models.xml',
    'downstream-caching-type="none"',
    'downstream-caching-type="public"',
    'a private answer may be kept on its way',
    LOOKUP,
  ),
  inPlaceOf(
    'chat.xml',
    '<base />\n',
    '<base /><set-header name="Authorization" exists-action="override"><value>x</value></set-header>\n',
    'Authorization is set after base',
  ),
];

const OPERATIONS: readonly Defect[] = [
  inPlaceOf(
    'operations.json',
    '"chat.xml"',
    '"chats.xml"',
    'there is no policy chats.xml',
    '"name": "post-v1-chat-completions"',
  ),
  {
    ...inPlaceOf('operations.json', '"chat.xml"', '""', 'no operation has this policy', '<!-- Chat'),
    inFile: 'chat.xml',
  },
  inPlaceOf(
    'operations.json',
    '"name": "get-v1-sessions-id",',
    '"name": "get-v1-sessions",',
    'of that name or route is there already',
    '"name": "get-v1-sessions"',
  ),
  inPlaceOf(
    'operations.json',
    '"urlTemplate": "/v1/models/{id}"',
    '"urlTemplate": "/v1/models/{name}"',
    'templateParameters are not those of',
    '"name": "get-v1-models-id"',
  ),
  inPlaceOf(
    'operations.json',
    '"chat.xml"',
    '"models.xml"',
    'a cache is for GET, and for no stream',
    '"name": "post-v1-chat-completions"',
  ),
  inPlaceOf(
    'operations.json',
    '"chat.xml"',
    '"open.xml"',
    'POST without a token',
    '"name": "post-v1-chat-completions"',
  ),
  inPlaceOf(
    'operations.json',
    `${ADMIN}"admin.xml"`,
    `${ADMIN}""`,
    'the scope is not looked at',
    '"name": "delete-admin-cache"',
  ),
  {
    ...inPlaceOf(
      'global.xml',
      'buffer-response="false"',
      'buffer-response="true"',
      'its stream is collected',
      '"name": "post-v1-chat-completions"',
    ),
    inFile: 'operations.json',
  },
];

describe('the policies of API Management', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'router-apim-'));
    cpSync(APIM, join(root, APIM), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('pass', async () => {
    expect(await apimPolicies.run('.')).toEqual([]);
  });

  it('use every named value that the Bicep makes', () => {
    const files = ['global.xml', 'api.xml'].map((file) => readFileSync(join(APIM, file), 'utf8'));
    expect([...new Set(files.flatMap(namedValuesIn))].sort()).toEqual([...NAMED_VALUES]);
  });

  it.each([...NO_XML, ...SHAPES, ...TEXTS, ...RULES, ...OPERATIONS])(
    '$file: "$what" is found by file and line',
    async ({ file, from, to, problem, at = to, inFile = file }) => {
      const path = join(root, APIM, file);
      const text = readFileSync(path, 'utf8');
      expect(text).toContain(from);
      writeFileSync(
        path,
        text.replace(from, () => to),
      );
      const told = readFileSync(join(root, APIM, inFile), 'utf8');
      const place = file === inFile && at === to ? text.indexOf(from) : told.indexOf(at);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(await apimPolicies.run(root)).toContainEqual({
        file: join(APIM, inFile),
        line: lineAt(told, place),
        problem: expect.stringContaining(problem),
        cure: expect.stringMatching(/\S/),
      });
    },
  );

  it('something else in a policy file is found', async () => {
    writeFileSync(join(root, APIM, 'open.xml'), '<fragment />');
    expect(await apimPolicies.run(root)).toContainEqual(
      expect.objectContaining({ file: join(APIM, 'open.xml'), line: 1, problem: 'the file begins with fragment' }),
    );
  });

  it.each(['global.xml', 'api.xml'])('%s is not there: it is told', async (file) => {
    rmSync(join(root, APIM, file));
    expect(await apimPolicies.run(root)).toContainEqual(
      expect.objectContaining({ file: join(APIM, file), problem: 'the file is missing' }),
    );
  });
});
