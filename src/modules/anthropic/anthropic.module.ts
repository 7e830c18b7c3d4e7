import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { MessagesController } from './messages.controller.js';

/** HTTP in, Anthropic's messages out; the recipe of a request is module chat's. */
@Module({ imports: [CqrsModule], controllers: [MessagesController] })
export class AnthropicModule {}
