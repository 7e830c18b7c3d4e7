import type { ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';

/** Ahead of the services and callers of a test, which have two cores at worst. */
const PRIORITY = -10;

/**
 * A store has a machine of its own where the service runs; here it should at least not wait for what is being tested.
 * Where that is not allowed (it takes root) it has to share.
 */
export function asOnItsOwnMachine<T extends ChildProcess>(child: T): T {
  try {
    if (child.pid !== undefined) setPriority(child.pid, PRIORITY);
  } catch {
    // allowed to root alone
  }
  return child;
}
