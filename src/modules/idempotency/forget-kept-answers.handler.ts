import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ForgetKeptAnswersCommand } from './idempotency.messages.js';
import { IdempotencyStore } from './idempotency-store.js';

@CommandHandler(ForgetKeptAnswersCommand)
export class ForgetKeptAnswersHandler implements ICommandHandler<ForgetKeptAnswersCommand> {
  constructor(private readonly store: IdempotencyStore) {}

  async execute({ session }: ForgetKeptAnswersCommand): Promise<void> {
    await this.store.forgetSession(session);
  }
}
