import { QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { FinishChat } from './finish-chat.js';
import { CountRunningChatsQuery } from './chat.messages.js';

@QueryHandler(CountRunningChatsQuery)
export class CountRunningChatsHandler implements IQueryHandler<CountRunningChatsQuery> {
  constructor(private readonly chats: FinishChat) {}

  async execute(): Promise<number> {
    return this.chats.running;
  }
}
