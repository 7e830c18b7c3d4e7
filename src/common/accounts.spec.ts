import { AccountBook, countsMoney, countsTokens } from './accounts.js';
import type { Caller, CallerLimits } from './caller.js';
import { routerConfigSchema } from './config/config.schema.js';

const config = routerConfigSchema.parse({
  targets: [{ id: 'one', tier: 'local', provider: 'simulated', model: 'one' }],
  models: [
    { name: 'dear', targets: ['one'], limits: { usdPerMonth: 5 } },
    { name: 'plain', targets: ['one'] },
  ],
  tenants: { acme: { limits: { tokensPerMinute: 100 } }, strict: { targets: ['one'] } },
});
const caller = (tenant: string, user: string, limits: CallerLimits = { requestsPerMinute: 1 }): Caller => ({
  ...{ tenant, user, limits },
  scopes: ['chat'],
});
const owners = (who: Caller, model: string | null) =>
  new AccountBook(config).of(who, model).map(({ owner, limits }) => [owner.user, owner.model, limits]);

describe('what a request draws on', () => {
  const user = ['alice', null, { requestsPerMinute: 1 }];
  const dear = ['alice', 'dear', { usdPerMonth: 5 }];
  const tenant = [null, null, { tokensPerMinute: 100 }];

  it.each<[string, string | null, unknown[]]>([
    ['acme', 'dear', [user, dear, tenant]],
    ['acme', 'plain', [user, tenant]],
    ['acme', 'nobody knows', [user, tenant]],
    ['acme', '__proto__', [user, tenant]],
    ['acme', null, [user, tenant]],
    ['strict', 'dear', [user, dear]],
    ['__proto__', 'plain', [user]],
  ])('tenant %s, model %s', (of, model, expected) => {
    expect(owners(caller(of, 'alice'), model)).toEqual(expected);
  });

  it('is nothing where nothing is limited', () => {
    expect(owners(caller('strict', 'alice', {}), 'plain')).toEqual([]);
    expect(owners(caller('acme', 'alice', {}), 'plain')).toEqual([tenant]);
  });

  it('is made once for a caller and a name', () => {
    const book = new AccountBook(config);
    const alice = caller('acme', 'alice');
    expect(book.of(alice, 'dear')).toBe(book.of(alice, 'dear'));
    expect(book.of(alice, 'x')).toBe(book.of(alice, null));
  });

  it('tells whether money and tokens count', () => {
    const book = new AccountBook(config);
    const counts = (model: string) => {
      const accounts = book.of(caller('acme', 'alice'), model);
      return [countsTokens(accounts), countsMoney(accounts)];
    };
    expect([counts('dear'), counts('plain')]).toEqual([
      [true, true],
      [true, false],
    ]);
  });

  it('has another key for every owner, whatever their names are', () => {
    const names = ['a', 'a|b', 'b', '1|a', 'tenant', 'tenant|a', 'model|3|1|a', '|', ''];
    const limits = { requestsPerMinute: 1 };
    const models = names.map((name) => ({ name, limits }));
    const tenants = Object.fromEntries(names.map((name) => [name, { limits }]));
    const book = new AccountBook({ models, tenants } as unknown as typeof config);
    const found = new Map<string, string>();
    for (const tenant of names) {
      for (const user of names) {
        for (const model of names) {
          for (const { owner, key } of book.of(caller(tenant, user), model)) {
            const name = JSON.stringify(owner);
            expect(found.get(key) ?? name).toBe(name);
            found.set(key, name);
          }
        }
      }
    }
    expect(found.size).toBeGreaterThan(names.length ** 2);
  });
});
