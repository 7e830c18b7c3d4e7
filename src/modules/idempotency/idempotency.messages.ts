import { Command } from '@nestjs/cqrs';
import type { SessionKey } from '../../common/session-id.js';

/**
 * Forgets the answers that are kept for keys and were given in a session. Rejects with `StoreUnavailable` when they may
 * still be there.
 */
export class ForgetKeptAnswersCommand extends Command<void> {
  constructor(readonly session: SessionKey) {
    super();
  }
}
