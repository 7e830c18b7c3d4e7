import type { ModelConfig, RouterConfig } from './config/config.schema.js';
import { ownField } from './json/fields.js';

/**
 * Which targets the callers of a tenant may use: the one place that says it. Everything that names or reaches a target for
 * a caller asks here first, so that a target of others is, for them, not there; a lint rule sends it here.
 */
export class TenantTargets {
  /** Ids as configured; `null` = every target. */
  readonly ids: readonly string[] | null;

  constructor({ tenants }: Pick<RouterConfig, 'tenants'>, tenant: string) {
    // eslint-disable-next-line no-restricted-syntax -- this is the place
    this.ids = ownField(tenants, tenant)?.targets ?? null;
  }

  get isLimited(): boolean {
    return this.ids !== null;
  }

  includes(id: string): boolean {
    return this.ids === null || this.ids.includes(id);
  }

  /** Those of a list that are the tenant's, in its order. */
  of<T extends { readonly id: string }>(targets: readonly T[]): readonly T[] {
    return this.ids === null ? targets : targets.filter(({ id }) => this.includes(id));
  }

  /** Whether a model has a target of the tenant; one that has none is not there for it. */
  reaches({ targets }: Pick<ModelConfig, 'targets'>): boolean {
    return this.ids === null || targets.some((id) => this.includes(id));
  }
}
