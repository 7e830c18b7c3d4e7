import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as errors from '../../src/common/app-error.js';
import { APIM, isOpen, readOperations } from '../../tools/check-infra/gateway-operations.js';
import { GLOBAL } from '../../tools/check-infra/policy-shape.js';
import { named, readPolicy, sectionOf, type PolicyElement } from '../../tools/check-infra/policy-xml.js';
import { startRouter, type RouterApp } from '../support/router-app.js';

interface Operation {
  readonly security: readonly object[];
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>;
}

/** Prometheus reads each replica inside the network. */
const STAYS_INSIDE = ['GET /metrics'];
/** Where the documentation is; it does not document itself. */
const PAGES = ['/', '/docs', '/docs/*', '/openapi.json', '/openapi.yaml'];

const policyOf = (file: string): PolicyElement => {
  const { root } = readPolicy(readFileSync(join(APIM, file), 'utf8'));
  if (!root) throw new Error(`${file} is no XML`);
  return root;
};
const routeOf = ({ method, urlTemplate }: { readonly method: string; readonly urlTemplate: string }): string =>
  `${method} ${urlTemplate}`;

describe('what API Management publishes', () => {
  let router: RouterApp;
  let documented: ReadonlyMap<string, Operation>;
  const published = readOperations('.').filter(({ urlTemplate }) => !PAGES.includes(urlTemplate));
  const operationOf = (one: (typeof published)[number]): Operation => documented.get(routeOf(one)) as Operation;

  beforeAll(async () => {
    router = await startRouter({ targets: [{ id: 'small', tier: 'local', provider: 'simulated' }] });
    const { paths } = (await (await fetch(`${router.url}/openapi.json`)).json()) as {
      readonly paths: Record<string, Record<string, Operation>>;
    };
    documented = new Map(
      Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation]),
      ),
    );
  });
  afterAll(() => router.close());

  it('is what the service documents, but for what stays inside', () => {
    expect([...published.map(routeOf), ...STAYS_INSIDE].sort()).toEqual([...documented.keys()].sort());
  });

  it('asks for a token where the service does', () => {
    const open = published.filter(({ policy }) => policy !== '' && isOpen(policyOf(policy)));
    const ofService = published.filter((one) => operationOf(one).security.length === 0);
    expect(open.map(routeOf)).toEqual(ofService.map(routeOf));
    expect(open.map(routeOf)).toEqual(['GET /health', 'GET /ready']);
  });

  it('does not collect what the service streams', () => {
    const streams = published.filter(
      (one) => 'text/event-stream' in (operationOf(one).responses['200']?.content ?? {}),
    );
    expect(published.filter(({ streams: said }) => said).map(routeOf)).toEqual(streams.map(routeOf));
    expect(streams.length).toBeGreaterThan(0);
  });

  it('has the documentation among it, open to everybody', async () => {
    const pages = readOperations('.').filter(({ urlTemplate }) => PAGES.includes(urlTemplate));
    expect(pages.map(({ urlTemplate }) => urlTemplate)).toEqual(PAGES);
    for (const { method, urlTemplate, policy } of pages) {
      expect([method, isOpen(policyOf(policy))]).toEqual(['GET', true]);
      const file = urlTemplate.replace('*', 'swagger-ui-bundle.js');
      expect([file, (await fetch(`${router.url}${file}`)).status]).toEqual([file, 200]);
    }
  });

  it('tells its own errors with codes and states of the catalogue', () => {
    const catalogue = new Set(
      Object.values(errors)
        .filter((value) => typeof value === 'function' && value !== errors.AppError)
        .map((Made) => new (Made as new (message: string, seconds: number) => errors.AppError)('', 1))
        .map(({ status, code }) => `${status} ${code}`),
    );
    const branches = named(sectionOf(policyOf(GLOBAL), 'on-error'), 'choose')[0]?.children ?? [];
    const told = branches.map((branch) => {
      const values = new Map(
        named(branch, 'set-variable').map(({ attributes }) => [
          attributes.get('name')?.value,
          attributes.get('value')?.value,
        ]),
      );
      return `${values.get('status')} ${values.get('code')}`;
    });
    expect(told.length).toBeGreaterThan(5);
    expect(told.filter((one) => !catalogue.has(one))).toEqual([]);
  });
});
