import { z } from 'zod';

/** The path is seen from the item that has it. */
export type Fault = Pick<z.core.$ZodIssue, 'path' | 'message'>;

/** A text, or a list of what `isItem` accepts. */
export function textOr<T>(isItem: (item: unknown) => boolean, error: string): z.ZodType<string | T[]> {
  const isForm = (value: unknown): boolean =>
    typeof value === 'string' || (Array.isArray(value) && value.every((item) => isItem(item)));
  const docs = { anyOf: [{ type: 'string' }, { type: 'array', items: {} }] };
  return z.unknown().refine(isForm, { error }).meta(docs) as z.ZodType<unknown> as z.ZodType<string | T[]>;
}

/**
 * A list is checked up to its first fault, and not by zod's own list: a list of a million items, or of as many faults,
 * would be a hundred times the work of parsing it.
 *
 * @param faultOf what else can be wrong with an item of the right form; by zod it would double the time
 */
export function listOf<T extends z.ZodType>(
  item: T,
  faultOf: (value: z.output<T>) => Fault | null = noFault,
): z.ZodType<z.output<T>[]> {
  // `superRefine` makes a closure that V8 puts into the old space, where it keeps the list until the next full collection
  const list = z.unknown().check(({ value, issues }) => {
    const fault = Array.isArray(value) ? faultIn(value, item, faultOf) : NO_LIST;
    if (fault) issues.push({ code: 'custom', input: value, path: [...fault.path], message: fault.message });
  });
  const { $schema: _, ...items } = z.toJSONSchema(item, { io: 'input', target: 'openapi-3.0' });
  return list.meta({ type: 'array', items }) as z.ZodType<unknown> as z.ZodType<z.output<T>[]>;
}

const NO_LIST: Fault = { path: [], message: 'Invalid input: expected array' };

function faultIn<T extends z.ZodType>(
  list: readonly unknown[],
  item: T,
  faultOf: (value: z.output<T>) => Fault | null,
): Fault | null {
  for (const [at, value] of list.entries()) {
    const { error, data } = item.safeParse(value);
    const fault = error ? error.issues[0] : faultOf(data);
    if (fault) return { path: [at, ...fault.path], message: fault.message };
  }
  return null;
}

function noFault(): null {
  return null;
}
