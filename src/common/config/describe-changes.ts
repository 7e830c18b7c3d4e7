import { isDeepStrictEqual } from 'node:util';
import type { RouterConfig } from './config.schema.js';

type Section = keyof RouterConfig;

/** Sections whose sockets and clients are opened once, at start. */
export const NEEDS_RESTART = ['server', 'redis', 'cosmos', 'tables', 'telemetry'] as const satisfies Section[];

/** The restart-only sections that differ. */
export function restartSections(next: RouterConfig, previous: RouterConfig): Section[] {
  return NEEDS_RESTART.filter((section) => !isDeepStrictEqual(next[section], previous[section]));
}

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
export function describeChanges(next: RouterConfig, previous: RouterConfig): string[] {
  const lists: Partial<Record<Section, string>> = {
    targets: listChanges(next.targets, previous.targets, ({ id }) => id),
    models: listChanges(next.models, previous.models, ({ name }) => name),
    auth: listChanges(next.auth.keys, previous.auth.keys, ({ id }) => id),
  };
  return (Object.keys(next) as Section[])
    .filter((section) => !isDeepStrictEqual(next[section], previous[section]))
    .map((section) => (lists[section] ? `${section} (${lists[section]})` : section));
}
