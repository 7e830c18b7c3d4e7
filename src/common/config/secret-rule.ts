import type { ConfigProblem } from './config-error.js';
import type { ScalarOrigin } from './interpolate.js';

const SECRET_PATH = /^(targets\[\d+\]\.apiKey|cosmos\.key|tables\.connectionString)$/;
const URL_PASSWORD = /^[a-z]+:\/\/[^/]*:([^/]+)@/i;

function readsLiteralSecret(path: string, origin: ScalarOrigin): boolean {
  if (SECRET_PATH.test(path)) {
    return origin.defaults.length > 0 || (origin.written !== '' && !origin.hasPlaceholder);
  }
  if (path !== 'redis.url') return false;
  return [origin.written, ...origin.defaults].some((url) => {
    const password = URL_PASSWORD.exec(url.replace(/^\$\{\w+:-(.*)\}$/, '$1'))?.[1];
    return password !== undefined && !password.includes('${');
  });
}

/** Secrets in a file end up in version control: they come from the environment, and have no default in the file. */
export function secretProblems(origins: ReadonlyMap<string, ScalarOrigin>): ConfigProblem[] {
  return [...origins]
    .filter(([path, origin]) => readsLiteralSecret(path, origin))
    .map(([path]) => ({
      path,
      message: 'a secret must not be in the file; write ${VAR} and set VAR in the environment',
    }));
}
