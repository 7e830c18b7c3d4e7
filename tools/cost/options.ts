import { readOptions, UsageError } from '../command.js';
import { numberIn } from '../loadtest/option-values.js';
import { ENVIRONMENTS, modelRates, type Environment, type Workload } from './workload.js';

/** What holds where an option is left out. */
export const DEFAULTS: Workload = {
  users: 500,
  requests: 20,
  promptTokens: 1_200,
  answerTokens: 400,
  cacheHit: 0.2,
  strongShare: 0.4,
  providerCached: 0,
  environment: 'prod',
  regions: 1,
  smallModel: 'gpt-5-mini',
  strongModel: 'gpt-5.1',
  traceRatio: 1,
};

export const USAGE = `Usage: npm run cost -- [options]: the monthly bill on Azure by part, and what each lever saves
  --users <n>             who use it (default ${DEFAULTS.users})
  --requests <n>          of a user and day; a month has 365/12 days (default ${DEFAULTS.requests})
  --prompt-tokens <n>     of a request, with the turns of its session (default ${DEFAULTS.promptTokens})
  --answer-tokens <n>     of an answer, with its reasoning (default ${DEFAULTS.answerTokens})
  --cache-hit <0..1>      share of requests that the router's cache answers (default ${DEFAULTS.cacheHit})
  --strong-share <0..1>   share of the others that goes to the strong model (default ${DEFAULTS.strongShare})
  --provider-cached <0..1> share of prompt tokens that the provider still has (default ${DEFAULTS.providerCached})
  --trace-ratio <0..1>    share of requests whose trace is kept (default ${DEFAULTS.traceRatio})
  --environment <name>    ${ENVIRONMENTS.join(', ')} (default ${DEFAULTS.environment})
  --regions <1|2>         (default ${DEFAULTS.regions})
  --small-model <name>    of Azure OpenAI, as in targets[].model (default ${DEFAULTS.smallModel})
  --strong-model <name>   (default ${DEFAULTS.strongModel})
  --json                  {total_usd, parts, assumptions, levers}
What it takes for granted, and where each price is from: docs/COST.md, and "assumptions" of --json.`;

const MOST = { users: 10_000_000, requests: 100_000, promptTokens: 10_000_000, answerTokens: 1_000_000 };

export interface Asked {
  readonly workload: Workload;
  readonly json: boolean;
}

const text = { type: 'string' } as const;
const OPTIONS = {
  ...{ users: text, requests: text, 'prompt-tokens': text, 'answer-tokens': text, 'cache-hit': text },
  ...{ 'strong-share': text, 'provider-cached': text, 'trace-ratio': text, environment: text, regions: text },
  ...{ 'small-model': text, 'strong-model': text, json: { type: 'boolean' as const, default: false } },
} as const;

/** @throws UsageError that names the option and says what it takes */
export function readAsked(args?: string[]): Asked {
  const values = readOptions(OPTIONS, args);
  const number = (name: keyof typeof OPTIONS, fallback: number, most: number, whole: boolean): number => {
    const value = values[name];
    return typeof value === 'string' ? numberIn(name, value, 0, most, whole) : fallback;
  };
  const share = (name: keyof typeof OPTIONS, fallback: number): number => number(name, fallback, 1, false);
  const workload: Workload = {
    users: number('users', DEFAULTS.users, MOST.users, true),
    requests: number('requests', DEFAULTS.requests, MOST.requests, false),
    promptTokens: number('prompt-tokens', DEFAULTS.promptTokens, MOST.promptTokens, true),
    answerTokens: number('answer-tokens', DEFAULTS.answerTokens, MOST.answerTokens, true),
    cacheHit: share('cache-hit', DEFAULTS.cacheHit),
    strongShare: share('strong-share', DEFAULTS.strongShare),
    providerCached: share('provider-cached', DEFAULTS.providerCached),
    traceRatio: share('trace-ratio', DEFAULTS.traceRatio),
    environment: environmentOf(values.environment),
    regions: regionsOf(values.regions),
    smallModel: modelOf('small-model', values['small-model'] ?? DEFAULTS.smallModel),
    strongModel: modelOf('strong-model', values['strong-model'] ?? DEFAULTS.strongModel),
  };
  return { workload, json: values.json };
}

function environmentOf(name: string = DEFAULTS.environment): Environment {
  const found = ENVIRONMENTS.find((one) => one === name);
  if (!found) throw new UsageError(`--environment takes ${ENVIRONMENTS.join(', ')}, not "${name}"`);
  return found;
}

function regionsOf(value = String(DEFAULTS.regions)): number {
  if (value !== '1' && value !== '2') throw new UsageError(`--regions takes 1 or 2, not "${value}"`);
  return Number(value);
}

function modelOf(option: string, name: string): string {
  if (modelRates(name, 0)) return name;
  throw new UsageError(
    `--${option} takes a model of Azure OpenAI that src/common/prices/price-table.ts has, such as gpt-5-mini, not "${name}"`,
  );
}
