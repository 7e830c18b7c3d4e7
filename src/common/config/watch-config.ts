import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '@nestjs/common';
import { reloadProblems } from './access-rules.js';
import { ConfigError } from './config-error.js';
import { readConfigText, type Environment } from './config-text.js';
import type { RouterConfig } from './config.schema.js';
import type { LiveConfig } from './live-config.js';
import { parseConfig } from './load-config.js';

type Section = keyof RouterConfig;

/** Sections whose sockets and clients are opened once, at start. */
const NEEDS_RESTART = ['server', 'redis', 'cosmos', 'tables', 'telemetry'] as const satisfies Section[];

const changed = <T extends Section>(sections: readonly T[], next: RouterConfig, previous: RouterConfig): T[] =>
  sections.filter((section) => !isDeepStrictEqual(next[section], previous[section]));

/** `+new -gone ~changed`, by name; empty when the lists are equal. */
function listChanges<T>(next: readonly T[], previous: readonly T[], nameOf: (item: T) => string): string {
  const before = new Map(previous.map((item) => [nameOf(item), item]));
  const after = new Map(next.map((item) => [nameOf(item), item]));
  const marks = [...after].flatMap(([name, item]) => {
    if (!before.has(name)) return [`+${name}`];
    return isDeepStrictEqual(item, before.get(name)) ? [] : [`~${name}`];
  });
  const gone = [...before.keys()].filter((name) => !after.has(name)).map((name) => `-${name}`);
  const moved = marks.length + gone.length === 0 && !isDeepStrictEqual(next, previous) ? ['new order'] : [];
  return [...marks, ...gone, ...moved].join(' ');
}

/** What differs, one entry a section, by name and never by value: values may be secret. */
function describeChanges(next: RouterConfig, previous: RouterConfig): string[] {
  const lists: Partial<Record<Section, string>> = {
    targets: listChanges(next.targets, previous.targets, ({ id }) => id),
    models: listChanges(next.models, previous.models, ({ name }) => name),
    auth: listChanges(next.auth.keys, previous.auth.keys, ({ id }) => id),
  };
  return changed(Object.keys(next) as Section[], next, previous).map((section) =>
    lists[section] ? `${section} (${lists[section]})` : section,
  );
}

/** Editors write a file in several steps; wait until none came for this long. */
const SETTLE_MS = 200;

type ConfigLogger = Pick<Logger, 'log' | 'warn' | 'error'>;

export interface WatchOptions {
  readonly live: LiveConfig;
  readonly env: Environment;
  readonly logger: ConfigLogger;
}

class ConfigReloader {
  private running: Promise<void> = Promise.resolve();
  private lastText: string | null;
  private isGone = false;

  constructor(
    private readonly file: string,
    private readonly options: WatchOptions,
  ) {
    this.lastText = this.readText();
  }

  /** Reloads one after the other, so that an older file never replaces a newer one. */
  reload(why: 'signal' | 'file'): void {
    this.running = this.running.then(() => this.reloadNow(why)).catch((error: unknown) => this.refuse(error));
  }

  private async reloadNow(why: 'signal' | 'file'): Promise<void> {
    const found = this.readText();
    if (why === 'file') {
      // once: editors that delete before they write are back before it is looked at
      if (found === null && !this.isGone)
        this.options.logger.warn(`${this.file} is gone; what it said stays in force until a restart`);
      this.isGone = found === null;
      if (found === null || found === this.lastText) return;
    }
    this.lastText = found;
    const { live, env, logger } = this.options;
    const running = live.current;
    const text = found ?? readFileSync(this.file, 'utf8');
    const written = parseConfig(text, env, this.file);
    const waiting = changed(NEEDS_RESTART, written, running);
    const { server, redis, cosmos, tables, telemetry } = running;
    const next = { ...written, server, redis, cosmos, tables, telemetry };
    // `server` is the running one: the socket stays where it is, whatever the file says of the host.
    const problems = reloadProblems(next, readConfigText(text, env).value, live.written);
    if (problems.length > 0) throw new ConfigError(this.file, problems);
    await live.replace(next);
    const changes = describeChanges(live.current, running);
    logger.log(changes.length > 0 ? `Configuration reloaded: ${changes.join(', ')}` : 'Configuration read: no change');
    if (waiting.length > 0) logger.warn(`Not in force until a restart: ${waiting.join(', ')}`);
  }

  private readText(): string | null {
    try {
      return readFileSync(this.file, 'utf8');
    } catch {
      return null;
    }
  }

  private refuse(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    this.options.logger.error(`The new configuration is refused, the old one stays in force. ${detail}`);
  }
}

/** Kubernetes replaces a mounted file by swapping the link `..data` beside it; editors rename a new file over it. */
const concerns = (file: string, changed: string | null): boolean =>
  changed === null || changed === basename(file) || changed.startsWith('..');

function watchDirectory(file: string, logger: ConfigLogger, onChange: () => void): FSWatcher | null {
  const warn = (error: unknown) =>
    logger.warn(`Changes of ${file} are not seen (${(error as Error).message}); SIGHUP still reloads it`);
  try {
    const watcher = watch(dirname(file), (_, changed) => {
      if (concerns(file, changed)) onChange();
    });
    return watcher.on('error', warn).unref();
  } catch (error) {
    warn(error); // e.g. ENOSPC: no inotify watch left
    return null;
  }
}

/**
 * Reloads the configuration file on SIGHUP and when it changes. A bad file is refused with every problem in the log
 * and the old one stays in force. The sections of `NEEDS_RESTART` keep their running value; a warning names them.
 *
 * @returns ends the watching; the embedded default has no file, and then only SIGHUP is answered (with a warning)
 */
export function watchConfig(options: WatchOptions): () => void {
  const { live, logger } = options;
  const file = live.source;
  const reloader = file === null ? null : new ConfigReloader(file, options);
  let timer: NodeJS.Timeout | undefined;
  const onSignal = () => {
    if (reloader) reloader.reload('signal');
    else logger.warn('SIGHUP: there is no configuration file to reload; write one and restart');
  };
  const onChange = () => {
    clearTimeout(timer);
    timer = setTimeout(() => reloader?.reload('file'), SETTLE_MS).unref();
  };
  process.on('SIGHUP', onSignal);
  const watcher = file === null ? null : watchDirectory(file, logger, onChange);
  return () => {
    process.off('SIGHUP', onSignal);
    clearTimeout(timer);
    watcher?.close();
  };
}
