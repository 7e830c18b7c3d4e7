import { schemaValidator } from '../../tools/fuzz/api.js';
import { registeredRoutes } from '../support/registered-routes.js';
import { startRouter, type RouterApp } from '../support/router-app.js';

interface Example {
  readonly value: unknown;
}
interface Content {
  readonly example?: unknown;
  readonly examples?: Record<string, Example>;
  readonly schema?: { readonly properties?: Record<string, unknown>; readonly example?: unknown };
}
interface Operation {
  readonly summary?: string;
  readonly operationId?: string;
  readonly 'x-error-form'?: string;
  readonly security?: Record<string, string[]>[];
  readonly responses: Record<string, { description?: string; content?: Record<string, Content> }>;
  readonly requestBody?: { content: Record<string, Content> };
  readonly parameters?: {
    name: string;
    in: string;
    required?: boolean;
    example?: string;
    schema?: { example?: string };
  }[];
}
interface ApiDocument {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
}

/** Pages and files of the documentation itself. */
const ABOUT_DOCS = /^\/($|docs|openapi\.(json|yaml))/;
const ORDER = ['post', 'get', 'delete']; // what an example erases must have been made before

describe('the API documentation', () => {
  let router: RouterApp;
  let document: ApiDocument;
  let routes: string[];
  beforeAll(async () => {
    router = await startRouter({
      targets: [
        { id: 'small', tier: 'local', provider: 'simulated', capabilities: ['tools', 'json', 'embeddings'] },
        { id: 'large', tier: 'cloud', provider: 'simulated' },
      ],
    });
    document = (await (await fetch(`${router.url}/openapi.json`)).json()) as ApiDocument;
    routes = documentedRoutes(router);
  });
  afterAll(() => router.close());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        path,
        method,
        operation,
      })),
    );

  it('says of the open page that one address can ask for it too often', () => {
    const { operation } = operations().find(({ name }) => name === 'GET /metrics')!;
    expect(JSON.stringify(operation.responses['429'])).toContain('rate_limit_exceeded');
  });

  it('says of every route that is not open how to sign in, and what becomes of who does not', () => {
    const guarded = operations().filter(({ path }) => !['/health', '/ready', '/metrics'].includes(path));
    for (const { name, operation } of guarded) {
      expect([name, operation.security]).toEqual([name, [{ bearer: [] }, { 'x-api-key': [] }, { 'api-key': [] }]]);
      const codes = (status: string) => JSON.stringify(operation.responses[status] ?? null);
      expect([name, codes('401')]).toEqual([name, expect.stringMatching(/invalid_api_key.*token_expired/)]);
      expect([name, codes('429')]).toEqual([name, expect.stringContaining('rate_limit_exceeded')]);
      const overloaded = operation['x-error-form'] === 'anthropic' ? '529' : '503';
      expect([name, codes(overloaded)]).toEqual([name, expect.stringContaining('overloaded')]);
    }
  });

  it('gives every operation an id of its own', () => {
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(ids).toContain('ChatController_complete');
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('names every route there is, and no other', () => {
    expect(document.openapi).toMatch(/^3\./);
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(routes);
  });

  it('names every route of DESIGN section 4', () => {
    const promised = [
      'POST /v1/chat/completions',
      'POST /v1/messages',
      'GET /v1/models',
      'POST /query',
      'POST /v1/route',
      'GET /v1/sessions',
      'GET /v1/sessions/{id}',
      'DELETE /v1/sessions/{id}',
      'GET /v1/sessions/{id}/insights',
      'GET /health',
      'GET /ready',
      'GET /metrics',
      'GET /admin/targets',
      'POST /admin/targets/{id}/drain',
      'POST /admin/targets/{id}/enable',
      'GET /admin/usage',
    ];
    expect(promised.filter((name) => !routes.includes(name))).toEqual([]);
  });

  it.each([
    ['POST /v1/chat/completions', ['model', 'messages', 'stream', 'tools', 'max_tokens']],
    ['POST /v1/messages', ['model', 'max_tokens', 'messages', 'system', 'tools', 'thinking']],
    ['POST /query', ['query', 'model', 'session_id', 'strategy', 'max_tokens']],
    ['POST /v1/route', ['query', 'model', 'messages', 'strategy']],
    ['POST /v1/feedback', ['request_id', 'score']],
  ])('names the fields of the body of %s', (route, fields) => {
    const body = operations().find(({ name }) => name === route)?.operation.requestBody?.content['application/json'];
    expect(Object.keys(body?.schema?.properties ?? {})).toEqual(expect.arrayContaining(fields));
    expect(body?.examples).toBeDefined();
  });

  it('gives every operation a summary, a 2xx response with an example and its errors', () => {
    const missing = operations().flatMap(({ name, operation, path }) => {
      const statuses = Object.keys(operation.responses);
      const ok = Object.entries(operation.responses).find(([status]) => status.startsWith('2'))?.[1];
      const isPublic = ['/health', '/ready', '/metrics'].includes(path);
      return [
        ...(operation.summary ? [] : [`${name}: summary`]),
        ...(ok?.description !== undefined ? [] : [`${name}: 2xx`]),
        ...(hasExample(ok?.content) ? [] : [`${name}: example of 2xx`]),
        ...(isPublic || statuses.includes('401') ? [] : [`${name}: 401`]),
        ...(!path.includes('{id}') || statuses.includes('404') ? [] : [`${name}: 404`]),
        ...(!operation.requestBody || statuses.includes('400') ? [] : [`${name}: 400`]),
      ];
    });
    expect(missing).toEqual([]);
  });

  it.each([
    { name: 'POST /v1/chat/completions', statuses: [400, 401, 403, 404, 413, 415, 429, 500, 502, 503, 504] },
    { name: 'POST /query', statuses: [400, 401, 403, 404, 413, 415, 429, 500, 502, 503, 504] },
    { name: 'POST /v1/route', statuses: [400, 401, 403, 404, 413, 415, 503] },
  ])('$name documents each error of the catalogue, with codes and headers', ({ name, statuses }) => {
    const operation = operations().find((entry) => entry.name === name)?.operation as Operation;
    expect(statuses.filter((status) => !(String(status) in operation.responses))).toEqual([]);
    for (const status of statuses) expect(JSON.stringify(operation.responses[status])).toMatch(/"enum":\["\w+/);
    expect(operation.responses['503']).toMatchObject({
      description: 'Nobody can answer now; see `Retry-After`.',
      headers: { 'Retry-After': expect.anything() },
    });
    expect(JSON.stringify(operation.responses['503'])).toContain('"draining"');
    const headers = (operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'header')
      .map(({ name }) => name);
    expect(headers).toEqual(expect.arrayContaining(['x-session-id', 'x-router-strategy', 'x-request-id']));
  });

  it('gives every body a schema, and examples that fit it', () => {
    const ajv = schemaValidator();
    const bodies = operations().flatMap(({ name, operation: { requestBody, responses } }) =>
      [['body', requestBody] as const, ...Object.entries(responses)].flatMap(([status, body]) =>
        Object.entries(body?.content ?? {}).map(([type, content]) => ({ what: `${name} ${status} ${type}`, content })),
      ),
    );
    expect(bodies.length).toBeGreaterThan(100);
    const faults = bodies.flatMap(({ what, content }) => {
      const { schema, example = schema?.example, examples = { only: { value: example } } } = content;
      if (!schema) return [`${what}: no schema`];
      const check = ajv.compile(schema);
      const values = Object.values(examples).map(({ value }) => value);
      return values.flatMap((value) =>
        value === undefined || check(value) ? [] : [`${what}: ${ajv.errorsText(check.errors)}`],
      );
    });
    expect(faults).toEqual([]);
  });

  it('has request examples that run as they stand', async () => {
    const requests = operations()
      .sort((a, b) => ORDER.indexOf(a.method) - ORDER.indexOf(b.method))
      .flatMap(({ name, path, method, operation }) =>
        bodiesOf(operation).map((body) => ({ name, method, body, path, operation })),
      );
    expect(requests.filter(({ body }) => body !== undefined).length).toBeGreaterThanOrEqual(8);
    const outcomes: string[] = [];
    const made = new Map<string, string>();
    for (const { name, method, body, path, operation } of requests) {
      const response = await fetch(router.url + filledIn(path, operation, made), {
        method: method.toUpperCase(),
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      const text = await response.text();
      if (!response.ok || text === '') outcomes.push(`${name} ${JSON.stringify(body)}: ${response.status} ${text}`);
      if (method === 'post' && text.startsWith('{"id":')) made.set(path, (JSON.parse(text) as { id: string }).id);
    }
    expect(outcomes).toEqual([]);
  });

  it.each(['/docs', '/docs/'])('%s is a page whose files all load', async (path) => {
    const page = await fetch(router.url + path);
    const html = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => new URL(file as string, page.url));
    expect(files.length).toBeGreaterThanOrEqual(4);
    for (const file of files) {
      expect(file.origin).toBe(new URL(router.url).origin); // nothing from elsewhere
      const response = await fetch(file);
      expect([file.pathname, response.status]).toEqual([file.pathname, 200]);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
  });
});

function documentedRoutes(router: RouterApp): string[] {
  return registeredRoutes(router)
    .filter((route) => !/^(HEAD|OPTIONS) /.test(route) && !ABOUT_DOCS.test(route.slice(route.indexOf(' ') + 1)))
    .filter((route) => route.includes(' /'))
    .map((route) => route.replace(/:(\w+)/g, '{$1}'))
    .sort();
}

const hasExample = (content: Record<string, Content> | undefined): boolean =>
  Object.values(content ?? {}).some(
    (entry) =>
      entry.example !== undefined || entry.examples !== undefined || JSON.stringify(entry).includes('"example'),
  );

function bodiesOf({ requestBody }: Operation): unknown[] {
  if (!requestBody) return [undefined];
  return Object.values(requestBody.content).flatMap(({ example, examples }) =>
    examples ? Object.values(examples).map(({ value }) => value) : [example],
  );
}

/** Path parameters by what the examples before have made there, or their example; a target's or model's id by one that exists. */
function filledIn(path: string, { parameters = [] }: Operation, made: ReadonlyMap<string, string>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string, at: number) => {
    const own = made.get(path.slice(0, at - 1));
    if (own !== undefined) return own;
    const parameter = parameters.find((entry) => entry.in === 'path' && entry.name === name);
    return parameter?.example ?? parameter?.schema?.example ?? 'small';
  });
}
