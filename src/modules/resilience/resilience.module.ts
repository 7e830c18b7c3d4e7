import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { CallModelsHandler } from './call-models.handler.js';

@Module({ imports: [CqrsModule], providers: [CallModelsHandler] })
export class ResilienceModule {}
