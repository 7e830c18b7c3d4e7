import { Controller, Delete, Header, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { SkipThrottle } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { InvalidApiKey, InvalidRequest, Overloaded, PermissionDenied } from '../../common/app-error.js';
import type { Caller } from '../../common/caller.js';
import { CurrentCaller, RequireScope } from '../../common/http/access.decorators.js';
import { ApiErrors } from '../../common/http/api-errors.js';
import { checked } from '../../common/http/request-validation.pipe.js';
import { ifAvailable } from '../../common/store-unavailable.js';
import { Forgetting } from './forgetting.js';

const MOST_NAME = 256;
const RETRY_SECONDS = 1;

const forgetQuery = z.strictObject({
  tenant: z
    .string()
    .min(1)
    .max(MOST_NAME)
    .optional()
    .describe('Whose answers; left out: your own, scope operator: all.'),
  model: z.string().min(1).max(MOST_NAME).optional().describe('Answers to this model name; left out: to all.'),
});
type ForgetQuery = z.output<typeof forgetQuery>;

const forgottenResponse = z.object({
  object: z.literal('cache.deleted'),
  deleted: z.literal(true),
  tenant: z.string().nullable().describe('null = all tenants.'),
  model: z.string().nullable().describe('null = all model names.'),
  entries: z.int().describe('How many there were: in Redis, or in the memory of this replica where there is no Redis.'),
});

@ApiTags('admin')
@ApiBearerAuth()
@RequireScope('admin')
@ApiErrors(InvalidRequest, InvalidApiKey, PermissionDenied, Overloaded)
@SkipThrottle()
@Controller('admin/cache')
export class CacheController {
  constructor(private readonly forgetting: Forgetting) {}

  @Delete()
  @Header('cache-control', 'no-store')
  @ApiOperation({
    operationId: 'forgetCachedAnswers',
    summary: 'Forget cached answers',
    description:
      'Gone when this answers, on the other replicas within a second; what is being made meanwhile is not kept either. ' +
      'An entry belongs to the tenant whose request it was made for, under `cache.scope: global` too. Scope `admin`: your own ' +
      'tenant; scope `operator`: all.',
  })
  @ApiResponse({
    status: 200,
    description: 'They are gone.',
    standardSchema: forgottenResponse,
    example: { object: 'cache.deleted', deleted: true, tenant: 'acme', model: null, entries: 42 },
  })
  async forget(
    @CurrentCaller() caller: Caller,
    @Query(checked(forgetQuery)) { tenant: asked, model: named }: ForgetQuery,
    @Req() { headers }: FastifyRequest,
  ): Promise<z.output<typeof forgottenResponse>> {
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    if (hasBody)
      throw new InvalidRequest('tenant and model go into the query: DELETE /admin/cache?model=auto. Send no body.');
    const tenant = tenantOf(caller, asked);
    const model = named ?? null;
    const entries = await ifAvailable(() => this.forgetting.forgetAll(tenant, model), null);
    if (entries === null) {
      const message = 'Redis cannot be used at the moment: some of the answers may still be there. Try again.';
      throw new Overloaded(message, RETRY_SECONDS);
    }
    return { object: 'cache.deleted', deleted: true, tenant, model, entries };
  }
}

/** @returns `null` = all @throws PermissionDenied */
function tenantOf({ tenant, scopes }: Caller, asked: string | undefined): string | null {
  if (scopes.includes('operator')) return asked ?? null;
  if (asked === undefined || asked === tenant) return tenant;
  throw new PermissionDenied('tenant: another tenant than your own needs scope operator; leave it out.', 'tenant');
}
