import { ConfigError } from './config-error.js';
import { withAutoModel } from './live-config.js';
import { loadConfig, type ConfigPlace } from './load-config.js';

export interface CheckResult {
  readonly exitCode: 0 | 1;
  readonly lines: readonly string[];
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** One summary line, or one line a problem. */
export function checkConfig(place: ConfigPlace): CheckResult {
  try {
    const { config, source } = loadConfig(place);
    const { targets, models, auth, server } = withAutoModel(config);
    const parts = [count(targets.length, 'target'), count(models.length, 'model'), count(auth.keys.length, 'key')];
    const name = source ?? 'no router.config.yaml, embedded default';
    return { exitCode: 0, lines: [`${name}: valid (${parts.join(', ')}; ${server.host}:${server.port})`] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { exitCode: 1, lines: error.problems.map(({ path, message }) => `${path}: ${message}`) };
  }
}

// `npm run config:check`
if (import.meta.main) {
  const { exitCode, lines } = checkConfig({ env: process.env, cwd: process.cwd() });
  (exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
  process.exitCode = exitCode;
}
