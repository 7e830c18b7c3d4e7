import { Module, type OnModuleInit } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { LiveConfig } from '../../common/config/live-config.js';
import { loadNumberingPlans } from '../../common/privacy/numbering-plans.js';
import { CheckAnswerHandler } from './answer-check/check-answer.handler.js';
import { ReplicaNotes } from './records/replica-notes.js';
import { OpenToolCalls } from './records/open-tool-calls.js';
import { EndToolCallHandler } from './records/end-tool-call.handler.js';
import { DecideRouteHandler } from './decide-route.handler.js';
import { PolicyVersionHandler } from './policy-version.handler.js';

/** Decides which target answers, and why. */
@Module({
  imports: [CqrsModule],
  providers: [
    DecideRouteHandler,
    PolicyVersionHandler,
    CheckAnswerHandler,
    EndToolCallHandler,
    OpenToolCalls,
    ReplicaNotes,
  ],
})
export class RouterModule implements OnModuleInit {
  constructor(private readonly config: LiveConfig) {}

  async onModuleInit(): Promise<void> {
    this.config.onChange(prepareSearch);
    await prepareSearch(this.config.current);
  }
}

/** What the search for private text needs, before the first request that is searched. */
async function prepareSearch({ privacy }: RouterConfig): Promise<void> {
  if (privacy.localOnly && privacy.detect.includes('phone')) await loadNumberingPlans();
}
