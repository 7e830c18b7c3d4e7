import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BoundedMap } from '../../../common/bounded-map.js';
import type { Caller } from '../../../common/caller.js';
import { DecisionLog } from './decision-log.js';
import { ReplicaNotes } from './replica-notes.js';

/** Requests remembered in memory, those of all callers together. */
const MOST = 10_000;
const NOTE = 'asked';

type Owner = Pick<Caller, 'tenant' | 'user'>;

/**
 * Whose request an id is. The latest are in memory; older ones, also from before a restart, are in the decision log; those
 * that another replica answered are known through Redis for an hour.
 */
@Injectable()
export class KnownRequests {
  /** Key of a request to the mark of its latest feedback, "" for none. */
  private readonly marks = new BoundedMap<string, string>(MOST);
  /** The latest request id of each user. */
  private readonly latestIds = new BoundedMap<string, string>(MOST);

  constructor(
    private readonly log: DecisionLog,
    private readonly notes: ReplicaNotes,
  ) {}

  /** A request was decided or answered here; told once for each. */
  note(owner: Owner, requestId: string): void {
    const user = userOf(owner);
    const key = user + requestId;
    this.marks.set(key, '');
    this.latestIds.set(user, requestId);
    if (this.notes.areShared) this.notes.put(NOTE, digestOf(key), '1');
  }

  /** The id of the user's latest request here; `null` when none is known. */
  latestOf(owner: Owner): string | null {
    return this.latestIds.get(userOf(owner)) ?? null;
  }

  /** Whether this very user made the request; the same for one of others and for one that never was. */
  async has(owner: Owner, requestId: string): Promise<boolean> {
    const key = keyOf(owner, requestId);
    if (this.marks.has(key)) return true;
    const known = (await this.notes.find(NOTE, digestOf(key))) !== null || (await this.log.has(owner, requestId));
    if (known) this.marks.set(key, '');
    return known;
  }

  /** The mark of the latest feedback for a request; "" for none, or none that is remembered. */
  markOf(owner: Owner, requestId: string): string {
    return this.marks.get(keyOf(owner, requestId)) ?? '';
  }

  judged(owner: Owner, requestId: string, mark: string): void {
    this.marks.set(keyOf(owner, requestId), mark);
  }
}

/** With their lengths, so that no two names run together: every request is noted, and JSON would take ten times as long. */
const userOf = ({ tenant, user }: Owner): string => `${tenant.length}:${tenant}${user.length}:${user}`;

const keyOf = (owner: Owner, requestId: string): string => userOf(owner) + requestId;

const digestOf = (key: string): string => hash('sha256', key, 'base64url');
