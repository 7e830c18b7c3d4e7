import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { AUTO_MODEL } from './auto-model.js';
import { checkSchema } from './check-schema.js';
import { ConfigError, type ConfigProblem } from './config-error.js';
import { routerConfigSchema, type RouterConfig } from './config.schema.js';
import { interpolate, type Environment } from './interpolate.js';
import { listenProblem } from './listen-rule.js';
import { secretProblems } from './secret-rule.js';
import { parseYamlSource } from './yaml-source.js';

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

/** The rule of listen-rule.ts, also for a file that is wrong elsewhere; silent when `server` or `auth` is in doubt. */
function listenProblems(mended: unknown, found: readonly ConfigProblem[]): ConfigProblem[] {
  const { server, auth } = routerConfigSchema.shape;
  const sections = mended as Record<string, unknown>;
  const [where, who] = [server.safeParse(sections.server), auth.safeParse(sections.auth)];
  if (!where.success || !who.success || found.some(({ path }) => /^(auth|server\.host)/.test(path))) return [];
  const problem = listenProblem({ server: where.data, auth: who.data });
  return problem ? [problem] : [];
}

function reservedIds(mended: unknown): ConfigProblem[] {
  const { targets } = mended as { targets?: unknown };
  return (Array.isArray(targets) ? (targets as { id?: unknown }[]) : []).flatMap((target, i) =>
    target?.id === AUTO_MODEL
      ? [{ path: `targets[${i}].id`, message: `"${AUTO_MODEL}" is the name of a model; choose another id` }]
      : [],
  );
}

/** Reads the text of a configuration file. @throws ConfigError with every problem */
export function parseConfig(text: string, env: Environment, source: string): RouterConfig {
  const { document, problems: syntax } = parseYamlSource(text);
  if (syntax.length > 0) throw new ConfigError(source, syntax);
  const { value, origins, problems: unset } = interpolate(document, env);
  const known = [...unset, ...secretProblems(origins)];
  const bad = new Set(known.map(({ path }) => path));
  const { config, mended, problems: shape } = checkSchema(value ?? {}, origins, bad);
  const whole = shape.some(({ path }) => path === '(file)')
    ? []
    : [...reservedIds(mended), ...listenProblems(mended, [...known, ...shape])];
  const problems = [...known, ...shape, ...whole];
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
