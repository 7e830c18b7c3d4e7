import { ConfigError } from './config-error.js';
import { takesTokens, textsOf } from './jwt.schema.js';
import { withAutoModel } from './live-config.js';
import { loadConfig, type ConfigPlace } from './load-config.js';

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** One summary line, or one line a problem. */
export function checkConfig(place: ConfigPlace): { exitCode: 0 | 1; lines: string[] } {
  try {
    const { config, source } = loadConfig(place);
    const { targets, models, auth, server } = withAutoModel(config);
    const parts = [count(targets.length, 'target'), count(models.length, 'model'), count(auth.keys.length, 'key')];
    if (takesTokens(auth.jwt)) parts.push(`tokens of ${count(textsOf(auth.jwt.issuer).length, 'issuer')}`);
    const name = source ?? 'no router.config.yaml, embedded default';
    return { exitCode: 0, lines: [`${name}: valid (${parts.join(', ')}; ${server.host}:${server.port})`] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { exitCode: 1, lines: error.problems.map(({ path, message }) => `${path}: ${message}`) };
  }
}

const USAGE = `Usage: npm run config:check -- [FILE]
  FILE   instead of the one that ROUTER_CONFIG names, or router.config.yaml`;

function main([file, ...rest]: readonly string[]): void {
  if (file === '--help' || file === '-h') {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const problem = file?.startsWith('-') ? `${file} is no option` : rest.length > 0 ? 'one file at a time' : null;
  if (problem !== null) {
    process.stderr.write(`${problem}\n\n${USAGE}\n`);
    process.exitCode = 2;
    return;
  }
  const ROUTER_CONFIG = file ?? process.env['ROUTER_CONFIG'];
  const { exitCode, lines } = checkConfig({ env: { ...process.env, ROUTER_CONFIG }, cwd: process.cwd() });
  (exitCode === 0 ? process.stdout : process.stderr).write(`${lines.join('\n')}\n`);
  process.exitCode = exitCode;
}

// `npm run config:check`, or `npm run config:check -- <file>`
if (import.meta.main) main(process.argv.slice(2));
