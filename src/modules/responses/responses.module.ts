import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { ResponsesController } from './responses.controller.js';
import { StoredItems } from './stored-items.js';
import { StoredResponsesController } from './stored-responses.controller.js';

/** OpenAI's Responses API: translated to chat completions and back. */
@Module({
  imports: [CqrsModule],
  controllers: [ResponsesController, StoredResponsesController],
  providers: [StoredItems],
})
export class ResponsesModule {}
