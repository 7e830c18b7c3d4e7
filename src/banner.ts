import type { RouterConfig } from './common/config/config.schema.js';
import type { Target } from './common/target.js';

const describe = ({ id, tier, model, simulated }: Target, width: number): string =>
  `    ${id.padEnd(width)}  ${tier.padEnd(5)}  ${model}${simulated ? '  (simulated: no real model answers)' : ''}`;

/** What a person needs after a start: where it listens, what it found, and one line to try. */
export function banner(url: string, config: RouterConfig, source: string | null, targets: readonly Target[]): string {
  const width = Math.max(0, ...targets.map(({ id }) => id.length));
  const key = config.auth.keys.length > 0 ? ` -H 'Authorization: Bearer <your key>'` : '';
  return [
    '',
    `  Hybrid LLM Router is listening on ${url}`,
    '',
    `  Swagger UI     ${url}/docs`,
    `  OpenAI base    ${url}/v1`,
    `  Configuration  ${source ?? 'embedded default (no router.config.yaml)'}`,
    '  Targets',
    ...targets.map((target) => describe(target, width)),
    '',
    '  Try it:',
    `  curl -s ${url}/query -H 'content-type: application/json'${key} -d '{"query":"What is the capital of France?"}'`,
    '',
    '',
  ].join('\n');
}
