import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { AnswerChat } from './answer-chat.js';
import { ChatController } from './chat.controller.js';
import { FinishChat } from './finish-chat.js';

/** HTTP in, OpenAI JSON or SSE out. */
@Module({ imports: [CqrsModule], controllers: [ChatController], providers: [AnswerChat, FinishChat] })
export class ChatModule {}
