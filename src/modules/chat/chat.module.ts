import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AnswerChat } from './answer-chat.js';
import { AnswerChatHandler } from './answer-chat.handler.js';
import { ChatController } from './chat.controller.js';
import { AnswerRenewals } from './answer-renewals.js';
import { CountRunningChatsHandler } from './count-running-chats.handler.js';
import { FinishChat } from './finish-chat.js';
import { Generations } from './generations.js';
import { LeaveForgottenHandler } from './leave-forgotten.handler.js';

/** HTTP in, OpenAI JSON or SSE out. */
@Module({
  imports: [CqrsModule],
  controllers: [ChatController],
  providers: [
    AnswerChat,
    AnswerChatHandler,
    AnswerRenewals,
    Generations,
    LeaveForgottenHandler,
    FinishChat,
    CountRunningChatsHandler,
  ],
})
export class ChatModule {}
