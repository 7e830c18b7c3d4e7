import { Injectable } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { inTime } from '../../../common/in-time.js';
import { CheckSessionStoresQuery, type SessionStoreChecks } from '../../session/session.messages.js';
import { CHECK_DEADLINE_MS, CHECK_FAILED } from './check.js';

const FAILED: SessionStoreChecks = {
  durable: false,
  sessions: { healthy: false, detail: CHECK_FAILED },
  redis: null,
  cosmos: null,
  tables: null,
};

/** What the stores say, at most 1 s old: whoever looks after them asks each once a second, however often it is asked. */
@Injectable()
export class RecentStores {
  constructor(private readonly queries: QueryBus) {}

  /** `null` when nobody says anything in time. Never rejects. */
  read(): Promise<SessionStoreChecks | null> {
    const asked = this.queries.execute(new CheckSessionStoresQuery()).catch(() => FAILED);
    return inTime(asked, CHECK_DEADLINE_MS, null);
  }
}
