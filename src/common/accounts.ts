import type { Caller, CallerLimits } from './caller.js';
import type { RouterConfig } from './config/config.schema.js';

/** Whose limits are counted: a tenant's as a whole, a user's, or a user's of one model name. */
export interface AccountOwner {
  readonly tenant: string;
  /** `null` = the tenant as a whole. */
  readonly user: string | null;
  /** `null` = of all models. */
  readonly model: string | null;
}

/** Something that is limited, and counted for that. */
export interface Account {
  readonly owner: AccountOwner;
  /** Injective over all owners, whatever characters a claim may bring; a user's own is `userKey`. */
  readonly key: string;
  /** Those that are looked at. */
  readonly limits: CallerLimits;
}

/** All that one request draws on, at once or not at all: accounts of one tenant, the narrowest first. Empty = no limits. */
export type Accounts = readonly Account[];

const NO_MODEL = '';

/** `a|b` + `c` is another user than `a` + `b|c`. */
export const userKey = ({ tenant, user }: Pick<Caller, 'tenant' | 'user'>): string =>
  `${tenant.length}|${tenant}|${user}`;

const keyOf = ({ tenant, user, model }: AccountOwner): string => {
  if (user === null) return `tenant|${tenant}`;
  const ofUser = userKey({ tenant, user });
  return model === null ? ofUser : `model|${ofUser.length}|${ofUser}|${model}`;
};

/** Whether nothing has to be counted. */
const isUnlimited = ({ requestsPerMinute, tokensPerMinute, concurrent, usdPerMonth }: CallerLimits): boolean =>
  (requestsPerMinute ?? tokensPerMinute ?? concurrent ?? usdPerMonth) === undefined;

/** Whether what the answers cost counts, for any of them. */
export const countsMoney = (accounts: Accounts): boolean =>
  accounts.some(({ limits }) => limits.usdPerMonth !== undefined);

/** Whether tokens count, for any of them. */
export const countsTokens = (accounts: Accounts): boolean =>
  accounts.some(({ limits }) => limits.tokensPerMinute !== undefined);

/**
 * Which accounts the requests of a caller draw on under one configuration: his own (`limits`, which a key may override), his
 * of the model name (`models[].limits`), his tenant's (`tenants.<t>.limits`). Made once for each caller and name.
 */
export class AccountBook {
  private readonly tenants: ReadonlyMap<string, CallerLimits>;
  private readonly models: ReadonlyMap<string, CallerLimits>;
  private readonly known = new WeakMap<Caller, Map<string, Accounts>>();

  constructor({ tenants, models }: Pick<RouterConfig, 'tenants' | 'models'>) {
    this.tenants = new Map(Object.entries(tenants).map(([tenant, { limits }]) => [tenant, limits ?? {}]));
    this.models = new Map(models.map(({ name, limits }) => [name, limits ?? {}]));
  }

  /** @param model as callers write it; `null` for what calls no model */
  of(caller: Caller, model: string | null): Accounts {
    const name = model !== null && this.models.has(model) ? model : NO_MODEL;
    let byModel = this.known.get(caller);
    if (!byModel) this.known.set(caller, (byModel = new Map<string, Accounts>()));
    let accounts = byModel.get(name);
    if (!accounts) byModel.set(name, (accounts = this.open(caller, name)));
    return accounts;
  }

  private open({ tenant, user, limits }: Caller, model: string): Accounts {
    const owners: readonly (readonly [AccountOwner, CallerLimits | undefined])[] = [
      [{ tenant, user, model: null }, limits],
      [{ tenant, user, model }, this.models.get(model)],
      [{ tenant, user: null, model: null }, this.tenants.get(tenant)],
    ];
    const accounts: Account[] = [];
    for (const [owner, own] of owners) {
      if (own && !isUnlimited(own)) accounts.push(Object.freeze({ owner, key: keyOf(owner), limits: own }));
    }
    return Object.freeze(accounts);
  }
}
