import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { BackgroundWork } from '../../common/background-work.js';
import { WholeAnswer } from '../../common/chunk-stream.js';
import { FailureEpisode } from '../../common/logging/failure-episode.js';
import { loadsModels, onlyEmbeds } from '../../common/target.js';
import { loadedModels } from './discovery/ollama.probe.js';
import { ProbeConnections, type Ask } from './discovery/probe-json.js';
import type { LiveTarget } from './live-target.js';
import { EmbedModelCommand, StreamModelCommand } from './models.messages.js';
import { TargetCatalogue } from './target-catalogue.js';

const EVERY_MS = 10_000;
const PROBE_MS = 1_000;

/**
 * Asks the servers that load models (`loadsModels`) which ones they have loaded, and loads those that are to be kept
 * warm (`prewarm`). A server that does not know the question is not asked again; what is warm there is learned from the
 * calls.
 */
@Injectable()
export class WarmthWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('models');
  /** Whose server does not know the question. */
  private readonly untold = new WeakSet<LiveTarget>();
  private readonly loading = new Set<string>();
  private readonly episodes = new WeakMap<LiveTarget, FailureEpisode>();
  private readonly background = new BackgroundWork('models');

  constructor(
    private readonly catalogue: TargetCatalogue,
    private readonly commands: CommandBus,
  ) {}

  onApplicationBootstrap(): void {
    const look = (signal: AbortSignal) => this.look(signal);
    this.background.repeat('asking which models are loaded', EVERY_MS, look);
    this.background.launch('asking which models are loaded', look);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  /** One round over all targets whose server loads models. @param signal ends it */
  async look(signal: AbortSignal): Promise<void> {
    const servers = Map.groupBy(this.catalogue.list().filter(loadsModels), ({ config }) =>
      rootOf(config.baseUrl ?? ''),
    );
    if (servers.size === 0) return;
    const connections = new ProbeConnections();
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]);
      await Promise.all([...servers].map(([root, targets]) => this.lookAt(targets, connections.to(root, deadline))));
    } finally {
      await connections.close();
    }
  }

  private async lookAt(targets: readonly LiveTarget[], ask: Ask): Promise<void> {
    if (targets.some((target) => !this.untold.has(target))) {
      const names = await loadedModels(ask);
      for (const target of targets) {
        if (names === null) this.untold.add(target);
        target.warmState.tell(names ? names.some((name) => isModel(name, target.model)) : null);
      }
    }
    for (const target of targets) {
      // it may take a minute, which no other server waits for
      if (target.config.prewarm && target.warm !== true)
        this.background.launch('loading a model', (signal) => this.load(target, signal));
    }
  }

  private episodeOf(target: LiveTarget): FailureEpisode {
    const known = this.episodes.get(target);
    if (known) return known;
    const episode = new FailureEpisode();
    this.episodes.set(target, episode);
    return episode;
  }

  /** Asks the least; the server loads the model to answer it. */
  private async load(target: LiveTarget, signal: AbortSignal): Promise<void> {
    if (this.loading.has(target.id)) return;
    this.loading.add(target.id);
    try {
      const answer = new WholeAnswer();
      (await this.commands.execute(questionFor(target, signal))).relay(answer);
      await answer.chunks;
      const over = this.episodeOf(target).worked();
      this.logger.log({ target: target.id }, `${target.id} is loaded${over ? ` again, ${over}` : ''}`);
    } catch (error) {
      if (!signal.aborted && this.episodeOf(target).failed()) {
        this.logger.warn({ err: error, target: target.id }, 'loading a model failed; it is tried again and again');
      }
    } finally {
      this.loading.delete(target.id);
    }
  }
}

/** The least that a model has to be loaded for: a token, or a vector where it makes nothing else. */
function questionFor(target: LiveTarget, signal: AbortSignal): StreamModelCommand | EmbedModelCommand {
  const beginBy = performance.now() + target.timeouts.loadMs;
  const call = { target, beginBy, fairMs: 0, signal, isFallback: false, trace: null };
  const model = target.id;
  if (onlyEmbeds(target)) {
    return new EmbedModelCommand({ ...call, request: { model, input: ['hi'], encoding_format: 'float' } });
  }
  const request = { model, messages: [{ role: 'user', content: 'hi' }], max_tokens: 1, stream: true };
  return new StreamModelCommand({ ...call, request, history: [], partialAnswer: null });
}

/** What comes before `/v1`: Ollama's own API is beside it, also behind a path of a proxy. */
const rootOf = (baseUrl: string): string => baseUrl.replace(/(\/v1)?\/*$/, '');

const isModel = (loaded: unknown, model: string): boolean => loaded === model || loaded === `${model}:latest`;
