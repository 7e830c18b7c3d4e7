import type { TargetInput } from './target-input.js';

/** What answers as long as there is no real model at all. It costs nothing, as nobody is paid. */
export const SIMULATED_TARGETS: readonly TargetInput[] = [
  {
    id: 'simulated-local',
    tier: 'local',
    provider: 'simulated',
    model: 'simulated-small',
    contextWindow: 8_192,
    capabilities: ['tools', 'json'],
    price: { input: 0, output: 0 },
  },
  {
    id: 'simulated-cloud',
    tier: 'cloud',
    provider: 'simulated',
    model: 'simulated-large',
    contextWindow: 128_000,
    capabilities: ['tools', 'vision', 'json'],
    price: { input: 0, output: 0 },
  },
];
