import type { z } from 'zod';
import type { targetSchema } from '../../../common/config/target.schema.js';
import type { Capability } from '../../../common/target.js';

/** A target as it could stand in router.config.yaml, before the schema fills in the defaults. */
export type TargetInput = Omit<z.input<typeof targetSchema>, 'capabilities'> & {
  readonly capabilities?: readonly Capability[];
};

const MAX_ID = 128;
/** Room for the "-2" of a second target of that name. */
const MAX_STEM = MAX_ID - 4;

/**
 * `<server>/<model>` with every character that ids may not have replaced by "-". Of a file path only the file's name
 * stays: it goes out in headers, and a path tells too much. Parts that mean nothing in a URL (`//`, `.`, `..`) go.
 */
export function targetId(server: string, model: string): string {
  const isPath = /^[./~\\]|^[A-Za-z]:\\|\\/.test(model);
  const name = isPath ? (model.split(/[/\\]/).findLast(Boolean) ?? '') : model;
  const id = `${server}/${name.replace(/[^A-Za-z0-9._:/@-]/g, '-')}`.slice(0, MAX_STEM);
  return id.split('/').filter(isUrlPart).join('/');
}

const isUrlPart = (part: string): boolean => part !== '' && part !== '.' && part !== '..';

/** The targets with "-2", "-3", ... behind ids that were taken. */
export function withUniqueIds(targets: readonly TargetInput[]): TargetInput[] {
  const taken = new Set<string>();
  return targets.map((target) => {
    let id = target.id;
    for (let count = 2; taken.has(id); count += 1) id = `${target.id}-${count}`;
    taken.add(id);
    return { ...target, id };
  });
}
