import { z } from 'zod';
import type { FoundTargets } from '../../../common/config/live-config.js';
import { targetSchema } from '../../../common/config/target.schema.js';
import type { CloudFindings } from './cloud-targets.js';
import type { FoundModel, FoundServer } from './found-model.js';
import { targetId, withUniqueIds, type TargetInput } from './target-input.js';

/** What answers as long as there is no real model at all. It costs nothing, as nobody is paid. */
const SIMULATED_TARGETS: readonly TargetInput[] = [
  {
    id: 'simulated-local',
    tier: 'local',
    provider: 'simulated',
    model: 'simulated-small',
    contextWindow: 8_192,
    capabilities: ['tools', 'json', 'embeddings'],
    price: { input: 0, output: 0 },
  },
  {
    id: 'simulated-cloud',
    tier: 'cloud',
    provider: 'simulated',
    model: 'simulated-large',
    contextWindow: 128_000,
    capabilities: ['tools', 'vision', 'json', 'embeddings'],
    price: { input: 0, output: 0 },
  },
];

type LocalModel = FoundModel & Pick<FoundServer, 'kind' | 'baseUrl'>;

/**
 * The targets of a service without configured ones: local models first, in the order of the servers, then the cloud
 * ones, the small before the large; simulated ones only where there is no real one at all. Of several local models
 * without a cloud the largest is the strong side.
 */
export function foundTargets(servers: readonly FoundServer[], cloud: CloudFindings): FoundTargets {
  const local = servers.flatMap(({ kind, baseUrl, models }) => models.map((model) => ({ ...model, kind, baseUrl })));
  const real = withUniqueIds([...local.map(localTarget), ...cloud.targets]);
  const targets = z.array(targetSchema).parse(real.length > 0 ? real : SIMULATED_TARGETS);
  if (cloud.targets.length > 0 || local.length < 2) return { targets };
  return { targets, strong: [targets[largestOf(local)]!.id] };
}

const localTarget = ({ kind, baseUrl, name, contextWindow, capabilities }: LocalModel): TargetInput => ({
  ...{ id: targetId(kind, name), tier: 'local', provider: 'openai', baseUrl, model: name, capabilities },
  ...(contextWindow === undefined ? {} : { contextWindow }),
  price: { input: 0, output: 0 },
});

/** Of equal or unknown sizes the last: as everywhere, cheap ones stand first and dear ones last. */
const largestOf = (models: readonly LocalModel[]): number =>
  models.reduce((best, { parameters = 0 }, i) => (parameters >= (models[best]!.parameters ?? 0) ? i : best), 0);
