import { Controller, Get, Header } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import { InvalidApiKey, PermissionDenied } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { CurrentCaller, RequireScope } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-docs.js';
import { RecordChatCompletedHandler } from './record-chat-completed.handler.js';
import { UsageLedger, type TenantUsage } from './usage-ledger.js';

const USAGE_SCHEMA = {
  type: 'object' as const,
  required: ['object', 'data'],
  properties: {
    object: { type: 'string' as const, enum: ['list'] },
    data: {
      type: 'array' as const,
      items: {
        type: 'object' as const,
        required: ['tenant', 'requests', 'prompt_tokens', 'completion_tokens', 'cost_usd'],
        properties: {
          tenant: { type: 'string' as const },
          requests: { type: 'integer' as const, description: 'All requests that ended, failed ones included.' },
          prompt_tokens: { type: 'integer' as const },
          completion_tokens: { type: 'integer' as const },
          cost_usd: { type: 'number' as const, description: 'Known costs only; an unknown price adds nothing.' },
        },
      },
    },
  },
};

const EXAMPLE = {
  object: 'list',
  data: [{ tenant: 'acme', requests: 42, prompt_tokens: 5120, completion_tokens: 20480, cost_usd: 0.2176 }],
};

@ApiTags('Operations')
@SkipThrottle()
@Controller('admin')
export class UsageController {
  constructor(
    private readonly requests: RecordChatCompletedHandler,
    private readonly ledger: UsageLedger,
  ) {}

  @Get('usage')
  @RequireScope('admin')
  @Header('cache-control', 'no-store')
  @ApiBearerAuth()
  @ApiOperation({
    summary: 'Requests, tokens and spend by tenant',
    description:
      "Since this replica started. Scope `admin` sees the caller's own tenant, scope `operator` besides it all tenants. " +
      'Answers from the cache and failed requests count as requests but use no tokens and cost nothing.',
  })
  @ApiOkResponse({ description: 'One entry per tenant.', schema: { ...USAGE_SCHEMA, example: EXAMPLE } })
  @ApiErrors(InvalidApiKey, PermissionDenied)
  read(@CurrentCaller() caller: Caller): { object: 'list'; data: TenantUsage[] } {
    const tenant = caller.scopes.includes('operator') ? null : caller.tenant;
    this.requests.catchUp();
    return { object: 'list', data: this.ledger.report(tenant) };
  }
}
