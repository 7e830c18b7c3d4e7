import { hash } from 'node:crypto';
import type { RouterConfigInput } from './router-process.js';
import type { UpstreamServer } from './upstream-server.js';

export type TargetInput = NonNullable<RouterConfigInput['targets']>[number];
export type KeyInput = NonNullable<NonNullable<RouterConfigInput['auth']>['keys']>[number];

/** A target that can do everything, served by this upstream; its id is the upstream's model name unless changed. */
export function targetOn(upstream: UpstreamServer, changes: Partial<TargetInput> = {}): TargetInput {
  return {
    id: upstream.model,
    tier: 'local',
    baseUrl: upstream.baseUrl,
    model: upstream.model,
    capabilities: ['tools', 'vision', 'json'],
    ...changes,
  };
}

/** The same of a server that speaks Anthropic's Messages. */
export const anthropicOn = (upstream: UpstreamServer, changes: Partial<TargetInput> = {}): TargetInput =>
  targetOn(upstream, {
    ...{ tier: 'cloud', provider: 'anthropic', baseUrl: new URL(upstream.baseUrl).origin, apiKey: 'sk-ant-test' },
    ...changes,
  });

/** These targets behind the model `auto`, tried in this order; no cache, so that every request reaches a model. */
export function inOrder(targets: readonly TargetInput[], rest: Partial<RouterConfigInput> = {}): RouterConfigInput {
  return {
    targets: [...targets],
    models: [{ name: 'auto', strategy: 'priority', targets: targets.map(({ id }) => id) }],
    cache: { enabled: false },
    ...rest,
  };
}

/** Limits no test of anything else runs into. */
export const GENEROUS: NonNullable<RouterConfigInput['limits']> = {
  requestsPerMinute: 100_000,
  tokensPerMinute: 100_000_000,
  concurrent: 1_000,
  usdPerMonth: 1_000,
};

/** The entry of `auth.keys` for a key in plain text. */
export function keyFor(plain: string, changes: Partial<KeyInput> = {}): KeyInput {
  return { id: plain, sha256: hash('sha256', plain), tenant: 'acme', user: plain, ...changes };
}
