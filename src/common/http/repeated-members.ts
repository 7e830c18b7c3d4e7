import { InvalidRequest } from '../app-error.js';
import { repeatedFields } from '../json/repeats.js';
import { sourceOf } from '../json/source.js';

/**
 * Refuses a body in which a field that is read here is named twice: one value would be checked, and whoever reads the text
 * after us might take the other (RFC 8259 section 4). What nobody here reads goes on as it came.
 *
 * @param body as it was parsed
 * @param read names of the fields of the body that are read
 * @param whole those of them that are read in all their depth, such as `messages`
 * @throws InvalidRequest that names the first such field
 */
export function refuseRepeats(body: unknown, read: ReadonlySet<string>, whole: readonly string[]): void {
  const source = sourceOf(body);
  if (!source?.hasRepeats) return;
  const param = repeatedFields(source.text).find(
    (path) => read.has(path) || whole.some((field) => path.startsWith(`${field}[`)),
  );
  if (param) throw new InvalidRequest(`${param}: this field stands twice in one object; leave one of them out.`, param);
}
