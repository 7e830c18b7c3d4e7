import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isFields } from '../json/fields.js';
import { listenProblem } from './access-rules.js';
import { checkSchema } from './check-schema.js';
import { ConfigError } from './config-error.js';
import { routerConfigSchema, type RouterConfig } from './config.schema.js';
import { readConfigText, type Environment } from './config-text.js';
import { crossReferences } from './cross-references.js';

const DEFAULT_FILE = 'router.config.yaml';

export interface ConfigPlace {
  readonly env: Environment;
  /** Directory that relative paths start from. */
  readonly cwd: string;
}

export interface LoadedConfig {
  readonly config: RouterConfig;
  /** Absolute path of the file, or `null` for the embedded default. */
  readonly source: string | null;
}

function findFile({ env, cwd }: ConfigPlace): string | null {
  if (env.ROUTER_CONFIG) return resolve(cwd, env.ROUTER_CONFIG);
  const file = resolve(cwd, DEFAULT_FILE);
  return existsSync(file) ? file : null;
}

/** Reads the text of a configuration file. @throws ConfigError with every problem */
export function parseConfig(text: string, env: Environment, source: string): RouterConfig {
  const { syntax, value, problems: scalars, untyped } = readConfigText(text, env);
  if (syntax.length > 0) throw new ConfigError(source, syntax);
  const file = value ?? {};
  const { config, problems: shape } = checkSchema(file, untyped, new Set(scalars.map(({ path }) => path)));
  const problems = [...scalars, ...shape, ...(isFields(file) ? crossReferences(file) : [])];
  if (problems.length > 0 || !config) throw new ConfigError(source, problems);
  return config;
}

/** No file: the schema's defaults; the variables PORT and HOST say where to listen. */
function embeddedDefault(env: Environment): RouterConfig {
  const port = env.PORT ? Number(env.PORT) : undefined;
  const result = routerConfigSchema.safeParse({ server: { host: env.HOST || undefined, port } });
  if (!result.success) {
    throw new ConfigError('The environment', [{ path: 'PORT', message: 'expected a TCP port, 0 to 65535' }]);
  }
  const refused = listenProblem(result.data);
  if (refused) throw new ConfigError('The environment', [{ path: 'HOST', message: refused.message }]);
  return result.data;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`;
    throw new ConfigError('The configuration file', [{ path: file, message }]);
  }
}

/**
 * The configuration of this start: the file named by ROUTER_CONFIG (it must exist), else `router.config.yaml` in the
 * working directory, else the embedded default, where PORT and HOST set `server.port` and `server.host`.
 *
 * @throws ConfigError with every problem at once
 */
export function loadConfig(place: ConfigPlace): LoadedConfig {
  const source = findFile(place);
  if (source === null) return { config: embeddedDefault(place.env), source };
  return { config: parseConfig(readText(source), place.env, source), source };
}
