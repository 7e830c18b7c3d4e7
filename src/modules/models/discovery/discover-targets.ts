import { routerConfigSchema, type TargetConfig } from '../../../common/config/config.schema.js';
import type { Tier } from '../../../common/target.js';
import { cloudTargets } from './cloud-targets.js';
import { USUAL_CONTEXT, type FoundServer } from './found-model.js';
import { findLocalServers, type LocalSearch } from './local-servers.js';
import { targetId, withUniqueIds, type TargetInput } from './target-input.js';

const PROBE_MS = 300;
const STATUS_MS = 1_000;
const DEFAULT_PORT = 8080;

export interface DiscoveryOptions extends Partial<LocalSearch> {
  /** The port this service listens on. Default 8080. */
  readonly ownPort?: number;
}

export interface Discovery {
  /** Local targets first, then the small and the large cloud one; both tiers are always there. */
  readonly targets: TargetConfig[];
  /** Sentences for the person who started the service: what was found, and what to do about what was not. */
  readonly notes: string[];
}

/**
 * The targets of a service without a configuration file: local model servers that answer now, the cloud keys in the
 * environment, and a simulated target for a tier that has neither. Takes at most 1.3 s, 0.3 s without Foundry Local;
 * never rejects.
 */
export async function discoverTargets(options: DiscoveryOptions = {}): Promise<Discovery> {
  const { env = process.env, ownPort = DEFAULT_PORT, probeMs = PROBE_MS, statusMs = STATUS_MS } = options;
  const servers = await findLocalServers({ ...options, env, probeMs, statusMs });
  const local = servers.flatMap(targetsOf);
  const cloud = cloudTargets(env, ownPort);
  const found = [
    ...(local.length > 0 ? local : [SIMULATED.local.target]),
    ...(cloud.targets.length > 0 ? cloud.targets : [SIMULATED.cloud.target]),
  ];
  const { targets } = routerConfigSchema.parse({ targets: withUniqueIds(found) });
  const notes = [
    ...servers.map(noteOf),
    ...cloud.notes,
    ...(local.length > 0 ? [] : [SIMULATED.local.note]),
    ...(cloud.targets.length > 0 ? [] : [SIMULATED.cloud.note]),
  ];
  return { targets, notes };
}

function targetsOf({ kind, baseUrl, models }: FoundServer): TargetInput[] {
  return models.map(({ name, contextWindow = USUAL_CONTEXT, capabilities }) => ({
    id: targetId(kind, name),
    tier: 'local',
    provider: 'openai',
    baseUrl,
    model: name,
    contextWindow,
    capabilities,
    price: { input: 0, output: 0 },
  }));
}

function noteOf({ label, baseUrl, models, hint }: FoundServer): string {
  const names = models.length > 0 ? models.map((model) => model.name).join(', ') : 'no models';
  return `${label} at ${new URL(baseUrl).host}: ${names}.${hint ? ` ${hint}.` : ''}`;
}

/** What stands in for a tier without a model. It costs nothing, as nobody is paid. */
const SIMULATED: Readonly<Record<Tier, { target: TargetInput; note: string }>> = {
  local: {
    target: {
      id: 'simulated-local',
      tier: 'local',
      provider: 'simulated',
      model: 'simulated-small',
      contextWindow: 8_192,
      capabilities: ['tools', 'json'],
      price: { input: 0, output: 0 },
    },
    note: 'No local model was found, so local answers are simulated. For real ones start a server (ollama pull llama3.2, then ollama serve) and restart.',
  },
  cloud: {
    target: {
      id: 'simulated-cloud',
      tier: 'cloud',
      provider: 'simulated',
      model: 'simulated-large',
      contextWindow: 128_000,
      capabilities: ['tools', 'vision', 'json'],
      price: { input: 0, output: 0 },
    },
    note: 'No cloud key was found, so cloud answers are simulated. For real ones set OPENAI_API_KEY, or AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY, and restart.',
  },
};
