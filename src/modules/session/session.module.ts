import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AppendTurnHandler } from './append-turn.handler.js';
import { CheckSessionStoresHandler } from './check-session-stores.handler.js';
import { CountSessionsHandler } from './count-sessions.handler.js';
import { DeleteResponseHandler } from './delete-response.handler.js';
import { FindResponseHandler } from './find-response.handler.js';
import { LoadConversationHandler } from './load-conversation.handler.js';
import { OutboxDrain } from './outbox-drain.js';
import { SessionErasure } from './session-erasure.js';
import { SessionReader } from './session-reader.js';
import { SessionStores } from './session-stores.js';
import { SessionController } from './session.controller.js';

@Module({
  imports: [CqrsModule],
  controllers: [SessionController],
  providers: [
    ...[SessionStores, OutboxDrain, SessionErasure, SessionReader],
    ...[LoadConversationHandler, AppendTurnHandler, FindResponseHandler, DeleteResponseHandler],
    ...[CheckSessionStoresHandler, CountSessionsHandler],
  ],
})
export class SessionModule implements OnApplicationShutdown {
  constructor(
    private readonly stores: SessionStores,
    private readonly drain: OutboxDrain,
    private readonly erasures: SessionErasure,
  ) {}

  /** Requests have ended by now: what still waits goes to its store, then the stores are closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.erasures.stop();
    await this.drain.flush(this.stores.cosmos !== null);
    await this.stores.close();
  }
}
