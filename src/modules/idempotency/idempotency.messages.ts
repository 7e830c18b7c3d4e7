import { Command } from '@nestjs/cqrs';

/**
 * Forgets the answers that are kept for keys and were given in a session. Rejects with `StoreUnavailable` when they may
 * still be there.
 */
export class ForgetKeptAnswersCommand extends Command<void> {
  constructor(
    readonly tenant: string,
    readonly sessionId: string,
  ) {
    super();
  }
}
