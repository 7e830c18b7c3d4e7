import { needsCredential } from './common/config/access-rules.js';
import type { LiveConfig } from './common/config/live-config.js';
import type { Target } from './common/target.js';

const describe = ({ id, tier, model, simulated }: Target, width: number): string =>
  `    ${id.padEnd(width)}  ${tier.padEnd(5)}  ${model}${simulated ? '  (simulated)' : ''}`;

/** How to get a real answer. */
const ONLY_SIMULATED = [
  '',
  '  No model was found yet, so answers are simulated. Start a model server on this machine',
  '  (Ollama: ollama pull llama3.2, then ollama serve) and it takes over by itself within 10 s;',
  '  or set OPENAI_API_KEY and start again.',
];

/** What a person needs after a start: where it listens, what it found, and one line to try. */
export function banner(url: string, live: LiveConfig, targets: readonly Target[]): string {
  const { current: config, source, wantsTargets: isSearching } = live;
  const width = Math.max(0, ...targets.map(({ id }) => id.length));
  const key = needsCredential(config) ? ` -H 'Authorization: Bearer <your key>'` : '';
  return [
    '',
    `  Hybrid LLM Router is listening on ${url}`,
    '',
    `  Swagger UI     ${url}/docs`,
    `  OpenAI base    ${url}/v1`,
    `  Anthropic base ${url}`,
    `  Configuration  ${source ?? 'embedded default (no router.config.yaml)'}`,
    '  Targets',
    ...targets.map((target) => describe(target, width)),
    ...(isSearching && targets.every(({ simulated }) => simulated) ? ONLY_SIMULATED : []),
    '',
    '  Try it:',
    `  curl -s ${url}/query -H 'content-type: application/json'${key} -d '{"query":"What is the capital of France?"}'`,
    '',
    '',
  ].join('\n');
}
