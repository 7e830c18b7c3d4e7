import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { BackgroundWork } from '../../common/background-work.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { cloudTargets, type CloudFindings } from './discovery/cloud-targets.js';
import type { FoundServer } from './discovery/found-model.js';
import { foundTargets } from './discovery/found-targets.js';
import { LocalServers, type LookLimits, type ServerLook } from './discovery/local-servers.js';
import { SeenServers } from './discovery/seen-servers.js';
import { TargetSearchOptions } from './models.messages.js';

const SEARCH = 'the search for model servers';
/** A start does not wait longer for servers that answer slowly; the next look does. Where nobody listens takes no time. */
const AT_START: LookLimits = { probeMs: 2_000, statusMs: 1_000 };
/** After a server was missed once the next look comes early: it is restarted, or gone. */
const DOUBT_MS = 3_000;
const LATER: LookLimits = { probeMs: 2_000, statusMs: 5_000, loopbackOnly: true };

/**
 * Finds the targets of a service that has none configured: at the start and again and again, so that a model server (or
 * a model of it) that comes later takes over without a restart, and one that leaves goes out of the list. The log says
 * each change once.
 */
@Injectable()
export class TargetSearch implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('models');
  private readonly background = new BackgroundWork('models');
  private readonly seen = new SeenServers();
  private readonly locals: LocalServers;
  private isLooking = false;
  private told: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly config: LiveConfig,
    private readonly options: TargetSearchOptions,
  ) {
    this.locals = new LocalServers(options.env, options.places, config.current.server.port);
  }

  /** The first look, before anybody can ask. */
  async onModuleInit(): Promise<void> {
    if (this.config.wantsTargets) await this.look({ ...AT_START, ...this.options.limits });
  }

  onApplicationBootstrap(): void {
    this.background.repeat(SEARCH, this.options.everyMs, (signal) => this.lookAgain(signal));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.stop();
  }

  /** One more look; none while another is under way or targets are configured. */
  async lookAgain(signal: AbortSignal): Promise<void> {
    if (this.isLooking || !this.config.wantsTargets) return;
    this.isLooking = true;
    try {
      await this.look({ ...LATER, ...this.options.limits }, signal);
    } finally {
      this.isLooking = false;
    }
    if (!this.seen.isInDoubt) return;
    this.background.after(SEARCH, Math.min(DOUBT_MS, this.options.everyMs), (ending) => this.lookAgain(ending));
  }

  private async look(limits: LookLimits, signal?: AbortSignal): Promise<void> {
    const looks = await this.locals.look(limits, signal);
    if (signal?.aborted) return;
    const { env, everyMs } = this.options;
    const cloud = cloudTargets(env, this.config.current.server.port);
    const { servers, gone } = this.seen.take(looks);
    await this.config.offerTargets(foundTargets(servers, cloud));
    for (const { label, baseUrl } of gone) this.logger.log(`${label} at ${new URL(baseUrl).host} is gone.`);
    const notes = notesOn(servers, looks, cloud, everyMs);
    for (const [subject, text] of notes) if (!this.told.has(subject)) this.logger.log(text);
    this.told = notes;
  }
}

/**
 * Sentences on what is there, and what to do about what is not, for the person who started the service.
 *
 * @returns by subject; a sentence is news when none of that subject was said before
 */
function notesOn(
  servers: readonly FoundServer[],
  looks: readonly ServerLook[],
  cloud: CloudFindings,
  everyMs: number,
): ReadonlyMap<string, string> {
  const hasModel = cloud.targets.length > 0 || servers.some(({ models }) => models.length > 0);
  const denied = looks.flatMap((look) => (look.denied && !look.found ? [deniedNote(look.denied)] : []));
  return new Map([
    ...servers.map(serverNote),
    ...[...denied, ...cloud.notes, ...(hasModel ? [] : [simulatedNote(everyMs)])].map((text) => [text, text] as const),
  ]);
}

/** A hint, and the order of the models, may change with what is loaded; that is no news. */
function serverNote({ label, baseUrl, models, hint }: FoundServer): readonly [string, string] {
  const names = models.map((model) => model.name);
  const where = `${label} at ${new URL(baseUrl).host}`;
  const text = `${where}: ${names.join(', ') || 'no models'}.`;
  return [[where, ...names.toSorted()].join(), hint ? `${text} ${hint}.` : text];
}

const deniedNote = (host: string): string =>
  `The server at ${host} wants an API key: write it as a target with its apiKey into router.config.yaml.`;

const simulatedNote = (everyMs: number): string =>
  'No model was found, so answers are simulated. For real ones start a model server (ollama pull llama3.2, then ' +
  `ollama serve): it takes over within ${Math.ceil(everyMs / 1000)} s. Or set OPENAI_API_KEY, or ` +
  'AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY, and start again.';
