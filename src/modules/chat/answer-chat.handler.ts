import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AnswerChat } from './answer-chat.js';
import { AnswerChatCommand, type ChatAnswer } from './chat.messages.js';

/** For the other doors; the one of chat completions is in this module. */
@CommandHandler(AnswerChatCommand)
export class AnswerChatHandler implements ICommandHandler<AnswerChatCommand> {
  constructor(private readonly chat: AnswerChat) {}

  execute({ ask }: AnswerChatCommand): Promise<ChatAnswer> {
    return this.chat.answer(ask);
  }
}
