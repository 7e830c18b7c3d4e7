import { OTHER } from '../../../common/logging/outside-text.js';

/** Names that reloads and the search for model servers took out of the configuration and that still have series. */
const MOST_DEPARTED = 256;

/**
 * Which names may be labels: those of the configuration in force, and those it had. The series of a name that has gone stay,
 * as a counter that falls would look like a restart; once 256 have gone, names that are new are `other` until the
 * process starts again.
 */
export class ClosedNames {
  private readonly known: Set<string>;

  /** @param current the names in force */
  constructor(
    private readonly current: () => ReadonlySet<string>,
    always: readonly string[] = [],
  ) {
    this.known = new Set(always);
  }

  /** The name itself, or `other`. */
  label(name: string): string {
    if (this.known.has(name)) return name;
    if (this.departed() >= MOST_DEPARTED) return OTHER;
    this.known.add(name);
    return name;
  }

  private departed(): number {
    const current = this.current();
    let count = 0;
    for (const name of this.known) if (!current.has(name)) count += 1;
    return count;
  }
}
