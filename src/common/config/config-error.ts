import { fieldPath } from '../json/fields.js';

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** `targets[0].baseUrl`, an environment variable, or `line 3, column 5` where the file is not YAML at all. */
  readonly path: string;
  /** Says what is wrong and, where known, the cure. Never holds a value that may be secret. */
  readonly message: string;
}

/** The configuration cannot be used. Holds every problem, so that one round of editing is enough. */
export class ConfigError extends Error {
  /** @param source what was read, as a person knows it: a path, or "the environment" */
  constructor(
    readonly source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    super([`${source} cannot be used:`, ...problems.map(({ path, message }) => `  ${path}: ${message}`)].join('\n'));
    this.name = 'ConfigError';
  }
}

/** `['targets', 0, 'baseUrl']` becomes `targets[0].baseUrl`; the whole document is `(file)`. */
export const formatPath = (path: readonly PropertyKey[]): string => fieldPath(path) || '(file)';
