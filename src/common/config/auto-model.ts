import type { ModelConfig, RouterConfig } from './config.schema.js';

export const AUTO_MODEL = 'auto';
/** As in the schema's default: two of five queries may go to the strong side. */
const STRONG_SHARE = 0.4;
/** Models made here, told apart from written ones: they follow the targets when those change. */
const generated = new WeakSet<ModelConfig>();

/**
 * The model `auto` always exists: not configured, it is every target in configured order, strategy `hybrid`.
 *
 * @param strong ids of its strong side, where that is not the usual one
 */
export function withAutoModel(config: RouterConfig, strong?: readonly string[]): RouterConfig {
  const written = config.models.filter((model) => !generated.has(model));
  if (written.some(({ name }) => name === AUTO_MODEL)) return config;
  if (config.targets.length === 0)
    return written.length === config.models.length ? config : { ...config, models: written };
  const auto: ModelConfig = {
    name: AUTO_MODEL,
    strategy: 'hybrid',
    targets: config.targets.map(({ id }) => id),
    ...(strong ? { strong: [...strong] } : {}),
    strongShare: STRONG_SHARE,
  };
  generated.add(auto);
  return { ...config, models: [auto, ...written] };
}
