import { isDeepStrictEqual } from 'node:util';
import type { ModelConfig, RouterConfig } from './config.schema.js';

export const AUTO_MODEL = 'auto';
/** As in the schema's default: two of five queries may go to the strong side. */
const STRONG_SHARE = 0.4;

/**
 * The model `auto` always exists: not configured, it is every target in configured order, strategy `hybrid`.
 *
 * @param strong ids of its strong side, where that is not the usual one
 */
export function withAutoModel(config: RouterConfig, strong?: readonly string[]): RouterConfig {
  const { models, targets } = config;
  if (targets.length === 0 || models.some(({ name }) => name === AUTO_MODEL)) return config;
  const auto: ModelConfig = {
    name: AUTO_MODEL,
    strategy: 'hybrid',
    targets: targets.map(({ id }) => id),
    ...(strong ? { strong: [...strong] } : {}),
    strongShare: STRONG_SHARE,
    cache: true,
  };
  return { ...config, models: [auto, ...models] };
}

export type ConfigListener = (next: RouterConfig) => void | Promise<void>;

/** What was found on this machine, for a service that has no targets configured. */
export interface FoundTargets {
  readonly targets: RouterConfig['targets'];
  /** The strong side of model `auto`; left out: as for configured targets. */
  readonly strong?: readonly string[];
}

/**
 * The configuration in force. Read `current` at the moment of use and keep no copy: a reload replaces the object, and
 * a request that began under the old one finishes under it.
 */
export class LiveConfig {
  private readonly listeners = new Set<ConfigListener>();
  private found: FoundTargets = { targets: [] };
  private config: RouterConfig;
  private asWritten: RouterConfig;

  /** @param source path of the file, or `null` for the embedded default */
  constructor(
    config: RouterConfig,
    readonly source: string | null,
  ) {
    this.asWritten = config;
    this.config = this.complete(config);
  }

  get current(): RouterConfig {
    return this.config;
  }

  /** The configuration in force without what was added to it: found targets, the model `auto`. */
  get written(): RouterConfig {
    return this.asWritten;
  }

  /** What `make` makes of the configuration in force, made anew once that was replaced. */
  derived<T>(make: (config: RouterConfig) => T): () => T {
    let latest: { readonly of: RouterConfig; readonly made: T } | null = null;
    return () => {
      if (latest?.of !== this.config) latest = { of: this.config, made: make(this.config) };
      return latest.made;
    };
  }

  onChange(listener: ConfigListener): void {
    this.listeners.add(listener);
  }

  /** Puts an already checked configuration in force, as it is written; listeners run in order of registration. */
  async replace(next: RouterConfig): Promise<void> {
    this.asWritten = next;
    await this.apply();
  }

  /** Whether no targets are configured, so that found ones are in force. */
  get wantsTargets(): boolean {
    return this.asWritten.targets.length === 0;
  }

  /** Targets found on this machine; in force, now and after a reload, as long as none are configured. */
  async offerTargets(found: FoundTargets): Promise<void> {
    if (isDeepStrictEqual(found, this.found)) return;
    this.found = found;
    if (this.wantsTargets) await this.apply();
  }

  private async apply(): Promise<void> {
    this.config = this.complete(this.asWritten);
    for (const listener of this.listeners) await listener(this.config);
  }

  private complete(config: RouterConfig): RouterConfig {
    if (config.targets.length > 0) return withAutoModel(config);
    return withAutoModel({ ...config, targets: this.found.targets }, this.found.strong);
  }
}
