import { isDeepStrictEqual } from 'node:util';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import type { RouterConfig, TargetConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { deploymentOf } from '../../common/config/target.schema.js';
import { azureTokenSource } from './adapters/azure-credential.js';
import { ModelServer } from './adapters/model-server.js';
import { ENDPOINTS } from './adapters/providers.js';
import { DrainedTargets } from './drained-targets.js';
import { LiveTarget } from './live-target.js';

/**
 * The targets in force, in configured order. A reload keeps those that did not change, with all they learned, and of one
 * that is merely described anew (`deploymentOf`) everything but the description.
 */
@Injectable()
export class TargetCatalogue implements OnApplicationShutdown {
  private readonly background = new BackgroundWork('models');
  private readonly entraToken = azureTokenSource();
  private targets: readonly LiveTarget[] = [];

  constructor(
    config: LiveConfig,
    private readonly drains: DrainedTargets,
  ) {
    this.apply(config.current);
    config.onChange((next) => this.apply(next));
  }

  list(): readonly LiveTarget[] {
    return this.targets;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.targets.flatMap(({ server }) => (server ? [server.destroy()] : [])));
  }

  private apply(config: RouterConfig): void {
    const previous = new Map(this.targets.map((target) => [target.id, target]));
    this.targets = config.targets.map((entry) => this.keptOrNew(entry, previous.get(entry.id)));
    const servers = new Set(this.targets.map(({ server }) => server));
    for (const { server } of previous.values()) {
      if (server && !servers.has(server))
        this.background.launch('closing the connections of a target', () => server.close());
    }
  }

  private keptOrNew(entry: TargetConfig, known: LiveTarget | undefined): LiveTarget {
    if (known && JSON.stringify(known.config) === JSON.stringify(entry)) return known;
    if (known && isDeepStrictEqual(deploymentOf(known.config), deploymentOf(entry)))
      return new LiveTarget(entry, known.server, this.drains, known);
    if (entry.provider === 'simulated') return new LiveTarget(entry, null, this.drains);
    const server = new ModelServer(entry, ENDPOINTS[entry.provider](entry, this.entraToken));
    return new LiveTarget(entry, server, this.drains);
  }
}
